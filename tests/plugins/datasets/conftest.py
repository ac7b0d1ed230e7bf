from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.registry import Registry, load_registry
from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording


@dataclass(frozen=True)
class Tree:
    """A small copy of a dataset in its own layout, with its rendered recordings by id."""

    root: Path
    rendered_by_id: dict[str, RenderedRecording]

    def files(self) -> set[str]:
        """Every file's path below the root."""
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="session")
def cohort(registry: Registry) -> RenderedCohort:
    return RenderedCohort(registry)


@pytest.fixture(scope="session")
def fixture_tree(cohort: RenderedCohort, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, int, float], Tree]:
    """A function from a loader module's name, subjects and seconds to its tree, written once; copy before changing."""
    trees: dict[tuple[Any, ...], Tree] = {}

    def tree(name: str, n_subjects: int, duration_s: float) -> Tree:
        key = (name, n_subjects, duration_s)
        if key not in trees:
            root = tmp_path_factory.mktemp(name) / "root"
            root.mkdir()
            module = importlib.import_module(f"rppgbench_datasets.{name}")
            trees[key] = Tree(root, module.write_fixture(root, cohort, n_subjects, duration_s))
        return trees[key]

    return tree


@pytest.fixture(scope="session")
def lag_ms() -> Callable[[GroundTruth, RenderedRecording], float]:
    """Delay in ms of a ground truth behind the rendered sensor, by the shift of highest correlation."""

    def lag(truth: GroundTruth, rendered: RenderedRecording) -> float:
        inside = (truth.times_s > 0.1) & (truth.times_s < rendered.duration_s - 0.1)
        times_s, samples = truth.times_s[inside], truth.samples[inside]
        shifts_s = np.arange(-100, 101) / 1000.0
        correlations = [np.corrcoef(rendered.sensor(times_s - shift_s), samples)[0, 1] for shift_s in shifts_s]
        return float(1000.0 * shifts_s[np.argmax(correlations)])

    return lag
