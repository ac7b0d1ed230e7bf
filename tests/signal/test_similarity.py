from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.signal.filters import bandpass, detrend
from rppgbench.signal.similarity import macc

FPS_HZ = 30.0


def pulses(B: int, length_s: float, seed: int = 0) -> np.ndarray:
    """Pulse-like waves at 57-109 bpm with an SDNN of 40 ms: a systolic and a dicrotic Gaussian a beat."""
    random = np.random.RandomState(seed)
    times_s = np.arange(round(length_s * FPS_HZ)) / FPS_HZ
    waves = np.zeros((B, len(times_s)))
    for wave in waves:
        beats_s = np.cumsum(random.uniform(0.55, 1.05) + 0.04 * random.randn(round(2 * length_s) + 20)) - 3
        wave += np.exp(-0.5 * ((times_s[:, None] - beats_s) / 0.09) ** 2).sum(axis=1)
        wave += 0.3 * np.exp(-0.5 * ((times_s[:, None] - beats_s - 0.3) / 0.1) ** 2).sum(axis=1)
    return waves


def by_loops(wave: np.ndarray, truth: np.ndarray, reach: int) -> float:
    pred, true = bandpass(detrend(np.stack([wave, truth])), FPS_HZ, 0.7, 4.0)
    found = []
    for late in range(-reach, reach + 1):
        a, b = (pred[late:], true[: len(true) - late]) if late >= 0 else (pred[:late], true[-late:])
        found.append(a @ b / np.sqrt((a @ a) * (b @ b)))
    return max(found)


@pytest.mark.parametrize("T", [60, 299, 900])
def test_it_is_the_highest_correlation_of_the_overlap(T):
    random = np.random.RandomState(T)
    truths = pulses(3, T / FPS_HZ)
    waves = truths + random.randn(3, T)
    expected = [by_loops(wave, truth, 15) for wave, truth in zip(waves, truths, strict=True)]
    np.testing.assert_allclose(macc(waves, truths, FPS_HZ), expected, atol=1e-12)


@pytest.mark.parametrize(("length_s", "mean", "p95"), [(10, 0.20, 0.34), (30, 0.12, 0.21), (60, 0.08, 0.16)])
def test_chance_against_a_pulse(length_s, mean, p95):
    """Band-passed noise, by an independent simulation; magnitudes over circular lags are well above."""
    truths = pulses(300, length_s)
    noise = bandpass(np.random.RandomState(1).randn(*truths.shape), FPS_HZ, 0.7, 4.0)
    found = macc(noise, truths, FPS_HZ)
    assert found.mean() == pytest.approx(mean, abs=0.02)
    assert np.percentile(found, 95) == pytest.approx(p95, abs=0.03)
    spectra = np.fft.rfft(noise) * np.fft.rfft(bandpass(truths, FPS_HZ, 0.7, 4.0)).conj()
    energy = (noise**2).sum(axis=1) * (bandpass(truths, FPS_HZ, 0.7, 4.0) ** 2).sum(axis=1)
    circular = np.abs(np.fft.irfft(spectra)).max(axis=1) / np.sqrt(energy)
    assert circular.mean() > 1.3 * found.mean()


@pytest.mark.parametrize("late", [-15, -4, 9, 15])
def test_a_late_wave_scores_as_high(late):
    truths = pulses(20, 31.0)
    waves = truths[:, 15 - late : 915 - late]
    found = macc(waves, truths[:, 15:915], FPS_HZ)
    assert found.min() > 0.95  # the filter sees other edges
    assert found.mean() > 0.98
    later = macc(truths[:, :900], truths[:, 24:924], FPS_HZ)
    assert later.mean() < 0.9  # 0.8 s is another beat


def test_scale_offset_drift_and_other_rows_do_not_matter_but_sign_does():
    truths = pulses(40, 20.0)
    waves = truths + 0.5 * np.random.RandomState(0).randn(*truths.shape)
    plain = macc(waves, truths, FPS_HZ)
    np.testing.assert_allclose(macc(1e-5 * waves + 7, 3e4 * truths - 1e5, FPS_HZ), plain, atol=1e-6)
    drifting = waves + 2 * np.linspace(0, 1, waves.shape[1])
    np.testing.assert_allclose(macc(drifting, truths, FPS_HZ), plain, atol=1e-9)
    np.testing.assert_array_equal(macc(waves[7:8], truths[7:8], FPS_HZ), plain[7:8])
    np.testing.assert_allclose(macc(truths, truths, FPS_HZ), 1, atol=1e-12)
    assert (macc(-truths, truths, FPS_HZ, max_lag_s=0.0) < -0.99).all()


@pytest.mark.parametrize(
    "spoil",
    [np.full(600, 3.0), np.zeros(600), np.linspace(0, 1, 600), np.r_[np.ones(599), np.nan], np.full(600, np.inf)],
    ids=["constant", "zero", "a line", "a NaN", "infinite"],
)
def test_an_unusable_row_is_nan_and_its_neighbours_are_not(spoil):
    truths = pulses(3, 20.0)
    waves = truths.copy()
    waves[1] = spoil
    for found in (macc(waves, truths, FPS_HZ), macc(truths, waves, FPS_HZ)):
        np.testing.assert_array_equal(np.isnan(found), [False, True, False])
        np.testing.assert_allclose(found[[0, 2]], 1)


def test_no_rows_have_no_scores():
    assert macc(np.zeros((0, 900)), np.zeros((0, 900)), FPS_HZ).shape == (0,)


@pytest.mark.parametrize(
    ("waves", "truths", "reason"),
    [
        (np.zeros(900), np.zeros(900), r"expected \(B, T\) of both"),
        (np.zeros((2, 900)), np.zeros((2, 899)), r"waves of shape \(2, 900\) and truths of shape \(2, 899\)"),
        (np.zeros((2, 30)), np.zeros((2, 30)), r"a lag of 0\.5 s in 1 s"),
    ],
)
def test_shapes_that_differ_are_refused(waves, truths, reason):
    with pytest.raises(SignalError, match=reason):
        macc(waves, truths, FPS_HZ)
