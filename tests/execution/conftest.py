"""Tasks whose work is a function of the test, and an observer that records events."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rppgbench.execution import task_runner as module
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import RunEvent, RunNotice, TaskEnded, TaskStarted, WorkersChanged
from rppgbench.registry import Registry, load_registry
from rppgbench.store.store import Store
from tests.stand_in_tasks import stand_in


def task(name: str, *inputs: Task, stage: str = "truth", network: bool = False) -> Task:
    return stand_in(stage, name, {t.label: t.key for t in inputs}, device="cuda" if network else None)


class RecordingObserver:
    """An observer that records events, as ``started a``, ``ended a`` and ``retried a``."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.results = []

    def event(self, event: RunEvent) -> None:
        match event:
            case TaskStarted(task):
                self.lines.append(f"started {task.label}")
            case TaskEnded(task, result):
                self.lines.append(f"ended {task.label}")
                self.results.append(result)
            case RunNotice(kind, _, task):
                self.lines.append(f"{kind} {task.label if task else ''}".strip())
            case WorkersChanged(workers):
                self.lines.append(f"workers {workers}")

    def of(self, status: str) -> list[str]:
        """Labels of the tasks of all events of one status."""
        return [line.partition(" ")[2] for line in self.lines if line.partition(" ")[0] == status]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def behave(monkeypatch) -> dict[str, Callable[[], None]]:
    """Functions that tasks call, by label; all tasks publish an empty artefact. In this process alone."""
    behaviours: dict[str, Callable[[], None]] = {}

    def run_stage(task: Task, store: Store, registry: Registry, device: str = "auto") -> None:
        behaviours.get(task.label, lambda: None)()
        store.publish(task.preimage, lambda folder: {})

    monkeypatch.setattr(module, "run_stage", run_stage)
    return behaviours


def failing(error: Exception) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


PROTOCOL = """
rppgbench: 1
name: misbehaviour
version: 1
title: What goes wrong
dataset: {{use: synthetic, subjects: 2, recordings: [rest], duration_s: 6.0, size: [160, 120], seed: 1}}
folds: {{scheme: subject_kfold, k: 2, seed: 0}}
conditions: {{reference: {{use: original}}, grid: []}}
clips: {{length_s: 6.0, fps_hz: 30.0}}
evaluation:
  heart_rate: {{use: spectrum, band_hz: [0.7, 4.0]}}
  metrics: [hr_mae_bpm]
  primary: hr_mae_bpm
  interval: {{bootstrap: 100, unit: subject, level: 0.95, seed: 0}}
entries:
{entries}
"""


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    """A function from entries to a protocol; ``plugins/misbehaving.py`` is installed for this and worker processes."""
    site = tmp_path / "site"
    shutil.copytree(Path(__file__).parent / "plugins", site)
    about = site / "misbehaving-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: misbehaving\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[rppgbench]\nmisbehaving = misbehaving\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    load_registry.cache_clear()

    def protocol(*entries: str) -> Path:
        path = tmp_path / "misbehaviour.yaml"
        path.write_text(PROTOCOL.format(entries="\n".join(f"  - {entry}" for entry in entries)))
        return path

    yield protocol
    load_registry.cache_clear()
