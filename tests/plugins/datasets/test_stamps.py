"""Times that a recorder wrote down."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.stamps import advancing, lasts_s, miscount, misfit, spread


def place(index: int) -> str:
    return f"file:{index + 1}"


def test_repeated_times_and_small_steps_back_do_not_advance():
    later = advancing(np.array([0.0, 0.1, 0.1, 0.05, 0.2]), place)
    assert later.tolist() == [True, True, False, False, True]


def test_a_clock_that_was_set_back_is_reported_by_place():
    with pytest.raises(DatasetUnavailable, match=r"file:5: time 0.1000 s after 0.3000 s"):
        advancing(np.array([0.0, 0.1, 0.2, 0.3, 0.1, 0.2]), place)


@pytest.mark.parametrize(("times_s", "complaint"), [([0, np.nan, 1], "file:2: time is nan"), ([3, 3], "file:1: 1 asc")])
def test_times_that_are_none_are_reported(times_s, complaint):
    with pytest.raises(DatasetUnavailable, match=complaint):
        advancing(np.array(times_s, dtype=np.float64), place)


def test_frames_that_repeat_a_time_move_between_their_neighbours():
    times_s = np.array([5.0, 5.1, 5.1, 5.3, 5.3])
    frames_s = spread(times_s, advancing(times_s, place))
    np.testing.assert_allclose(frames_s, [0.0, 0.1, 0.2, 0.3, 0.4], atol=1e-12)


def test_as_many_frames_as_times_last_a_period_longer_than_the_span():
    assert lasts_s(np.arange(30) / 30.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("n_samples", "rate_hz", "video_s", "reported"),
    [
        (3840, 64.0, 60.0, False),
        (3840, 64.0 / 1.02, 60.0, True),  # a clock that is off by 2 %
        (3840, 64.0 * 1.02, 60.0, True),
        (3900, 64.0, 60.0, False),  # 0.9 s more
        (12800, 64.0, 198.5, False),  # 1.5 s more, and 0.8 %
        (640, 64.0, 8.9, True),
        (1, 64.0, 60.0, False),  # too few times
    ],
)
def test_a_sensor_that_stops_elsewhere_than_the_video_is_reported(n_samples, rate_hz, video_s, reported):
    times_s = np.arange(n_samples) / rate_hz
    doubt = f"the sensor stops at {n_samples / rate_hz:.1f} s, the video at {video_s:.1f} s"
    assert misfit(times_s, video_s) == ((doubt,) if reported else ())


def test_a_sensor_may_be_known_to_run_on():
    times_s = np.arange(619) / 10
    assert misfit(times_s, 60.0, runs_on_s=2.0) == () != misfit(times_s, 60.0)
    assert misfit(times_s, 63.5, runs_on_s=2.0) == ("the sensor stops at 61.9 s, the video at 63.5 s",)


def test_another_number_of_samples_than_frames_is_reported_with_both_lengths():
    assert miscount("ppg", 1800, 1800, 30.0) == ()
    (doubt,) = miscount("ppg", 1836, 1800, 30.0)
    assert doubt == "1836 samples of ppg for 1800 frames, both said to be at 30 Hz: 61.20 s against 60.00 s"
