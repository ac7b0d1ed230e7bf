"""The graph of tasks behind a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rppgbench.contracts import Recording
from rppgbench.errors import ProtocolError
from rppgbench.pipeline.frame_size import frame_size
from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stage import PlanArgument, Stage
from rppgbench.pipeline.stage_context import S
from rppgbench.pipeline.stage_settings import DeviceKind, TaskCost, WindowSettings
from rppgbench.pipeline.stages import stage_named
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.video_input import VideoInput
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolved_component import Condition
from rppgbench.protocol.resolved_entry import ResolvedEntry
from rppgbench.registry import make
from rppgbench.store.source_digests import SourceDigests

if TYPE_CHECKING:
    from rppgbench.contracts import Spec
    from rppgbench.pipeline.local_dataset import LocalDataset
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.protocol.resolved_component import ResolvedComponent
    from rppgbench.store.store import Store


class TaskGraph:
    """Tasks of a protocol by key, each once and after its inputs.

    The first of the ``datasets`` is tested, the others are for training only. ``device`` is the kind on which networks
    train and run.
    """

    def __init__(
        self, protocol: Protocol, datasets: Sequence[LocalDataset], store: Store, device: DeviceKind = "cpu"
    ) -> None:
        self.tasks: dict[str, Task] = {}
        self.protocol, self.device = protocol, device
        self._datasets = {dataset.dataset.name: dataset for dataset in datasets}
        self._digests = SourceDigests(store)
        self._conditions = {c.id: c for c in (*protocol.conditions, *protocol.training_conditions)}
        self._builds: dict[str, str] = {}
        self._pixels: dict[str, float] = {}
        self._made: dict[tuple[object, ...], Task | None] = {}

    def need(self, stage: str, *args: PlanArgument) -> Task:
        """Task of a stage for these arguments of its ``plan``, made once.

        Raises:
            ValueError: the stage has nothing to do for them.
        """
        task = self.may_need(stage, *args)
        if task is None:
            raise ValueError(f"{stage}: there is nothing to do for {args}")
        return task

    def may_need(self, stage: str, *args: PlanArgument) -> Task | None:
        """As ``need``; None where the stage has nothing to do for the arguments."""
        identity = (stage, *(_identity(arg) for arg in args))
        if identity not in self._made:
            self._made[identity] = stage_named(stage).plan(self, *args)
        return self._made[identity]

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
        """Task with the code behind it in its key; an equal task of the graph itself, if there is one."""
        label = " ".join(part for part in (stage.name, recording.id if recording else "", details) if part)
        code = code_versions(stage.module, components)
        task = Task(stage.name, settings, inputs, code, label, cost, recording, local or {})
        return self.tasks.setdefault(task.key, task)

    def file_key(self, *paths: Path) -> str:
        """``file:<sha256>`` of files of the user."""
        return self._digests.key(*paths)

    def dataset(self, recording: Recording) -> ResolvedComponent:
        """Dataset of the recording."""
        return self._datasets[recording.dataset].dataset

    def local(self, recording: Recording) -> Mapping[str, str]:
        """Facts on this machine for the dataset's loader, such as its root; not in any key."""
        return self._datasets[recording.dataset].local

    def video(self, recording: Recording, condition: Condition | None) -> VideoInput:
        """Video of the recording under a condition; None is the recording as its dataset has it."""
        encode = None if condition is None else self.may_need("encode", recording, condition)
        if encode is not None:
            return VideoInput(encode.key, (0, None), encoded=True)
        if recording.path is not None:
            return VideoInput(self._digests.key(recording.path), recording.part, recording.path)
        return VideoInput(self.need("render", recording).key, recording.part)

    def encoder_build(self, condition: Condition) -> str:
        """Build of the condition's encoder on this machine."""
        if condition.id not in self._builds:
            self._builds[condition.id] = str(make(condition.codec.spec, condition.codec.params).build())
        return self._builds[condition.id]

    def frame_pixels(self, recording: Recording) -> float:
        """Pixels of one frame by the dataset, else of the first of its videos that can be opened."""
        if recording.frame_size is not None:
            width, height = recording.frame_size
            return float(width * height)
        if recording.dataset not in self._pixels:
            width, height = frame_size(self._datasets[recording.dataset].recordings)
            self._pixels[recording.dataset] = float(width * height)
        return self._pixels[recording.dataset]

    def windows(self, recording: Recording) -> WindowSettings:
        """Windows of the recording by the protocol's window length."""
        clips = self.protocol.clips
        return WindowSettings(length_s=clips.length_s, fps_hz=clips.fps_hz, duration_s=recording.duration_s)

    def condition(self, name: str) -> Condition:
        """Tested or training condition of that id."""
        return self._conditions[name]

    def other_subject(self, recording: Recording) -> Recording | None:
        """First recording of the next subject of the tested dataset; None if there is one subject."""
        by_subject = self._datasets[self.protocol.dataset.name].by_subject
        subjects = list(by_subject)
        following = subjects[(subjects.index(recording.subject) + 1) % len(subjects)]
        return None if following == recording.subject else by_subject[following][0]

    def training_recordings(self, fold: Fold, elsewhere: str | None) -> Sequence[Recording]:
        """Training recordings of the fold, or all of the dataset ``elsewhere``.

        Raises:
            ProtocolError: the fold tests one of them, or has no training subjects.
        """
        if elsewhere is not None:
            return list(self._datasets[elsewhere].recordings)
        leaked = sorted(set(fold.train) & set(fold.test))
        if leaked:
            raise ProtocolError(f"fold {fold.index} would learn from subjects it tests: {', '.join(leaked)}")
        if not fold.train:
            raise ProtocolError(
                f"fold {fold.index} tests all subjects that are here: none is left to learn from",
                hint="point to more of the dataset, or run what learns nothing: --only entry=NAME",
            )
        tested = self._datasets[self.protocol.dataset.name]
        return [recording for subject in fold.train for recording in tested.by_subject[subject]]


def _identity(argument: PlanArgument) -> object:
    """Hashable identity of an argument of a stage's ``plan``."""
    if isinstance(argument, Recording):
        return argument.dataset, argument.id
    if isinstance(argument, Condition | ResolvedEntry):
        return argument.id
    return argument.index if isinstance(argument, Fold) else argument
