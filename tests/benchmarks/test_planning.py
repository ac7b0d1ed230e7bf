"""Seconds to plan a finished protocol of 10,000 tasks, which has to come out as "all cached"."""

from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.pipeline.plan import Plan
from rppgbench.pipeline.planner import make_plan
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import MANIFEST, Store

PROTOCOLS = Path(__file__).parents[2] / "protocols"
# How many subjects make 10,000 tasks of it.
SUBJECTS = {"synthetic_compressed": (20, 66), "synthetic_learned": (20, 28)}


@pytest.fixture(params=SUBJECTS)
def finished(request, tmp_path):
    """A protocol and a store that has an empty artefact for every score of it."""
    here, more = SUBJECTS[request.param]
    text = (PROTOCOLS / f"{request.param}.yaml").read_text()
    assert f"subjects: {here}," in text
    path = tmp_path / "large.yaml"
    path.write_text(text.replace(f"subjects: {here},", f"subjects: {more},"))
    protocol, store = load_protocol(path, load_registry()), Store.open(tmp_path / "store")
    for trial in make_plan(protocol, store).trials:
        folder = store.path(trial.score.key)
        folder.mkdir(parents=True)
        (folder / MANIFEST).write_text("{}")
    return protocol, store


@pytest.mark.benchmark
def test_a_finished_protocol_is_planned_anew(finished, benchmark):
    protocol, store = finished

    def planned() -> tuple[Plan, int]:
        plan = make_plan(protocol, store)
        return plan, len(plan.wanted(store))

    plan, to_do = benchmark(planned)
    assert len(plan.tasks) > 10_000 and to_do == 0
