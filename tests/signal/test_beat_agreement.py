from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from rppgbench.signal.beat_agreement import TOLERANCES_S, BeatAgreement, beat_agreement

SPAN_S = (0.0, 30.0)
NOTHING = {"delay_s": 0.0, "n_matched": (0, 0, 0), "ibi_mae_ms": None}


def rhythm(random: np.random.RandomState, mean_s: float = 0.85, sd_s: float = 0.04) -> np.ndarray:
    return np.cumsum(mean_s + sd_s * random.randn(60)) - 2 * random.uniform(1, 2)


def within(beats_s: np.ndarray) -> np.ndarray:
    return beats_s[(beats_s >= SPAN_S[0]) & (beats_s < SPAN_S[1])]


def max_matches(pred_s: np.ndarray, true_s: np.ndarray, tolerance_s: float) -> int:
    """The most pairs that can be made of beats within the tolerance, by SciPy's Hopcroft-Karp."""
    near = csr_array(np.abs(pred_s[:, None] - true_s) <= tolerance_s)
    return int((maximum_bipartite_matching(near) >= 0).sum())


@pytest.mark.parametrize("span_s", [None, SPAN_S])
@pytest.mark.parametrize("delay_s", [-0.3, -0.1, 0.0, 0.25, 0.5])
def test_late_beats_all_match(delay_s, span_s):
    for seed in range(20):
        beats_s = rhythm(np.random.RandomState(seed))
        found = beat_agreement(within(beats_s + delay_s), within(beats_s), span_s=span_s)
        assert found.delay_s == pytest.approx(delay_s, abs=1e-9)
        assert found.n_matched == (found.n_true,) * 3 == (found.n_pred,) * 3
        assert found.n_true >= len(within(beats_s)) - 2
        assert found.ibi_mae_ms == pytest.approx(0, abs=1e-9)


def test_missed_and_false_beats_are_counted_as_such():
    """Of 1 beat in 5 missed and 1 in 10 false, whatever happens at the edges: 400 windows, to 3 standard errors."""
    n_pred = n_true = n_matched = 0
    for seed in range(400):
        random = np.random.RandomState(seed)
        beats_s = rhythm(random)
        kept_s = beats_s[random.rand(len(beats_s)) > 0.2] + 0.3
        middles_s = beats_s[:-1] + 0.5 * np.diff(beats_s) + 0.3
        false_s = middles_s[random.rand(len(middles_s)) < 0.1]
        found = beat_agreement(within(np.sort(np.r_[kept_s, false_s])), within(beats_s), span_s=SPAN_S)
        n_pred, n_true, n_matched = n_pred + found.n_pred, n_true + found.n_true, n_matched + found.n_matched[0]
    assert n_matched / n_true == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / n_true))
    assert n_matched / n_pred == pytest.approx(0.8 / 0.9, abs=3 * np.sqrt(0.1 / n_pred))


def test_jitter_shows_in_the_tolerances_and_the_intervals():
    """Of normal jitter erf(tolerance / sqrt(2) sd) is within; an interval's error is that of two: 2 sd / sqrt(pi)."""
    sd_s, found = 0.04, []
    for seed in range(300):
        random = np.random.RandomState(seed)
        beats_s = rhythm(random)
        late_s = np.sort(beats_s + 0.2 + sd_s * random.randn(len(beats_s)))
        found.append(beat_agreement(within(late_s), within(beats_s), span_s=SPAN_S))
    recall = np.sum([each.n_matched for each in found], axis=0) / sum(each.n_true for each in found)
    np.testing.assert_allclose(recall, [0.789, 0.988, 1.0], atol=0.02)
    assert np.mean([each.ibi_mae_ms for each in found]) == pytest.approx(1e3 * 2 * sd_s / np.sqrt(np.pi), rel=0.03)
    assert np.std([each.delay_s for each in found]) < 0.012  # a median of 35: 1.25 sd / sqrt(35) is 0.0085


@pytest.mark.parametrize("least_gap_s", [0.31, 0.2])
def test_the_matching_is_maximal_for_distant_beats(least_gap_s):
    for seed in range(60):
        random = np.random.RandomState(seed)
        true_s, pred_s = (np.cumsum(least_gap_s + random.exponential(0.4, 40)) for _ in range(2))
        found = beat_agreement(pred_s, true_s, span_s=(-9.0, 99.0))
        for count, tolerance_s in zip(found.n_matched, TOLERANCES_S, strict=True):
            possible = max_matches(pred_s - found.delay_s, true_s, tolerance_s)
            assert count <= possible
            if least_gap_s > 2 * tolerance_s:
                assert count == possible


def test_a_beat_outside_of_the_shared_span_does_not_count():
    true_s = np.r_[0.1:29.9:1.0, 29.9]
    late_s = true_s[:-1] + 0.3  # the last one would be at 30.2 s
    assert beat_agreement(late_s, true_s, span_s=SPAN_S) == beat_agreement(late_s, true_s[:-1], span_s=SPAN_S)
    before_s = np.r_[0.2, late_s]  # of a beat at -0.1 s
    assert beat_agreement(before_s, true_s, span_s=SPAN_S).n_pred == 29
    just_outside = beat_agreement(np.arange(1.02, 29), np.arange(0.02, 29), span_s=SPAN_S)
    assert (just_outside.n_true, just_outside.n_pred, just_outside.n_matched[0]) == (28, 28, 28)


def test_a_silent_start_counts_as_missed():
    true_s = np.arange(0.5, 30)
    for span_s in (None, SPAN_S):
        found = beat_agreement(true_s[10:], true_s, span_s=span_s)
        assert (found.n_pred, found.n_true, found.n_matched) == (20, 30, (20, 20, 20))


def test_an_interval_with_a_beat_of_either_side_in_it_is_none():
    true_s = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    pred_s = np.array([1.01, 2.0, 2.5, 3.0, 5.0, 6.03])
    # 2 to 3 holds a false beat and 3 to 5 a missed one: 1 to 2 is 10 ms off, 5 to 6 is 30 ms off.
    assert beat_agreement(pred_s, true_s).ibi_mae_ms == pytest.approx(20)


def test_of_a_regular_rhythm_the_delay_nearest_to_0_is_found():
    true_s = np.arange(0.2, 30, 0.4)
    found = beat_agreement(within(true_s + 0.3), true_s, span_s=SPAN_S)
    assert found.delay_s == pytest.approx(-0.1, abs=1e-9)
    assert found.n_matched[0] == found.n_true


def test_an_unrelated_rhythm_matches_by_chance():
    """F1 by chance: a third, six and seven tenths at the same mean rate."""
    found = []
    for seed in range(300):
        random = np.random.RandomState(seed)
        found.append(beat_agreement(within(rhythm(random)), within(rhythm(random)), span_s=SPAN_S))
    matched = 2 * np.sum([each.n_matched for each in found], axis=0)
    chance = matched / sum(each.n_pred + each.n_true for each in found)
    np.testing.assert_allclose(chance, [0.37, 0.60, 0.74], atol=0.05)


@pytest.mark.parametrize(
    ("pred_s", "true_s", "n"),
    [
        ([], [], (0, 0)),
        ([], [1.0, 2.0], (0, 2)),
        ([1.0, 2.0], [], (2, 0)),
        ([np.nan, np.nan], [1.0, 2.0], (0, 2)),
        ([1.0, 1.9], [11.0, 12.0], (2, 2)),
    ],
    ids=["neither", "no prediction", "no truth", "not finite", "far off"],
)
def test_without_matches_there_is_no_delay_and_no_interval(pred_s, true_s, n):
    found = beat_agreement(np.array(pred_s), np.array(true_s))
    assert found == BeatAgreement(n_pred=n[0], n_true=n[1], **NOTHING)


def test_one_beat_of_each_has_no_interval():
    found = beat_agreement(np.array([1.2]), np.array([1.0]))
    assert found == BeatAgreement(n_pred=1, n_true=1, delay_s=found.delay_s, n_matched=(1, 1, 1), ibi_mae_ms=None)
    assert found.delay_s == pytest.approx(0.2)


@pytest.mark.parametrize("length_s", [10.0, 30.0])
@pytest.mark.parametrize(("hr_bpm", "delay_s"), [(75, 0.45), (100, 0.35), (100, 0.45), (75, -0.2)])
def test_a_breathing_rhythm_is_not_taken_for_the_beat_before(hr_bpm, delay_s, length_s):
    """Intervals of an SDNN of 30 ms stay within 150 ms of the next beat's, and differ from them all the same."""
    random = np.random.RandomState(0)
    for _ in range(20):
        phase = 2 * np.pi * 0.25 * np.arange(80) * 60 / hr_bpm + random.uniform(0, 6)
        true_s = -3 + np.cumsum(60 / hr_bpm + np.sqrt(2) * 0.03 * np.sin(phase))
        pred_s = true_s + delay_s + 0.01 * random.randn(80)
        inside = [beats_s[(beats_s >= 0) & (beats_s < length_s)] for beats_s in (pred_s, true_s)]
        found = beat_agreement(*inside, span_s=(0.0, length_s))
        assert found.delay_s == pytest.approx(delay_s, abs=0.015)
        assert found.ibi_mae_ms < 20  # of two beats each 10 ms off: 11.3 on average
