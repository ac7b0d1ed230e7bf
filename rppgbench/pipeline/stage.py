"""A stage: one kind of task, with everything that planning, running and costing it takes in one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol

from rppgbench.pipeline.stage_context import S as S
from rppgbench.pipeline.stage_context import StageContext as StageContext
from rppgbench.pipeline.stage_settings import (
    WORKER_BYTES,
    ComponentSettings,
    DeviceKind,
    StageSettings,
    TaskCost,
    WindowSettings,
)
from rppgbench.pipeline.task import Task

if TYPE_CHECKING:
    from rppgbench.contracts import Recording, Spec
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolve import Protocol as ResolvedProtocol
    from rppgbench.protocol.resolved_component import Condition, ResolvedComponent

Facts = Mapping[str, Any]
# Per pixel of a frame, of a worker that decodes: about 20 decoded frames are in flight.
DECODING_BYTES_PER_PIXEL = 30.0
CORE_FLOP_PER_S, GPU_FLOP_PER_S = 2e10, 1e13  # sustained in convolutions, assumed
# Of a window's clips as numbers; and of measuring a clip's quality beside its reference.
CLIP_BYTES_PER_PIXEL, QUALITY_SECONDS_PER_PIXEL = 60.0, 1.5e-7


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[S]):
    """A kind of task.

    ``position`` orders stages where they are listed, along a video's way. ``plan`` makes a task of it from what it is
    asked for: a recording, a condition, a fold, an entry. ``run`` fills the task's folder and returns the facts of its
    manifest. An artefact of a ``transient`` stage is large, has few readers and is quickly made again: it may be
    removed after its last reader. A failure in a stage with ``entry_fault`` is the entry's; a failure elsewhere is the
    recording's, and excludes its windows. ``reports_progress`` is True for a stage whose time limit counts from the
    last sign of progress. The code behind a stage, which is in its keys, is all that its module imports.
    """

    name: str
    position: int
    settings: type[S]
    plan: Callable[..., Task | None]
    run: Callable[[StageContext[S]], Facts]
    transient: bool = False
    entry_fault: bool = False
    reports_progress: bool = False

    @property
    def module(self) -> str:
        """Dotted name of the module that defines the stage."""
        return self.run.__module__


class TaskBuilder(Protocol):
    """What a stage's ``plan`` may ask of the graph that the task goes into."""

    protocol: ResolvedProtocol
    device: DeviceKind

    def need(self, stage: str, *args: Any) -> Task:
        """Task of another stage, made the first time it is asked for."""

    def may_need(self, stage: str, *args: Any) -> Task | None:
        """The same of a stage that needs no task for some arguments."""

    def task(
        self,
        stage: Stage[S],
        settings: S,
        inputs: Mapping[str, str],
        cost: TaskCost,
        *,
        recording: Recording | None = None,
        details: str = "",
        local: Mapping[str, str] | None = None,
        components: Sequence[Spec] = (),
    ) -> Task:
        """Task with the code behind it in its key; ``components`` are those that it runs."""

    def file_key(self, *paths: Path) -> str:
        """``file:<sha256>`` of files of the user."""

    def dataset(self, recording: Recording) -> ResolvedComponent:
        """Dataset of the recording."""

    def local(self, recording: Recording) -> Mapping[str, str]:
        """What the recording's dataset needs to know of this machine, such as its root."""

    def video(self, recording: Recording, condition: Condition | None) -> tuple[str, Mapping[str, str], bool]:
        """Key and local path of a video under a condition (None: as recorded), and whether it is encoded."""

    def video_bytes(self, local: Mapping[str, str]) -> float:
        """Bytes of the user's own video file, 0 for an artefact."""

    def encoder_build(self, condition: Condition) -> str:
        """Build of the condition's encoder on this machine."""

    def frame_pixels(self, recording: Recording) -> float:
        """Pixels of one frame of the recording."""

    def windows(self, recording: Recording) -> WindowSettings:
        """Windows of the recording as the protocol cuts them."""

    def condition(self, name: str) -> Condition:
        """Condition of that id, tested or learnt from."""

    def training_recordings(self, fold: Fold, elsewhere: str | None) -> Sequence[Recording]:
        """Recordings that a fit of the fold may see."""

    def other_subject(self, recording: Recording) -> Recording | None:
        """First recording of the next subject; None where there is one subject."""


def component_settings(component: ResolvedComponent, n_conditions: int | None = None) -> ComponentSettings:
    """A resolved component as settings of a task."""
    return ComponentSettings(kind=component.spec.kind, n_conditions=n_conditions, **component.described())


def n_frames(recording: Recording) -> float:
    """Frames of a recording at its nominal rate."""
    return recording.duration_s * recording.fps_hz


def files_bytes(paths: Sequence[Path]) -> float:
    """Bytes of those of the files that exist."""
    return float(sum(path.stat().st_size for path in paths if path.is_file()))


def decoding_bytes(frame_pixels: float, bytes_per_pixel: float = DECODING_BYTES_PER_PIXEL) -> float:
    """Memory of a worker that decodes frames of that size."""
    return WORKER_BYTES + bytes_per_pixel * frame_pixels


class DatasetFilesSettings(StageSettings):
    """A question to a dataset about one recording; the answer may depend on all of the recording's files."""

    dataset: ComponentSettings
    recording: str
    fps_hz: float
    duration_s: float
    details: str
    frames: tuple[int, int | None]


def dataset_files_settings(dataset: ResolvedComponent, recording: Recording) -> DatasetFilesSettings:
    """Settings of a question about the recording."""
    return DatasetFilesSettings(
        dataset=component_settings(dataset),
        recording=recording.id,
        fps_hz=recording.fps_hz,
        duration_s=recording.duration_s,
        details=recording.truth_details,
        frames=recording.part,
    )


def dataset_files(graph: TaskBuilder, recording: Recording) -> dict[str, str]:
    """Keys of all files of the recording by role: sensors are put on the clock of the frames."""
    files = (*recording.truth_files, *recording.clock_files)
    inputs = {f"file{n}": graph.file_key(path) for n, path in enumerate(files)}
    if recording.path is not None:
        inputs["video"] = graph.file_key(recording.path)
    if recording.source_files:
        inputs["source"] = graph.file_key(*recording.source_files)
    return inputs
