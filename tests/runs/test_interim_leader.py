"""The interim leader, on the windows that all entries have scored and on no other."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from rppgbench.pipeline.task_result import TaskDone, TaskEnded, TaskFailure
from rppgbench.runs.interim_leader import InterimLeader
from rppgbench.runs.snapshot import InterimBest
from tests.stand_in_tasks import stand_in


def trial(recording, condition, entry, seed=None, control=False):
    label = f"{recording} {condition} {entry} {seed}"
    score = stand_in("score", label, recording=recording)
    resolved_entry = SimpleNamespace(id=entry, method_spec=SimpleNamespace(control=control))
    ids = {"recording": SimpleNamespace(id=recording), "condition": SimpleNamespace(id=condition)}
    return SimpleNamespace(**ids, entry=resolved_entry, seed=seed, score=score)


@pytest.fixture
def publish(store):
    """A function that puts the errors of a trial's windows into the store; None is a window that is not scored."""

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
    """A function from trials to a leader that reports after every score, and the list of its reports."""

    def watched(trials, to_do=None):
        reported = []
        leader = InterimLeader(
            trials, [one.score for one in (trials if to_do is None else to_do)], store, reported.append
        )
        leader.every_s = 0.0
        return leader, reported

    return watched


def test_the_least_error_leads_once_all_have_scored_a_recording(publish, watch):
    pos, chrom = trial("r1", "raw", "pos"), trial("r1", "raw", "chrom")
    leader, reported = watch([pos, chrom])
    publish(pos, 1.0, -3.0)
    leader.event(TaskEnded(pos.score, TaskDone(1.0)))
    assert reported == [], "no other entry to compare it with"
    publish(chrom, 2.0, -1.0)
    leader.event(TaskEnded(chrom.score, TaskDone(1.0)))
    assert reported == [InterimBest("chrom", 1.5, 2, 1)]


def test_only_windows_that_all_have_scored_count(publish, watch):
    trials = [
        trial("r1", "raw", "pos"),
        trial("r1", "raw", "chrom"),
        trial("r1", "q1", "pos"),
        trial("r1", "q1", "chrom"),
    ]
    leader, reported = watch(trials)
    for one, errors in zip(trials, ((1.0, 50.0), (2.0, None), (4.0,), (1.0,)), strict=True):
        publish(one, *errors)
        leader.event(TaskEnded(one.score, TaskDone(1.0)))
    assert (reported[0], reported[-1]) == (InterimBest("pos", 1.0, 1, 1), InterimBest("chrom", 1.5, 2, 2))


def test_an_entry_that_scores_nothing_does_not_hide_the_others(publish, watch):
    pos, broken = trial("r1", "raw", "pos"), trial("r1", "raw", "broken")
    leader, reported = watch([pos, broken])
    publish(pos, 2.0)
    leader.event(TaskEnded(pos.score, TaskDone(1.0)))
    leader.event(TaskEnded(broken.score, TaskFailure(broken.score, "no")))
    assert reported == [InterimBest("pos", 2.0, 1, 1)]


def test_seeds_are_averaged_and_controls_are_not_shown(publish, watch):
    trials = [
        trial("r1", "raw", "net", seed=0),
        trial("r1", "raw", "net", seed=1),
        trial("r1", "raw", "pos"),
        trial("r1", "raw", "mean", control=True),
    ]
    leader, reported = watch(trials)
    for one, error in zip(trials, (1.0, -3.0, 2.5, 0.0), strict=True):
        publish(one, error)
        leader.event(TaskEnded(one.score, TaskDone(1.0)))
    assert reported == [InterimBest("net", 2.0, 1, 1)]


def test_scores_of_earlier_runs_count_too(publish, watch):
    before, now = trial("r1", "raw", "pos"), trial("r2", "raw", "pos")
    publish(before, 4.0)
    leader, reported = watch([before, now], to_do=[now])
    publish(now, 2.0)
    leader.event(TaskEnded(now.score, TaskDone(1.0)))
    assert reported == [InterimBest("pos", 3.0, 2, 1)]


def test_reports_are_at_most_every_so_often_and_at_the_last_score(publish, watch):
    trials = [trial(f"r{n}", "raw", "pos") for n in range(4)]
    leader, reported = watch(trials)
    leader.every_s = 1e9
    leader._reported_s = -1e9
    for one in trials:
        publish(one, 1.0)
        leader.event(TaskEnded(one.score, TaskDone(1.0)))
    assert [best.n_windows for best in reported] == [1, 4]


def test_damaged_scores_are_ignored(publish, watch, store):
    pos = trial("r1", "raw", "pos")
    leader, reported = watch([pos])
    publish(pos, 1.0)
    (store.path(pos.score.key) / "rows.json").write_text("[{")
    leader.event(TaskEnded(pos.score, TaskDone(1.0)))
    assert (reported, leader.best()) == ([], None)
