"""Times that a recorder wrote down."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.stamps import advancing, lasts_s, spread


def place(index: int) -> str:
    return f"file:{index + 1}"


def test_repeated_times_and_small_steps_back_do_not_advance():
    later = advancing(np.array([0.0, 0.1, 0.1, 0.05, 0.2]), place)
    assert later.tolist() == [True, True, False, False, True]


def test_a_clock_that_was_set_back_is_told_by_place():
    with pytest.raises(DatasetUnavailable, match=r"file:5: time 0.1000 s after 0.3000 s"):
        advancing(np.array([0.0, 0.1, 0.2, 0.3, 0.1, 0.2]), place)


@pytest.mark.parametrize(("times_s", "complaint"), [([0, np.nan, 1], "file:2: time is nan"), ([3, 3], "file:1: 1 asc")])
def test_times_that_are_none_are_told(times_s, complaint):
    with pytest.raises(DatasetUnavailable, match=complaint):
        advancing(np.array(times_s, dtype=np.float64), place)


def test_frames_that_repeat_a_time_move_between_their_neighbours():
    times_s = np.array([5.0, 5.1, 5.1, 5.3, 5.3])
    frames_s = spread(times_s, advancing(times_s, place))
    np.testing.assert_allclose(frames_s, [0.0, 0.1, 0.2, 0.3, 0.4], atol=1e-12)


def test_as_many_frames_as_times_last_a_period_longer_than_the_span():
    assert lasts_s(np.arange(30) / 30.0) == pytest.approx(1.0)
