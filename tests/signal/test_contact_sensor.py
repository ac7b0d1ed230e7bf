from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.signal.contact_sensor import (
    beats_of_ecg_s,
    lead_rates_bpm,
    mask_stuck_spans,
    missing_share,
    stuck_spans_s,
)

TIMES_S = np.arange(64 * 40) / 64 - 2


def sensor(samples, kind="bvp", times_s=TIMES_S, **more):
    return GroundTruth(samples=samples, times_s=times_s, kind=kind, **more)


@pytest.fixture
def wave():
    return np.cos(2 * np.pi * 1.2 * TIMES_S)


def test_a_sensor_is_stuck_at_one_value_for_more_than_two_seconds(wave):
    wave[(TIMES_S >= 5) & (TIMES_S <= 6.9)] = 0.3
    wave[(TIMES_S >= 10) & (TIMES_S <= 13)] = 0.3
    wave[TIMES_S >= 35] = 0.0
    assert stuck_spans_s(sensor(wave)) == [(10.0, 13.0), (35.0, TIMES_S[-1])]


def test_whole_numbers_can_be_stuck_too(wave):
    counts = np.round(100 * wave).astype(np.int16)
    counts[(TIMES_S >= 10) & (TIMES_S <= 13)] = -32768  # as of an unplugged converter
    truth = sensor(counts)
    assert stuck_spans_s(truth) == [(10.0, 13.0)]
    assert np.isnan(mask_stuck_spans(truth).samples).sum() == 3 * 64 + 1


def test_a_sensor_that_never_moves_is_stuck_from_end_to_end(wave):
    assert stuck_spans_s(sensor(np.zeros_like(wave), "ecg")) == [(TIMES_S[0], TIMES_S[-1])]


@pytest.mark.parametrize("levels", [250, 4095], ids=["8 bits", "12 bits"])
def test_a_flickering_last_bit_is_stuck(wave, levels):
    counts = np.round(levels * (0.5 + 0.45 * wave))
    stuck = (TIMES_S >= 10) & (TIMES_S <= 13)
    counts[stuck] = 17 + np.random.RandomState(0).randint(-1, 2, stuck.sum())
    (span_s,) = stuck_spans_s(sensor(counts.astype(np.int16)))
    assert span_s == pytest.approx((10.0, 13.0), abs=0.1)
    coarse = np.round(10 * wave)  # a step of a twentieth of the pulse is a signal
    coarse[stuck] = np.random.RandomState(0).randint(-1, 2, stuck.sum())
    assert stuck_spans_s(sensor(coarse)) == []


def test_a_thousandth_of_the_usual_range_is_one_value(wave):
    wave[(TIMES_S >= 5) & (TIMES_S <= 8)] *= 4e-4
    wave[(TIMES_S >= 20) & (TIMES_S <= 23)] *= 2e-2  # a finger pressed hard still beats
    (span_s,) = stuck_spans_s(sensor(wave))
    assert span_s == pytest.approx((5.0, 8.0), abs=0.1)


def test_stuck_at_one_value_and_then_at_another_is_two_spans(wave):
    wave[(TIMES_S >= 10) & (TIMES_S < 13)] = 0.3
    wave[(TIMES_S >= 13) & (TIMES_S < 16)] = 0.9
    assert stuck_spans_s(sensor(wave)) == [(10.0, 13 - 1 / 64), (13.0, 16 - 1 / 64)]


def test_spans_go_by_time_if_samples_are_lost(wave):
    wave[(TIMES_S >= 10) & (TIMES_S <= 13)] = 0.3
    kept = np.random.RandomState(0).uniform(size=len(wave)) < 0.1
    (span_s,) = stuck_spans_s(sensor(wave[kept], times_s=TIMES_S[kept]))
    assert 10 <= span_s[0] <= 10.5 < 12.5 <= span_s[1] <= 13


@pytest.mark.parametrize("hr_bpm", [34.0, 40.0, 60.0])
def test_slow_hearts_are_not_stuck_between_their_beats(ecg, hr_bpm):
    """Without noise: a flat line between T and P, and a diastole that has run off."""
    beats_s = np.arange(-1, 38, 60 / hr_bpm)
    wander = 0.3 * np.sin(2 * np.pi * 0.25 * ECG_S)  # the flat lines are flat without
    assert stuck_spans_s(sensor(ecg(beats_s, ECG_S) - wander, "ecg", ECG_S)) == []
    since_s = (TIMES_S + 2) % (60 / hr_bpm)
    assert stuck_spans_s(sensor(np.exp(-0.5 * ((since_s - 0.2) / 0.07) ** 2))) == []


def test_missing_samples_are_not_stuck(wave):
    wave[(TIMES_S >= 10) & (TIMES_S < 20)] = np.nan
    truth = sensor(wave)
    assert stuck_spans_s(truth) == []
    assert mask_stuck_spans(truth) is truth
    assert missing_share(truth) == 0.25


def test_a_constant_heart_rate_is_not_stuck():
    assert stuck_spans_s(sensor(np.full(60, 72.0), "hr", np.arange(60.0))) == []


def test_no_samples_are_all_missing():
    nothing = sensor(np.array([]), times_s=np.array([]))
    assert missing_share(nothing) == 1
    assert stuck_spans_s(nothing) == []


def test_stuck_samples_are_masked_and_all_else_is_kept(wave):
    wave[(TIMES_S >= 10) & (TIMES_S <= 13)] = 0.3
    truth = sensor(wave, video_s=38.0, doubts=("odd",))
    found = mask_stuck_spans(truth)
    np.testing.assert_array_equal(np.isnan(found.samples), (TIMES_S >= 10) & (TIMES_S <= 13))
    np.testing.assert_array_equal(truth.samples, wave)
    assert (found.video_s, found.doubts, found.kind) == (38.0, ("odd",), "bvp")


ECG_S = np.arange(256 * 40) / 256 - 1.5


def test_beats_of_an_ecg_are_its_r_peaks_on_its_own_clock(ecg):
    beats_s = np.arange(-1, 38, 0.83)
    samples = ecg(beats_s, ECG_S)
    np.testing.assert_allclose(beats_of_ecg_s(samples, ECG_S), beats_s, atol=2e-3)
    samples[::7] = np.nan  # a lost packet is bridged
    np.testing.assert_allclose(beats_of_ecg_s(samples, ECG_S), beats_s, atol=5e-3)


def test_an_ecg_without_samples_has_no_beats():
    with pytest.raises(SignalError, match="0 finite samples"):
        beats_of_ecg_s(np.full(500, np.nan), np.arange(500) / 256)


def test_each_lead_has_its_rate_in_each_window(ecg):
    fast_s = np.r_[np.arange(-1, 18, 1.0), np.arange(18.5, 38, 0.5)]
    leads = {"upside down": -ecg(np.arange(-1, 38, 1.0), ECG_S), "off": np.full(len(ECG_S), np.nan)}
    truth = sensor(ecg(fast_s, ECG_S), "ecg", ECG_S, leads=leads)
    found = lead_rates_bpm(truth, np.array([0.0, 20.0, 200.0]), 15.0)
    np.testing.assert_allclose(found[0], [60, 120, np.nan], atol=0.2)
    np.testing.assert_allclose(found[1], [60, 60, np.nan], atol=0.2)
    assert np.isnan(found[2]).all()
