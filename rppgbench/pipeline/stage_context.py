"""A task at work: its settings, its inputs on disk, and the folder it fills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from rppgbench.contracts import GroundTruth, Recording
from rppgbench.pipeline.stage_settings import ComponentSettings, StageSettings
from rppgbench.pipeline.task import Task

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray
    from rppgbench.registry import Registry
    from rppgbench.store.store import Store

S = TypeVar("S", bound=StageSettings)
S_co = TypeVar("S_co", bound=StageSettings, covariant=True)


@dataclass(frozen=True)
class StageContext(Generic[S_co]):
    """A task at work: its settings, its inputs in the store, and the folder it fills.

    ``device`` is the device on which networks run, "auto" for the first of the task's kind. ``scratch`` is a folder
    that stays if the process is killed: the next attempt finds it, and the end of the task removes it.
    """

    task: Task
    settings: S_co
    store: Store
    registry: Registry
    folder: Path
    device: str = "auto"

    @property
    def scratch(self) -> Path:
        return self.store.scratch(self.task.key)

    @property
    def recording(self) -> Recording:
        """Recording of the task as planned.

        Raises:
            TypeError: the task is of several recordings.
        """
        if self.task.recording is None:
            raise TypeError(f"{self.task.label} is not of one recording")
        return self.task.recording

    def has_input(self, role: str) -> bool:
        return role in self.task.inputs

    def input(self, role: str) -> Path:
        """Folder of the artefact in the role."""
        return self.store.path(self.task.inputs[role])

    def facts(self, role: str) -> dict[str, Any]:
        """Facts of an input's manifest."""
        return self.store.facts(self.task.inputs[role])

    def video(self) -> Path:
        """File of the input in the role "video"."""
        source = self.task.inputs["video"]
        if source.startswith("file:"):
            return Path(self.task.local["video"])
        return self.input("video") / str(self.facts("video")["file"])

    def component(self, settings: ComponentSettings, **local: Any) -> Any:
        """Component with these settings; ``local`` are arguments of its factory besides its params."""
        if settings.n_conditions is not None:
            local["n_conditions"] = settings.n_conditions
        return self.registry.create(settings.kind, settings.use, settings.params, **local)

    def dataset(self, settings: ComponentSettings) -> Any:
        """Loader of the dataset in its folder on this machine."""
        root = self.task.local.get("root")
        return self.component(settings, **({"root": Path(root)} if root else {}))

    def truth(self, role: str) -> GroundTruth:
        """Ground truth in an input, an artefact of the stage "truth"."""
        arrays = dict(load_arrays(self.input(role) / "truth.npz"))
        facts = self.facts(role)
        return GroundTruth(
            samples=arrays.pop("samples"),
            times_s=arrays.pop("times_s"),
            kind=facts["kind"],
            leads={name.removeprefix("lead "): samples for name, samples in arrays.items()},
            video_s=facts["video_s"],
            doubts=tuple(facts["doubts"]),
        )

    def unusable(self, role: str) -> str | None:
        """Reason why a ground truth in an input is unusable; None if it is usable."""
        reason: str | None = self.facts(role)["unusable"]
        return reason

    def times_s(self, role: str) -> FloatArray:
        """``(T,)`` times of frames in an input, a clock or traces."""
        folder = self.input(role)
        path = folder / "clock.npz"
        return load_arrays(path if path.is_file() else folder / "traces.npz")["times_s"]

    def crops(self, role: str) -> LazyArray:
        """Face clips in an input, ``(T, H, W, 3)`` uint8; slices are read on access."""
        return LazyArray(self.input(role) / "crops.npy")


class LazyArray:
    """An array in an ``.npy`` file of which only requested slices are in memory.

    A file that stays mapped counts as the process's memory page by page as it is read, in the end with all its bytes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shape: tuple[int, ...] = self._mapped().shape

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Any:
        return np.array(self._mapped()[index])

    def _mapped(self) -> Any:
        return np.load(self._path, mmap_mode="r")


def load_arrays(path: Path) -> Mapping[str, FloatArray]:
    """Arrays of an ``.npz`` file by name."""
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
