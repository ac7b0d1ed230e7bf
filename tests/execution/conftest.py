"""Tasks whose work is a function of the test's own, and an observer that remembers."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rppgbench.execution import task_runner as module
from rppgbench.pipeline.task import Task
from rppgbench.registry import Registry, load_registry
from rppgbench.store.store import Store
from tests.stand_in_tasks import stand_in


def task(name: str, *inputs: Task, stage: str = "truth", network: bool = False) -> Task:
    return stand_in(stage, name, {t.label: t.key for t in inputs}, device="cuda" if network else None)


class Heard:
    """What an observer was told, as ``started a``, ``ended a`` and ``retried a``."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.results = []

    def started(self, task):
        self.told.append(f"started {task.label}")

    def ended(self, task, result):
        self.told.append(f"ended {task.label}")
        self.results.append(result)

    def noted(self, note):
        self.told.append(f"{note.kind} {note.task.label if note.task else ''}".strip())

    def workers(self, workers):
        self.told.append(f"workers {workers}")

    def of(self, what: str) -> list[str]:
        return [told.partition(" ")[2] for told in self.told if told.partition(" ")[0] == what]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def behave(monkeypatch) -> dict[str, Callable[[], None]]:
    """What tasks do, by name; all others publish an empty artefact. In this process alone."""
    behaviours: dict[str, Callable[[], None]] = {}

    def perform(task: Task, store: Store, registry: Registry, device: str = "auto") -> None:
        behaviours.get(task.label, lambda: None)()
        store.publish(task.preimage, lambda folder: {})

    monkeypatch.setattr(module, "run_stage", perform)
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
    """Installs the package of that name for this process and its hands; gives a function from entries to a protocol."""
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
