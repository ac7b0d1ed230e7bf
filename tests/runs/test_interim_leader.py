"""Which entry is ahead: on the windows that all have scored, and on no other."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from rppgbench.pipeline.task_result import TaskDone, TaskFailure
from rppgbench.runs.interim_leader import InterimLeader
from rppgbench.runs.snapshot import InterimBest
from tests.stand_in_tasks import stand_in


def cell(recording, condition, entry, seed=None, control=False):
    label = f"{recording} {condition} {entry} {seed}"
    score = stand_in("score", label, recording=recording)
    resolve_entry = SimpleNamespace(id=entry, method_spec=SimpleNamespace(control=control))
    recorded, under = SimpleNamespace(id=recording), SimpleNamespace(id=condition)
    return SimpleNamespace(recording=recorded, condition=under, entry=resolve_entry, seed=seed, score=score)


@pytest.fixture
def publish(store):
    """A function that puts the errors of a cell's windows into the store; None is a window that is not scored."""

    def published(of, *errors_bpm):
        rows = [
            {"window": n, "status": "scored" if error is not None else "failed", "error_bpm": error}
            for n, error in enumerate(errors_bpm)
        ]

        def write(folder):
            (folder / "rows.json").write_text(json.dumps(rows))
            return {}

        store.publish(of.score.preimage, write)

    return published


@pytest.fixture
def watch(store):
    """A function from cells to a standing that tells at every end, and what it told."""

    def watched(cells, to_do=None):
        told = []
        standing = InterimLeader(cells, [one.score for one in (cells if to_do is None else to_do)], store, told.append)
        standing.every_s = 0.0
        return standing, told

    return watched


def test_the_least_error_leads_once_all_have_scored_a_recording(publish, watch):
    pos, chrom = cell("r1", "raw", "pos"), cell("r1", "raw", "chrom")
    standing, told = watch([pos, chrom])
    publish(pos, 1.0, -3.0)
    standing.ended(pos.score, TaskDone(1.0))
    assert told == [], "nobody to compare it with"
    publish(chrom, 2.0, -1.0)
    standing.ended(chrom.score, TaskDone(1.0))
    assert told == [InterimBest("chrom", 1.5, 2, 1)]


def test_only_windows_that_all_have_scored_count(publish, watch):
    cells = [cell("r1", "raw", "pos"), cell("r1", "raw", "chrom"), cell("r1", "q1", "pos"), cell("r1", "q1", "chrom")]
    standing, told = watch(cells)
    for one, errors in zip(cells, ((1.0, 50.0), (2.0, None), (4.0,), (1.0,)), strict=True):
        publish(one, *errors)
        standing.ended(one.score, TaskDone(1.0))
    assert (told[0], told[-1]) == (InterimBest("pos", 1.0, 1, 1), InterimBest("chrom", 1.5, 2, 2))


def test_an_entry_that_scores_nothing_does_not_hide_the_others(publish, watch):
    pos, broken = cell("r1", "raw", "pos"), cell("r1", "raw", "broken")
    standing, told = watch([pos, broken])
    publish(pos, 2.0)
    standing.ended(pos.score, TaskDone(1.0))
    standing.ended(broken.score, TaskFailure(broken.score, "no"))
    assert told == [InterimBest("pos", 2.0, 1, 1)]


def test_seeds_are_averaged_and_controls_are_not_shown(publish, watch):
    cells = [
        cell("r1", "raw", "net", seed=0),
        cell("r1", "raw", "net", seed=1),
        cell("r1", "raw", "pos"),
        cell("r1", "raw", "mean", control=True),
    ]
    standing, told = watch(cells)
    for one, error in zip(cells, (1.0, -3.0, 2.5, 0.0), strict=True):
        publish(one, error)
        standing.ended(one.score, TaskDone(1.0))
    assert told == [InterimBest("net", 2.0, 1, 1)]


def test_what_was_scored_before_counts_too(publish, watch):
    before, now = cell("r1", "raw", "pos"), cell("r2", "raw", "pos")
    publish(before, 4.0)
    standing, told = watch([before, now], to_do=[now])
    publish(now, 2.0)
    standing.ended(now.score, TaskDone(1.0))
    assert told == [InterimBest("pos", 3.0, 2, 1)]


def test_it_is_told_now_and_then_and_at_the_last(publish, watch):
    cells = [cell(f"r{n}", "raw", "pos") for n in range(4)]
    standing, told = watch(cells)
    standing.every_s = 1e9
    standing._told_s = -1e9
    for one in cells:
        publish(one, 1.0)
        standing.ended(one.score, TaskDone(1.0))
    assert [best.n_windows for best in told] == [1, 4]


def test_damaged_scores_are_passed_over(publish, watch, store):
    pos = cell("r1", "raw", "pos")
    standing, told = watch([pos])
    publish(pos, 1.0)
    (store.path(pos.score.key) / "rows.json").write_text("[{")
    standing.ended(pos.score, TaskDone(1.0))
    assert (told, standing.best()) == ([], None)
