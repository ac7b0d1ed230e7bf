"""Contact sensor recordings against the simulated physiology."""

import numpy as np
import pytest

from rppgbench_synthetic.contact_recording import RATE_HZ, record
from rppgbench_synthetic.physiology import simulate
from rppgbench_synthetic.randomness import stream

DURATION_S = 20.0
BODY = simulate(3, "s01", "rest", 74.0, DURATION_S)


@pytest.mark.parametrize("own_start", [False, True])
@pytest.mark.parametrize("kind", ["ecg", "bvp"])
def test_samples_cover_the_video_with_a_margin(kind, own_start):
    truth = record(BODY, kind, DURATION_S, stream("sensor", kind), own_start=own_start)
    assert truth.kind == kind
    assert truth.samples.shape == truth.times_s.shape
    assert truth.times_s[0] <= -1.0
    assert truth.times_s[-1] >= DURATION_S + 1.0
    np.testing.assert_allclose(np.diff(truth.times_s), 1.0 / RATE_HZ[kind], atol=1e-9)


def test_a_sensor_with_its_own_start_samples_between_the_frames():
    truth = record(BODY, "bvp", DURATION_S, stream("own"), own_start=True)
    assert truth.times_s[0] < -1.0
    assert np.abs(truth.times_s * 30 - np.rint(truth.times_s * 30)).min() > 1e-6


def test_r_peaks_stand_at_the_beats():
    truth = record(BODY, "ecg", DURATION_S, stream("ecg"), own_start=True)
    for beat_s in BODY.beats_s[(BODY.beats_s > 0) & (BODY.beats_s < DURATION_S)]:
        near = np.abs(truth.times_s - beat_s) < 0.2
        assert abs(truth.times_s[near][truth.samples[near].argmax()] - beat_s) <= 1.0 / RATE_HZ["ecg"]


def test_the_finger_follows_the_face():
    truth = record(BODY, "bvp", DURATION_S, stream("bvp"), own_start=False)
    lags_s = np.arange(-0.3, 0.3, 0.005)
    correlations = [np.corrcoef(truth.samples, BODY.face_pulse(truth.times_s - lag_s))[0, 1] for lag_s in lags_s]
    assert max(correlations) > 0.9
    # 0.06 s later in the artery, and a wave that rises 0.03 of a beat sooner.
    assert lags_s[int(np.argmax(correlations))] == pytest.approx(0.06 - 0.03 * 60.0 / 74.0, abs=0.02)


def test_samples_are_steps_of_a_converter():
    truth = record(BODY, "ecg", DURATION_S, stream("ecg"), own_start=False)
    assert np.array_equal(truth.samples * 2048, np.rint(truth.samples * 2048))
