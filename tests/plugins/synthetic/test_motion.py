"""Motion levels against each other."""

import numpy as np
import pytest

from rppgbench_synthetic.motion import simulate_motion
from rppgbench_synthetic.physiology import simulate
from rppgbench_synthetic.randomness import stream

FPS_HZ = 30.0
TIMES_S = np.arange(0.0, 120.0, 1 / FPS_HZ)
BODY = simulate(1, "s01", "rest", 66.0, 120.0)
MOTIONS = {
    level: simulate_motion(stream("motion"), level, BODY, TIMES_S, FPS_HZ)
    for level in ("still", "small", "talk", "large")
}


def test_each_level_moves_more_than_the_one_before():
    travel = [np.abs(np.diff(motion.shift_x)).mean() for motion in MOTIONS.values()]
    assert travel == sorted(travel)
    assert travel[-1] > 20 * travel[0]


@pytest.mark.parametrize("level", MOTIONS)
def test_every_level_blinks_a_few_times_a_minute(level):
    shut = MOTIONS[level].lids > 0.5
    blinks = int(np.sum(shut[1:] & ~shut[:-1]))
    assert 10 <= blinks <= 70


def test_only_talkers_talk():
    assert not MOTIONS["still"].mouth.any()
    assert not MOTIONS["small"].mouth.any()
    for level in ("talk", "large"):
        assert 0.5 < MOTIONS[level].mouth.max() <= 1.0


def test_the_head_nods_with_the_heart():
    nod = MOTIONS["still"].shift_y
    pulse = BODY.face_pulse(TIMES_S + 0.05)
    # The least-squares share of the pulse in the sway is the nod put in, 1/20 pixel at 240 lines.
    fast = np.diff(nod), np.diff(pulse)
    assert np.polyfit(fast[1], fast[0], 1)[0] * 240 == pytest.approx(0.05, rel=0.2)
