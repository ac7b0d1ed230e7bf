"""Expected peaks and limits of a run's disk space, and sizes as text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rppgbench.errors import RppgbenchError, StoreError
from rppgbench.pipeline import disk_budget
from rppgbench.pipeline.disk_budget import DiskBudget, DiskPeak, decide_disk_budget, disk_peak, taken_bytes
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.task import Task
from rppgbench.text import parse_bytes
from tests.stand_in_tasks import stand_in


def task(stage: str, name: str, n_bytes: float, *inputs: Task) -> Task:
    return stand_in(stage, name, {str(n): t.key for n, t in enumerate(inputs)}, bytes_out=n_bytes)


@pytest.fixture
def line():
    """Two crops, one read by two tasks, the other by one: 10 + 20 bytes of clips at once, 3 kept."""
    first, second = task("crop", "c1", 10), task("crop", "c2", 20)
    early, late = task("predict", "p1", 1, first), task("predict", "p2", 1, first, second)
    return [first, early, second, late, task("score", "s", 1, late)]


def test_the_peak_of_a_line(line):
    assert disk_peak(line) == DiskPeak(kept_bytes=3, transient_bytes=30, all_bytes=33)
    first, early, second, late, _ = line
    one_by_one = [first, early, replace(late, inputs={"0": first.key}), second, task("predict", "p3", 1, second)]
    assert disk_peak(one_by_one) == DiskPeak(kept_bytes=3, transient_bytes=20, all_bytes=33)


def test_clips_that_are_there_count_until_they_were_read(line):
    first, early, second, late, _ = line
    assert disk_peak([second, late], {first.key: 10.0}) == DiskPeak(1, 30, 31)
    assert disk_peak([early, task("crop", "c3", 5)], {first.key: 10.0}) == DiskPeak(1, 10, 16)


def test_checkpoints_of_trainings_count():
    tasks = [stand_in("train", str(size), scratch_bytes=size) for size in (1, 2, 4)]
    assert disk_peak(tasks, workers=2).scratch_bytes == 6


@pytest.fixture
def planned(learning, store, monkeypatch):
    """A function from free bytes to a plan's budget; with the plan."""
    plan = make_plan(learning("same + pulse", levels="[10, 20, 30]"), store)
    to_do = plan.wanted(store)

    def decided(free, limit=None):
        monkeypatch.setattr(disk_budget, "free_bytes", lambda folder: free)
        return decide_disk_budget(plan, to_do, store, limit)

    return plan, to_do, decided


def test_nothing_goes_where_all_fits(planned):
    _, to_do, decided = planned
    peak = disk_peak(to_do)
    assert peak.transient_bytes > 0
    assert not decided(2 * peak.whole_bytes).evicts
    assert decided(None) == DiskBudget(None, False, peak)
    assert not decided(None, peak.whole_bytes).evicts


def test_clips_go_where_they_do_not_all_fit(planned):
    _, to_do, decided = planned
    peak = disk_peak(to_do)
    assert peak.least_bytes < peak.whole_bytes
    assert decided(10 * peak.whole_bytes, peak.least_bytes) == DiskBudget(peak.least_bytes, True, peak)
    # The user's word on the limit is taken, but a disk that is smaller still keeps no clip longer than it must.
    assert decided(peak.least_bytes, peak.whole_bytes).evicts


def test_what_cannot_fit_is_refused_with_what_it_takes(planned):
    _, to_do, decided = planned
    least = disk_peak(to_do).least_bytes
    with pytest.raises(StoreError, match=r"needs about .* at its peak, and --disk-limit leaves .* are free") as refused:
        decided(10 * least, least - 1)
    assert "raise --disk-limit to" in refused.value.hint
    with pytest.raises(StoreError, match="are free") as refused:
        decided(least)  # of which a tenth is others'
    assert "--store" in refused.value.hint and "--only" in refused.value.hint


def test_clips_in_the_store_are_not_asked_for_twice(planned, store):
    plan, to_do, _ = planned
    crops = [t for t in to_do if t.stage == "crop"]
    for crop in crops:
        store.publish(crop.preimage, lambda folder: {})
    rest = [t for t in to_do if t.stage != "crop"]
    budget = decide_disk_budget(plan, rest, store, 1e12)
    assert budget.present == {crop.key: crop.bytes_out for crop in crops}


@pytest.mark.parametrize(
    ("text", "n_bytes"), [("100GB", 10**11), ("1.5TiB", 3 * 2**39), ("500M", 5 * 10**8), ("7 kB", 7000), ("12", 12)]
)
def test_sizes(text, n_bytes):
    assert parse_bytes(text) == n_bytes


@pytest.mark.parametrize("text", ["", "GB", "many", "-5GB", "0", "5 parsecs", "1.2.3GB"])
def test_no_sizes(text):
    with pytest.raises(RppgbenchError, match="is no size"):
        parse_bytes(text)


def test_a_folder_takes_at_least_its_files(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 100_000)
    assert taken_bytes(tmp_path) >= 100_000
