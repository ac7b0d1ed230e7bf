from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.errors import SignalError
from rppgbench.signal.sensor import beats_of_ecg_s, lead_rates_bpm, missing_share, stuck_spans_s, without_stuck

TIMES_S = np.arange(64 * 40) / 64 - 2


def sensor(samples, kind="bvp", times_s=TIMES_S, **more):
    return GroundTruth(samples=samples, times_s=times_s, kind=kind, **more)


@pytest.fixture
def wave():
    return np.cos(2 * np.pi * 1.2 * TIMES_S)


def test_a_sensor_is_stuck_where_it_says_the_same_for_more_than_two_seconds(wave):
    wave[(TIMES_S >= 5) & (TIMES_S <= 6.9)] = 0.3
    wave[(TIMES_S >= 10) & (TIMES_S <= 13)] = 0.3
    wave[TIMES_S >= 35] = 0.0
    assert stuck_spans_s(sensor(wave)) == [(10.0, 13.0), (35.0, TIMES_S[-1])]


def test_whole_numbers_can_be_stuck_too(wave):
    counts = np.round(100 * wave).astype(np.int16)
    counts[(TIMES_S >= 10) & (TIMES_S <= 13)] = -32768  # as an unplugged converter says
    truth = sensor(counts)
    assert stuck_spans_s(truth) == [(10.0, 13.0)]
    assert np.isnan(without_stuck(truth).samples).sum() == 3 * 64 + 1


def test_a_sensor_that_never_moves_is_stuck_from_end_to_end(wave):
    assert stuck_spans_s(sensor(np.zeros_like(wave), "ecg")) == [(TIMES_S[0], TIMES_S[-1])]


def test_missing_samples_are_not_stuck(wave):
    wave[(TIMES_S >= 10) & (TIMES_S < 20)] = np.nan
    truth = sensor(wave)
    assert stuck_spans_s(truth) == []
    assert without_stuck(truth) is truth
    assert missing_share(truth) == 0.25


def test_a_heart_rate_may_stay_where_it_is():
    assert stuck_spans_s(sensor(np.full(60, 72.0), "hr", np.arange(60.0))) == []


def test_no_samples_are_all_missing():
    nothing = sensor(np.array([]), times_s=np.array([]))
    assert missing_share(nothing) == 1
    assert stuck_spans_s(nothing) == []


def test_stuck_samples_are_gone_and_all_else_is_kept(wave):
    wave[(TIMES_S >= 10) & (TIMES_S <= 13)] = 0.3
    truth = sensor(wave, video_s=38.0, doubts=("odd",))
    found = without_stuck(truth)
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
