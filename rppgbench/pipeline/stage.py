"""A stage: a kind of task, with its planning, work and costs in one record."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias

from rppgbench.pipeline.stage_context import S, StageContext
from rppgbench.pipeline.stage_settings import ComponentSettings, DeviceKind, TaskCost, WindowSettings
from rppgbench.pipeline.task import Task
from rppgbench.store.store import Facts

if TYPE_CHECKING:
    from rppgbench.contracts import Recording, Spec
    from rppgbench.pipeline.video_input import VideoInput
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolve import Protocol as ResolvedProtocol
    from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
    from rppgbench.protocol.resolved_entry import ResolvedEntry

__all__ = ["Facts", "PlanArgument", "Stage", "StageContext", "TaskBuilder", "component_settings"]

PlanArgument: TypeAlias = "Recording | Condition | Fold | ResolvedEntry | str | int | None"


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[S]):
    """A kind of task.

    ``position`` orders stages in lists, along the flow of a video. ``plan`` makes a task from a recording, a
    condition, a fold, an entry. ``run`` fills the task's folder and returns the facts of its manifest. An artefact of a
    ``transient`` stage is large, has few readers and is quickly made again: it may be removed after its last reader. A
    failure in a stage with ``entry_fault`` is the entry's; a failure elsewhere is the recording's, and excludes its
    windows. ``reports_progress`` is True for a stage whose time limit counts from the last sign of progress. The code
    behind a stage, which is in its keys, is all that its module imports.
    """

    name: str
    position: int
    settings: type[S]
    plan: Callable[..., Task | None]
    run: Callable[[StageContext[S]], Facts]
    transient: bool = False
    entry_fault: bool = False
    reports_progress: bool = False

    def __post_init__(self) -> None:
        if taken := {"stage", "code", "inputs"} & self.settings.model_fields.keys():
            raise TypeError(
                f"stage {self.name!r}: a preimage has other uses for the settings {', '.join(sorted(taken))}"
            )

    @property
    def module(self) -> str:
        """Dotted name of the module that defines the stage."""
        return self.run.__module__


class TaskBuilder(Protocol):
    """Interface of the task graph for the ``plan`` of a stage."""

    protocol: ResolvedProtocol
    device: DeviceKind

    def need(self, stage: str, *args: PlanArgument) -> Task:
        """Task of another stage for these arguments of its ``plan``, made once."""

    def may_need(self, stage: str, *args: PlanArgument) -> Task | None:
        """As ``need``; None where the stage has nothing to do for the arguments."""

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
        """Facts on this machine for the dataset's loader, such as its root; not in any key."""

    def video(self, recording: Recording, condition: Condition | None) -> VideoInput:
        """Video of the recording under a condition; None is the recording as its dataset has it."""

    def encoder_build(self, condition: Condition) -> str:
        """Build of the condition's encoder on this machine."""

    def frame_pixels(self, recording: Recording) -> float:
        """Pixels of one frame of the recording."""

    def windows(self, recording: Recording) -> WindowSettings:
        """Windows of the recording by the protocol's window length."""

    def condition(self, name: str) -> Condition:
        """Tested or training condition of that id."""

    def training_recordings(self, fold: Fold, elsewhere: str | None) -> Sequence[Recording]:
        """Training recordings of the fold, or all of the dataset ``elsewhere``."""

    def other_subject(self, recording: Recording) -> Recording | None:
        """First recording of the next subject; None if there is one subject."""


def component_settings(component: ResolvedComponent, n_conditions: int | None = None) -> ComponentSettings:
    """A resolved component as settings of a task."""
    return ComponentSettings(kind=component.spec.kind, n_conditions=n_conditions, **component.described())
