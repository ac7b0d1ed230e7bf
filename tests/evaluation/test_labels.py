"""Labels against sensors whose faults are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.evaluation.labels import Label, clock_fault, label_windows
from rppgbench.signal.heart_rate import HeartRateSettings
from rppgbench.signal.variability import variability
from rppgbench_synthetic.contact_recording import record
from rppgbench_synthetic.physiology import simulate

FPS_HZ, T = 30.0, 900
STARTS_S = np.array([0.0, 30.0])
SETTINGS = HeartRateSettings()


@pytest.fixture(scope="module")
def body():
    return simulate(0, "s1", "rest", 66.0, 60.0)


@pytest.fixture(scope="module", params=["ecg", "bvp"])
def truth(request, body):
    return record(body, request.param, 60.0, np.random.RandomState(0), own_start=True)


def labels(truth, starts_s=STARTS_S, n_frames=T, settings=SETTINGS, **more):
    return label_windows(truth, starts_s, n_frames, FPS_HZ, settings, **more)


def with_samples(truth, wrong, value):
    return replace(truth, samples=np.where(wrong, value, truth.samples))


def test_a_sound_sensor_gives_labels_without_flags(truth, body):
    for label, start_s in zip(labels(truth, video_s=60.0), STARTS_S, strict=True):
        inside_s = body.beats_s[(body.beats_s >= start_s) & (body.beats_s < start_s + 30)]
        assert label.rate.beats_bpm == pytest.approx(60 / np.diff(inside_s).mean(), abs=0.3)
        known = variability(inside_s, 30.0)
        # A pulse wave's crests do not stand at fixed delays behind the R-peaks.
        assert label.variability.lf_nu == pytest.approx(known.lf_nu, abs=0.002 if truth.kind == "ecg" else 0.06)
        assert label.variability.rf_hz == pytest.approx(known.rf_hz, abs=0.002)
        assert (label.flags, label.excluded) == ((), None)


def test_labels_survive_json(truth):
    found = labels(replace(truth, doubts=("odd",)), np.array([0.0, 100.0]))
    text = json.dumps([label.to_json() for label in found], allow_nan=False)
    assert [Label.from_json(record) for record in json.loads(text)] == found


def test_samples_of_heart_rate_give_a_rate_alone():
    truth = GroundTruth(samples=np.full(60, 72.0), times_s=np.arange(60.0), kind="hr", doubts=("one value a video",))
    label, _ = labels(truth)
    assert (label.rate.beats_bpm, label.variability, label.excluded) == (72, None, None)
    assert label.flags == ("loader: one value a video",)
    again = Label.from_json(json.loads(json.dumps(label.to_json(), allow_nan=False)))
    assert np.isnan(again.rate.snr_db)
    assert again.rate.spectrum_bpm == 72


def test_impossible_rates_are_excluded():
    truth = GroundTruth(samples=np.r_[np.full(30, 72.0), np.zeros(30)], times_s=np.arange(60.0), kind="hr")
    sound, wrong = labels(truth)
    assert (sound.rate.beats_bpm, sound.excluded) == (72, None)
    reason = "contact sensor: no heart rate of 30 to 240 bpm from 30.0 s to 60.0 s, but 0 bpm"
    assert wrong == Label(None, excluded=reason)


def test_a_window_that_is_not_covered_is_excluded(truth):
    sound, outside = labels(truth, np.array([0.0, 45.0]))
    assert sound.excluded is None
    assert outside == Label(None, excluded="the contact sensor does not cover the window")


def test_a_gap_excludes_the_window_it_is_in(truth):
    gap = with_samples(truth, (truth.times_s > 10) & (truth.times_s < 10.6), np.nan)
    first, second = labels(gap)
    assert first.excluded == "the contact sensor does not cover the window"
    assert second.excluded is None


@pytest.mark.parametrize(("until_s", "excluded"), [(11.5, False), (12.5, True)])
def test_two_seconds_of_one_value_exclude_the_window_they_are_in(truth, until_s, excluded):
    stuck = with_samples(truth, (truth.times_s >= 10) & (truth.times_s <= until_s), 0.25)
    first, second = labels(stuck)
    assert second.excluded is None
    assert (first.excluded is not None) == excluded
    if excluded:
        assert first == Label(None, excluded="the contact sensor is stuck from 10.0 s to 12.5 s")


def test_a_flickering_last_bit_does_not_hide_a_stuck_sensor(truth):
    lsb = 2.0**-11  # of the simulated sensor's converter
    flicker = 0.25 + lsb * np.random.RandomState(0).randint(0, 2, len(truth.samples))
    stuck = replace(truth, samples=np.where((truth.times_s >= 10) & (truth.times_s <= 14), flicker, truth.samples))
    first, second = labels(stuck)
    assert first == Label(None, excluded="the contact sensor is stuck from 10.0 s to 14.0 s")
    assert second.excluded is None


def test_a_sensor_that_is_stuck_throughout_is_excluded(truth):
    for label in labels(replace(truth, samples=np.zeros(len(truth.samples)))):
        assert label.excluded.startswith("the contact sensor is stuck from -")


def test_clocks_that_disagree_by_two_per_cent_exclude_every_window(truth):
    found = labels(replace(truth, video_s=61.2), video_s=60.0)
    reason = "the sensor's clock and the video's disagree by 2.0 %: 61.2 s against 60.0 s"
    assert found == [Label(None, excluded=reason)] * 2


def test_clocks_are_compared_without_a_window(truth):
    reason = clock_fault(replace(truth, video_s=61.2), 60.0)
    assert reason == "the sensor's clock and the video's disagree by 2.0 %: 61.2 s against 60.0 s"
    assert clock_fault(replace(truth, video_s=60.2), 60.0) is None


def test_an_unusable_truth_excludes_every_window(truth):
    nothing = GroundTruth(samples=np.array([]), times_s=np.array([]), kind="bvp")
    for sensor in (nothing, truth):
        assert labels(sensor, unusable="the file is empty") == [Label(None, excluded="the file is empty")] * 2
    assert [label.excluded for label in labels(nothing)] == [
        "contact sensor: 0 finite samples, expected at least 2"
    ] * 2


@pytest.mark.parametrize(
    ("sensor_s", "video_s"), [(60.5, 60.0), (10.25, 10.0), (None, 60.0), (61.2, None)],
    ids=["less than 1 %", "less than 0.3 s", "sensor unknown", "video unknown"],
)  # fmt: skip
def test_clocks_that_agree_or_are_unknown_exclude_nothing(truth, sensor_s, video_s):
    assert [label.excluded for label in labels(replace(truth, video_s=sensor_s), video_s=video_s)] == [None, None]


def test_estimators_that_differ_are_a_flag():
    """18 s at 60 bpm and 12 s at 82: the highest peak is at 60, the beats' mean is 69."""
    times_s = np.arange(64 * 34) / 64 - 2
    phase = np.cumsum(np.where(times_s < 18, 1.0, 82 / 60)) / 64
    truth = GroundTruth(samples=np.cos(2 * np.pi * phase), times_s=times_s, kind="bvp")
    (label,) = labels(truth, np.array([0.0]))
    assert label.flags == ("estimators differ",)
    assert label.rate.spectrum_bpm == pytest.approx(60, abs=1)
    assert label.rate.beats_bpm == pytest.approx(60 * (18 + 12 * 82 / 60) / 30, abs=1)
    assert label.excluded is None


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
def test_noise_for_a_sensor_is_a_flag(kind):
    """White noise is below 0 dB in 99 % of windows of 30 s, by simulation."""
    times_s = np.arange(256 * 64) / 256 - 2
    found = []
    for seed in range(5):
        truth = GroundTruth(samples=np.random.RandomState(seed).randn(len(times_s)), times_s=times_s, kind=kind)
        found += [label.flags for label in labels(truth) if label.rate is not None]
    assert len(found) >= 8
    assert all("sensor noisy" in flags for flags in found)


@pytest.mark.parametrize("kind", ["ecg", "bvp"])
@pytest.mark.parametrize("hr_bpm", [46.0, 60.0, 90.0, 150.0])
@pytest.mark.parametrize("length_s", [10.0, 30.0])
def test_a_sound_sensor_is_not_noisy_whatever_the_rhythm(kind, hr_bpm, length_s):
    """Respiratory arrhythmia, Mayer waves and drift, of five persons."""
    for person in "abcde":
        body = simulate(1, person, "rest", hr_bpm, 60.0)
        truth = record(body, kind, 60.0, np.random.RandomState(0), own_start=True)
        found = labels(truth, np.arange(0, 60, length_s), int(FPS_HZ * length_s))
        assert not any("sensor noisy" in label.flags for label in found)


@pytest.mark.parametrize(
    ("hr_bpm", "flags"), [(66.0, ((), ())), (80.0, (("leads differ",), ("leads differ",)))], ids=["agree", "differ"]
)
def test_leads_of_an_ecg_that_differ_are_a_flag(body, hr_bpm, flags):
    other = record(simulate(0, "s1", "rest", hr_bpm, 60.0), "ecg", 60.0, np.random.RandomState(1), own_start=False)
    truth = record(body, "ecg", 60.0, np.random.RandomState(0), own_start=False)
    found = labels(replace(truth, leads={"EXG3": other.samples, "off": np.zeros(len(truth.samples))}))
    assert tuple(label.flags for label in found) == flags


def test_short_windows_have_no_variability(truth):
    (label,) = labels(truth, np.array([0.0]), 600)
    assert (label.variability, label.excluded) == (None, None)
    assert label.rate is not None


def test_a_window_without_a_rate_is_excluded(truth):
    assert (
        labels(truth, n_frames=60)
        == [Label(None, excluded="contact sensor: too short: 2.0 s, expected at least 5.7 s")] * 2
    )
    silent = with_samples(truth, np.ones(len(truth.samples), dtype=bool), np.nan)
    assert [label.excluded for label in labels(silent)] == ["contact sensor: 0 finite samples, expected at least 2"] * 2


def test_samples_and_times_of_different_lengths_are_excluded(truth):
    short = replace(truth, samples=truth.samples[:-5])
    assert all("expected (N,) of both" in label.excluded for label in labels(short))


def test_no_windows_give_no_labels(truth):
    assert labels(truth, np.array([])) == []


def sharp(times_s, harmonic):
    phase = 2 * np.pi * (1.1 * times_s + 0.03 * np.sin(2 * np.pi * 0.2 * times_s))
    return np.cos(phase) + harmonic * np.cos(2 * phase - 0.4)


def test_a_sensor_whose_harmonic_is_higher_has_its_rate_and_a_flag():
    times_s = np.arange(-64, 64 * 32) / 64
    (found,) = labels(GroundTruth(samples=sharp(times_s, 1.25), times_s=times_s, kind="bvp"), np.zeros(1))
    assert found.rate.spectrum_bpm == pytest.approx(66, abs=1)
    assert found.flags == ("harmonic higher",)
    assert len(found.beats_s) == 33
    (usual,) = labels(GroundTruth(samples=sharp(times_s, 0.7), times_s=times_s, kind="bvp"), np.zeros(1))
    assert usual.flags == ()


def test_intervals_that_alternate_do_not_halve_an_ecg():
    beats_s = np.cumsum(np.where(np.arange(90) % 2, 0.48, 0.32)) - 1
    times_s = np.arange(-256, 256 * 31) / 256
    samples = np.exp(-0.5 * ((times_s[:, None] - beats_s) / 0.012) ** 2).sum(axis=1)
    (found,) = labels(GroundTruth(samples=samples, times_s=times_s, kind="ecg"), np.zeros(1))
    assert found.rate.spectrum_bpm == pytest.approx(150, abs=1)


def test_a_movement_near_half_the_rate_does_not_halve_it():
    random, halved = np.random.RandomState(0), 0
    times_s = np.arange(-64, 64 * 32) / 64
    for _ in range(60):
        rate_hz, other_hz = random.uniform(1.5, 2.5), random.uniform(0.7, 1.3)
        wave = np.cos(2 * np.pi * rate_hz * times_s) + 0.5 * np.cos(2 * np.pi * other_hz * times_s + random.uniform(6))
        (found,) = labels(GroundTruth(samples=wave, times_s=times_s, kind="bvp"), np.zeros(1))
        halved += abs(found.rate.spectrum_bpm - 60 * rate_hz) > 1
    assert halved <= 2
