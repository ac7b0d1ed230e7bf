"""ARCHITECTURE.md: its tables and its picture follow from the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.stages import stages

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def table(heading: str) -> list[list[str]]:
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def named(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_the_table_of_stages_lists_them_in_their_order():
    listed = [row[0].strip("`") for row in table("A video's way")]
    assert listed == list(stages()), "give each stage its row in ARCHITECTURE.md, 'A video's way', by its position"


@pytest.fixture
def edges(learning, protocol, store) -> dict[str, set[str]]:
    """Stages that tasks of each stage read, over protocols that have every kind of entry and of video."""
    found: dict[str, set[str]] = {name: set() for name in stages()}
    brighter = ("copy, sweep: {bitrate_kbps: [100]}", "brighter, sweep: {levels: [10]}")
    for one in (learning(), protocol(brighter), protocol(("use: original", "use: copy, bitrate_kbps: 50"))):
        plan = make_plan(one, store)
        for task in plan.tasks.values():
            found[task.stage] |= {plan.tasks[key].stage for key in task.inputs.values() if key in plan.tasks}
    return found


def test_the_table_of_stages_says_what_each_reads(edges):
    clocked = {"traces": {"clock"}, "crop": {"clock"}}  # of datasets with clock files alone, see test_local_dataset
    for name, reads, _ in table("A video's way"):
        stage = name.strip("`")
        assert named(reads) == edges[stage] | clocked.get(stage, set()), stage


def test_the_reading_list_is_there_and_takes_an_hour():
    files = [ROOT / row[0].strip("`") for row in table("Reading it in an hour")]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    assert 3000 <= lines <= 4000
