"""The main job's board in ``leaderboards/`` is what the run gives."""

from __future__ import annotations

import json
import os
from contextlib import closing
from pathlib import Path

import pytest

from rppgbench.evaluation.schema import COLUMNS
from rppgbench.execution.cluster import local_executor
from rppgbench.execution.dask_executor import WorkerOptions
from rppgbench.execution.driver import execute
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import result_rows
from rppgbench.protocol.protocol_library import builtin_protocols
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.results.board import Board
from rppgbench.results.publish import publish
from rppgbench.results.results import Results
from rppgbench.store.store import Store

COMMITTED = Path(__file__).parents[2] / "leaderboards" / "synthetic_compressed" / "v2"
# A part of the run that takes seconds: one subject, the reference and the quickest codec.
PART = ("subject=s03", "codec=original", "codec=mpeg4")


@pytest.fixture(scope="module")
def protocol():
    return load_protocol(builtin_protocols()["synthetic_compressed"], load_registry())


def assert_same(found, expected):
    """Equal rows; numbers up to what another processor's arithmetic may change."""
    numbers = {column.name for column in COLUMNS if column.type == "float64"}
    assert found.keys() == expected.keys()
    for key, value in found.items():
        if key in numbers and value is not None:
            assert value == pytest.approx(expected[key], rel=1e-6, abs=1e-9), (key, found)
        else:
            assert value == expected[key], (key, found)


def by_window(rows):
    return {(row["condition"], row["entry"], row["recording"], row["window"]): row for row in rows}


def test_it_answers_the_protocol_as_it_stands(protocol):
    assert Results.load(COMMITTED).about["digest"] == protocol.digest


def test_its_tables_follow_from_its_rows(tmp_path):
    folder = publish(Board.of(Results.load(COMMITTED)), tmp_path)
    for name in ("board.csv", "board.md", "encodings.csv"):
        assert (folder / name).read_text() == (COMMITTED / name).read_text()
    made, committed = (json.loads((f / "board.json").read_text()) for f in (folder, COMMITTED))
    assert made == committed


def test_a_part_of_it_run_now_gives_the_same_rows(protocol, tmp_path):
    store = Store.open(tmp_path)
    plan = make_plan(protocol, store, only=PART)
    with closing(local_executor(2, (), WorkerOptions(store))) as executor:
        outcome = execute(plan.wanted(store), store, executor)
    assert not outcome.failed
    found = by_window(result_rows(plan, store, outcome.failures))
    committed = by_window(Results.load(COMMITTED).rows)
    assert len(found) == 4 * 6
    for key, row in found.items():
        assert_same(row, committed[key])


@pytest.mark.skipif(
    "RPPGBENCH_MAIN_JOB" not in os.environ, reason="set RPPGBENCH_MAIN_JOB to the folder of a finished run"
)
def test_the_whole_of_it_is_what_a_finished_run_gave():
    finished = Results.load(Path(os.environ["RPPGBENCH_MAIN_JOB"]))
    committed = Results.load(COMMITTED)
    # A release whose numbers are the same leaves boards as they are, with the version that made them.
    assert {**finished.about, "rppgbench": ""} == {**committed.about, "rppgbench": ""}
    found, expected = by_window(finished.rows), by_window(committed.rows)
    assert found.keys() == expected.keys()
    for key, row in found.items():
        assert_same(row, expected[key])
    streams = [{(e["recording"], e["condition"]): e["sha256"] for e in r.encodings} for r in (finished, committed)]
    assert streams[0] == streams[1], "the same bitstreams"
