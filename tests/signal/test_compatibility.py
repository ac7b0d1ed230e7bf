"""Estimators of other projects, against measurements of them, closed forms, and dense solutions.

The plethysmogram is that of the measurements: a systolic and a dicrotic wave, noise of SD 0.5 where there is noise.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, filtfilt, periodogram, welch

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.signal.compatibility.estimator import ESTIMATORS, highest_bin_bpm
from rppgbench.signal.compatibility.preparation import band_passed, pulse_ratio_db, without_trend
from rppgbench.signal.compatibility.pyvhr import PYVHR
from rppgbench.signal.compatibility.toolbox import TOOLBOX_2023, TOOLBOX_2025
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.signal.heart_rate import BAND_HZ, HeartRateSettings, estimate_each, ranked_rate_bpm
from rppgbench.signal.spectrum import Spectrum

FPS_HZ = 30
NAMES = sorted(ESTIMATORS)


def plethysmogram(rates_bpm, length_s: float, random) -> np.ndarray:
    """``(B, T)`` noise-free waves, each from a phase of its own."""
    time_s = np.arange(round(length_s * FPS_HZ)) / FPS_HZ
    phase = (np.asarray(rates_bpm)[:, None] / 60 * time_s + random.rand(len(rates_bpm), 1)) % 1
    return np.exp(-0.5 * ((phase - 0.3) / 0.12) ** 2) + 0.4 * np.exp(-0.5 * ((phase - 0.6) / 0.15) ** 2)


def rates_bpm(name: str, waves, **asked) -> np.ndarray:
    return np.array([rate.compatible_bpm for rate in estimate_each(waves, FPS_HZ, use=name, **asked)])


def test_the_banded_solution_is_that_of_the_dense_matrix():
    waves = np.random.RandomState(0).randn(3, 300).cumsum(axis=1)
    second = np.diff(np.eye(300), 2, axis=0)
    trend = np.linalg.inv(np.eye(300) + 100.0**2 * second.T @ second) @ waves.T
    np.testing.assert_allclose(without_trend(waves, 100.0), waves - trend.T, atol=1e-8)
    straight = 3 + 0.2 * np.arange(300)[None]
    np.testing.assert_allclose(without_trend(straight, 100.0), 0, atol=1e-8)


@pytest.mark.parametrize(("order", "band_hz"), [(1, (0.75, 2.5)), (1, (0.6, 3.3)), (6, (0.65, 4.0))])
def test_the_filter_is_scipys_in_its_other_form(order, band_hz):
    waves = np.random.RandomState(0).randn(2, 300)
    expected = filtfilt(*butter(order, band_hz, "bandpass", fs=FPS_HZ), waves)
    np.testing.assert_allclose(band_passed(waves, FPS_HZ, band_hz, order), expected, atol=1e-5)


@pytest.mark.parametrize(("name", "band_hz"), [("toolbox-2023", (0.75, 2.5)), ("toolbox-2025", (0.6, 3.3))])
def test_a_toolboxs_rate_is_the_highest_bin_of_scipys_periodogram(name, band_hz):
    waves = np.random.RandomState(0).randn(20, 300)
    prepared = filtfilt(*butter(1, band_hz, "bandpass", fs=FPS_HZ), without_trend(waves, 100.0))
    freq_hz, power = periodogram(prepared, FPS_HZ, nfft=512, detrend=False)
    inside = (freq_hz >= band_hz[0]) & (freq_hz <= band_hz[1])
    np.testing.assert_allclose(rates_bpm(name, waves), 60 * freq_hz[inside][power[:, inside].argmax(axis=1)])


@pytest.mark.parametrize("frames", [180, 256, 300, 900])
def test_pyvhrs_rate_is_the_highest_bin_of_scipys_welch(frames):
    waves = np.random.RandomState(0).randn(20, frames)
    prepared = filtfilt(*butter(6, (0.65, 4.0), "bandpass", fs=FPS_HZ), waves)
    overlap = 200 if frames > 256 else 0
    freq_hz, power = welch(prepared, FPS_HZ, nperseg=min(256, frames), noverlap=overlap, nfft=2048)
    inside = (freq_hz >= 0.65) & (freq_hz <= 4)
    found = PYVHR.spectrum(waves, FPS_HZ).power[:, inside]
    total = found.sum(axis=1, keepdims=True), power[:, inside].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found / total[0], power[:, inside] / total[1], atol=1e-6)
    np.testing.assert_allclose(rates_bpm("pyvhr", waves), 60 * freq_hz[inside][power[:, inside].argmax(axis=1)])


@pytest.mark.parametrize(
    ("length_s", "frames", "grid_bpm", "mean_bpm"),
    [(6, 256, 7.03, 1.88), (10, 512, 3.52, 0.95), (30, 1024, 1.76, 0.44), (60, 2048, 0.88, 0.22)],
)
def test_a_toolboxs_grid_alone_puts_noise_free_labels_off(length_s, frames, grid_bpm, mean_bpm):
    """Measured; a rate anywhere between two bins is a quarter of the grid off on average, half at most."""
    random = np.random.RandomState(0)
    true_bpm = random.uniform(50, 140, 400)
    found = rates_bpm("toolbox-2025", plethysmogram(true_bpm, length_s, random), sensor=True)
    steps = found / (60 * FPS_HZ / frames)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    assert np.diff(np.unique(found)).min() == pytest.approx(grid_bpm, abs=0.005)
    error_bpm = np.abs(found - true_bpm)
    assert error_bpm.mean() == pytest.approx(mean_bpm, rel=0.12)
    assert error_bpm.max() < 0.65 * grid_bpm


@pytest.mark.parametrize(("length_s", "share"), [(6, 0.91), (10, 0.95), (30, 0.98)])
def test_most_errors_of_a_toolbox_are_exactly_0(length_s, share):
    """Measured: prediction and label fall into one bin, and what is off in both cancels."""
    random = np.random.RandomState(0)
    waves = plethysmogram(random.uniform(50, 140, 800), length_s, random)
    noisy = waves + 0.5 * random.randn(*waves.shape)
    same = rates_bpm("toolbox-2025", noisy) == rates_bpm("toolbox-2025", waves, sensor=True)
    assert same.mean() == pytest.approx(share, abs=0.04)
    errors_bpm = [
        abs(pred.spectrum_bpm - true.spectrum_bpm)
        for pred, true in zip(estimate_each(noisy, FPS_HZ), estimate_each(waves, FPS_HZ), strict=True)
    ]
    assert np.mean(np.array(errors_bpm) == 0) < 0.01


def test_white_noise_is_some_twenty_beats_off_a_resting_heart():
    """Measured: 20 to 25 bpm."""
    random = np.random.RandomState(0)
    true_bpm = random.uniform(60, 100, 400)
    labels = rates_bpm("toolbox-2025", plethysmogram(true_bpm, 30, random), sensor=True)
    error_bpm = np.abs(rates_bpm("toolbox-2025", random.randn(400, 900)) - labels)
    assert 20 <= error_bpm.mean() <= 25


@pytest.mark.parametrize(("length_s", "mean"), [(10, 0.29), (30, 0.19), (60, 0.15)])
def test_noise_scores_well_when_any_lag_and_any_sign_will_do(length_s, mean):
    """Means measured of the toolbox."""
    random = np.random.RandomState(0)
    truths = plethysmogram(random.uniform(50, 140, 200), length_s, random)
    found = TOOLBOX_2023.macc(random.randn(*truths.shape), truths, FPS_HZ)
    assert found.mean() == pytest.approx(mean, abs=0.025)


def test_circular_correlation_is_that_of_every_roll():
    random = np.random.RandomState(0)
    waves, truths = random.randn(3, 300), random.randn(3, 300)
    preds, trues = (
        filtfilt(*butter(1, (0.6, 3.3), "bandpass", fs=FPS_HZ), without_trend(w, 100)) for w in (waves, truths)
    )
    expected = [
        max(abs(np.corrcoef(np.roll(one, lag), other)[0, 1]) for lag in range(300))
        for one, other in zip(preds, trues, strict=True)
    ]
    np.testing.assert_allclose(TOOLBOX_2025.macc(waves, truths, FPS_HZ), expected, atol=1e-9)
    assert (TOOLBOX_2025.macc(waves, -np.roll(waves, 150, axis=1), FPS_HZ) > 0.9).all()


@pytest.mark.parametrize("odd", [np.zeros(300), np.full(300, np.nan), np.arange(300.0)], ids=["0", "NaN", "a line"])
def test_a_constant_or_not_finite_wave_has_no_correlation(odd):
    random = np.random.RandomState(0)
    waves = np.stack([odd, random.randn(300)])
    for found in (
        TOOLBOX_2025.macc(waves, random.randn(2, 300), FPS_HZ),
        TOOLBOX_2025.macc(random.randn(2, 300), waves, FPS_HZ),
    ):
        assert np.isnan(found[0])
        assert 0 < found[1] < 1


def test_decibels_of_power_taken_for_amplitude_are_twice_as_many():
    random = np.random.RandomState(0)
    waves = plethysmogram(np.full(20, 80.0), 30, random) + 0.5 * random.randn(20, 900)
    spectrum = TOOLBOX_2023.spectrum(waves, FPS_HZ)
    settings = {"half_width_hz": 0.1, "band_hz": (0.75, 2.5)}
    true_bpm = np.full(20, 80.0)
    once = pulse_ratio_db(spectrum, true_bpm, **settings)
    np.testing.assert_allclose(TOOLBOX_2023.snr_db(spectrum, true_bpm), 2 * once)
    np.testing.assert_allclose(pulse_ratio_db(spectrum, true_bpm, **settings, decibels=20), 2 * once)


def test_one_signal_has_as_many_ratios_as_there_are_definitions():
    """Worked by hand: bins of 0.1 Hz and power 1 each, but for 10 at the pulse, 1.01 Hz, and 5 at its harmonic."""
    power = np.ones((1, 60))
    power[0, 10], power[0, 20] = 10, 5
    spectrum = Spectrum(np.round(np.arange(60) / 10, 1), power, 0.1)
    found = {name: estimator.snr_db(spectrum, np.array([60.6]))[0] for name, estimator in ESTIMATORS.items()}
    assert found == {
        "toolbox-2023": pytest.approx(20 * np.log10((10 + 1 + 5 + 1) / (18 - 4))),
        "toolbox-2025": pytest.approx(10 * np.log10((10 + 1 + 5 + 1) / (28 - 4))),
        "pyvhr": pytest.approx(10 * np.log10((10 + 3 + 5 + 3) / (34 - 8))),
    }


def test_a_harmonic_outside_of_the_band_counts_as_the_pulses():
    power = np.ones((1, 60))
    power[0, 30] = 10  # twice 1.51 Hz, above 2.5 Hz
    spectrum = Spectrum(np.round(np.arange(60) / 10, 1), power, 0.1)
    ratio_db = pulse_ratio_db(spectrum, np.array([90.6]), half_width_hz=0.1, band_hz=(0.75, 2.5))
    assert ratio_db[0] == pytest.approx(10 * np.log10((2 + 11) / (18 - 2)))


def test_a_ratio_without_a_remainder_is_0_and_one_without_a_pulse_is_none():
    spectrum = Spectrum(np.array([1.0, 1.5, 2.0]), np.array([[1.0, 0, 1], [0, 1, 0]]), 0.5)
    found = pulse_ratio_db(spectrum, np.array([60.0, 60.0]), half_width_hz=0.1, band_hz=(0.75, 2.5))
    assert found[0] == 0
    assert np.isnan(found[1])
    assert np.isnan(pulse_ratio_db(spectrum, np.full(2, np.nan), half_width_hz=0.1, band_hz=(0.75, 2.5))).all()


def test_pyvhr_looks_at_sensors_on_a_finer_grid():
    random = np.random.RandomState(0)
    true_bpm = random.uniform(50, 140, 100)
    waves = plethysmogram(true_bpm, 10, random)
    sensed = rates_bpm("pyvhr", waves, sensor=True)
    np.testing.assert_allclose(sensed * 2, np.round(sensed * 2), atol=1e-9)
    assert np.abs(sensed - true_bpm).mean() < 0.3
    predicted = rates_bpm("pyvhr", waves) / (60 * FPS_HZ / 2048)
    np.testing.assert_allclose(predicted, np.round(predicted), atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_a_wave_without_a_rate_has_none_by_any_estimator_and_for_the_same_reason(name):
    waves = np.array([np.zeros(300), np.full(300, np.nan), np.arange(300.0), np.sin(0.25 * np.arange(300))])
    waves[1, 0] = 1.0
    plain, completed = estimate_each(waves, FPS_HZ), estimate_each(waves, FPS_HZ, use=name)
    assert [str(rate) for rate in completed[:3]] == [str(rate) for rate in plain[:3]]
    assert str(plain[0]) == "constant"
    assert (completed[3].spectrum_bpm, completed[3].beats_bpm) == (plain[3].spectrum_bpm, plain[3].beats_bpm)
    assert completed[3].compatible_bpm == pytest.approx(60 * 0.25 * FPS_HZ / (2 * np.pi), abs=2)
    assert plain[3].compatible_bpm is None
    (short,) = estimate_each(waves[3:, :120], FPS_HZ, use=name)
    assert "too short" in str(short)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("length_s", [6, 8, 10, 30, 61.7])
def test_rows_do_not_influence_each_other(name, length_s):
    random = np.random.RandomState(0)
    waves = random.randn(40, round(length_s * FPS_HZ))
    waves[3] = np.nan
    reference_bpm = random.uniform(50, 120, 40)
    together = estimate_each(waves, FPS_HZ, reference_bpm=reference_bpm, use=name)
    for row in (0, 4, 39):
        (alone,) = estimate_each(waves[[row]], FPS_HZ, reference_bpm=reference_bpm[[row]], use=name)
        assert alone.compatible_bpm == pytest.approx(together[row].compatible_bpm)
        assert alone.snr_db == pytest.approx(together[row].snr_db)


@pytest.mark.parametrize("name", NAMES)
def test_scale_and_offset_do_not_matter(name):
    random = np.random.RandomState(0)
    waves = plethysmogram(np.array([71.3, 96.0]), 30, random) + 0.3 * random.randn(2, 900)
    reference_bpm = np.array([70.0, 95.0])
    plain, scaled = (
        estimate_each(each, FPS_HZ, reference_bpm=reference_bpm, use=name) for each in (waves, 1e-3 * waves + 7)
    )
    for one, other in zip(plain, scaled, strict=True):
        assert one.compatible_bpm == pytest.approx(other.compatible_bpm)
        assert one.snr_db == pytest.approx(other.snr_db, abs=1e-3)


def test_too_few_frames_a_second_are_refused():
    with pytest.raises(SignalError, match="expected more than 8: this estimator looks for rates up to 4 Hz"):
        estimate_each(np.random.RandomState(0).randn(1, 80), 8, use="pyvhr")


def test_the_ranked_rate_is_that_of_the_estimator_in_the_settings():
    (rate,) = estimate_each(plethysmogram([80.0], 30, np.random.RandomState(0)), FPS_HZ, use="toolbox-2023")
    assert rate.compatible_bpm == pytest.approx(80.86, abs=0.01)  # bin 46 of 1.7578 bpm
    for name in NAMES:
        settings = HeartRateSettings(use=name)
        assert settings.compatible == name
        assert ranked_rate_bpm(rate, settings) == rate.compatible_bpm
    assert HeartRateSettings().compatible is HeartRateSettings(use="spectrum").compatible is None
    assert ranked_rate_bpm(rate, HeartRateSettings(use="spectrum")) == rate.spectrum_bpm


@pytest.mark.parametrize("name", NAMES)
def test_a_sensor_of_rates_has_the_same_rate_by_every_estimator(name):
    truth = GroundTruth(samples=np.full(60, 72.4), times_s=np.arange(60.0), kind="hr")
    (rate,) = window_hrs(truth, np.array([10.0]), 900, FPS_HZ, BAND_HZ, name)
    assert rate.compatible_bpm == rate.beats_bpm == pytest.approx(72.4)


def test_the_highest_bin_may_lie_at_an_edge():
    spectrum = Spectrum(np.array([0.5, 0.6, 1.0, 3.3, 3.4]), np.array([[9.0, 2, 1, 1, 9], [9, 1, 1, 2, 9]]), 0.1)
    np.testing.assert_allclose(highest_bin_bpm(spectrum, (0.6, 3.3)), [36, 198])
