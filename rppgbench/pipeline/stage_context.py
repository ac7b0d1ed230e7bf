"""A task at work: its settings, its inputs on disk, and the folder it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import GroundTruth
from rppgbench.pipeline.task import Task, count_windows
from rppgbench.registry import Registry
from rppgbench.store.store import Store


@dataclass(frozen=True)
class StageContext:
    """A task at work: its settings, where its inputs are, and the folder it fills.

    ``device`` is where networks run, "auto" for a GPU if there is one. ``scratch`` is a folder that outlives the
    process when that is killed: what lies there is found by the next try and goes when the task is done.
    """

    task: Task
    store: Store
    registry: Registry
    folder: Path
    device: str = "auto"

    @property
    def scratch(self) -> Path:
        return self.store.scratch(self.task.key)

    def setting(self, name: str) -> Any:
        return self.task.settings[name]

    def input(self, role: str) -> Path:
        return self.store.path(self.task.inputs[role])

    def video(self) -> Path:
        """The file of the input in the role "video"."""
        source = self.task.inputs["video"]
        if source.startswith("file:"):
            return Path(self.task.local["video"])
        return self.input("video") / str(self.store.facts(source)["file"])

    def component(self, role: str, **local: Any) -> Any:
        """The component the settings describe under ``role``."""
        described = self.setting(role)
        return self.registry.create(described["kind"], described["use"], described["params"], **local)

    def dataset(self) -> Any:
        root = self.task.local.get("root")
        return self.component("dataset", **({"root": Path(root)} if root else {}))

    def truth(self, role: str) -> GroundTruth:
        """The ground truth in an input."""
        arrays = dict(load_arrays(self.input(role) / "truth.npz"))
        facts = self.store.facts(self.task.inputs[role])
        return GroundTruth(
            samples=arrays.pop("samples"),
            times_s=arrays.pop("times_s"),
            kind=facts["kind"],
            leads={name.removeprefix("lead "): samples for name, samples in arrays.items()},
            video_s=facts["video_s"],
            doubts=tuple(facts["doubts"]),
        )

    def unusable(self, role: str) -> str | None:
        """Why nothing can be read from the ground truth in an input, if that is so."""
        reason: str | None = self.store.facts(self.task.inputs[role])["unusable"]
        return reason

    def times_s(self, role: str) -> Any:
        """``(T,)`` times of frames, from the dataset's clock or from traces."""
        folder = self.input(role)
        path = folder / "clock.npz"
        return load_arrays(path if path.is_file() else folder / "traces.npz")["times_s"]

    @property
    def part(self) -> tuple[int, int | None]:
        """Which frames of the input in the role "video" count."""
        first, end = self.task.settings.get("part", (0, None))
        return first, end

    def crops(self, role: str) -> Any:
        """The face clips in an input, ``(T, H, W, 3)`` uint8, of which a slice is read when it is asked for."""
        return LazyArray(self.input(role) / "crops.npy")


class LazyArray:
    """An array in an ``.npy`` file: what is asked for is read, and nothing else is held.

    A file that stays mapped counts as the process's memory page by page as it is read, in the end with all its bytes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shape: tuple[int, ...] = self._mapped().shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, part: Any) -> Any:
        return np.array(self._mapped()[part])

    def _mapped(self) -> Any:
        return np.load(self._path, mmap_mode="r")


def load_arrays(path: Path) -> Mapping[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def window_starts_s(duration_s: float, length_s: float) -> list[float]:
    """Where the windows of a recording start, one after the other."""
    return [index * length_s for index in range(count_windows(duration_s, length_s))]
