"""The graph of tasks behind a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rppgbench.errors import ProtocolError
from rppgbench.pipeline.frame_size import frame_size
from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stage import S, Stage
from rppgbench.pipeline.stage_settings import DeviceKind, TaskCost, WindowSettings
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task
from rppgbench.registry import make
from rppgbench.store.source_digests import SourceDigests

if TYPE_CHECKING:
    from rppgbench.contracts import Recording, Spec
    from rppgbench.pipeline.local_dataset import LocalDataset
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
    from rppgbench.store.store import Store


class TaskGraph:
    """Tasks of a protocol by key, each after its inputs; what several trials need is there once.

    The first of the ``datasets`` is tested, the others are only learnt from. ``device`` is the kind on which networks
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

    def need(self, stage: str, *args: Any) -> Task:
        """Task of a stage for a recording, a condition, a fold, an entry, made the first time it is asked for."""
        task = self.may_need(stage, *args)
        if task is None:
            raise ValueError(f"{stage}: there is nothing to do for {args}")
        return task

    def may_need(self, stage: str, *args: Any) -> Task | None:
        """The same, None where the stage has nothing to do."""
        identity = (stage, *(_identity(arg) for arg in args))
        if identity not in self._made:
            self._made[identity] = stages()[stage].plan(self, *args)
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
        """Task with the code behind it in its key; the equal one that is there already, if there is one."""
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
        """What the recording's dataset needs to know of this machine, such as its root."""
        return self._datasets[recording.dataset].local

    def video(self, recording: Recording, condition: Condition | None) -> tuple[str, Mapping[str, str], bool]:
        """Key and local path of a video under a condition (None: as recorded), and whether it is encoded."""
        encode = None if condition is None else self.may_need("encode", recording, condition)
        if encode is not None:
            return encode.key, {}, True
        if recording.path is not None:
            return self._digests.key(recording.path), {"video": str(recording.path)}, False
        return self.need("render", recording).key, {}, False

    def video_bytes(self, local: Mapping[str, str]) -> float:
        """Bytes of the user's own video file, 0 for an artefact."""
        path = Path(local["video"]) if "video" in local else None
        return float(path.stat().st_size) if path is not None and path.is_file() else 0.0

    def encoder_build(self, condition: Condition) -> str:
        """Build of the condition's encoder on this machine."""
        if condition.id not in self._builds:
            self._builds[condition.id] = str(make(condition.codec.spec, condition.codec.params).build())
        return self._builds[condition.id]

    def frame_pixels(self, recording: Recording) -> float:
        """Pixels of one frame: as the dataset says, else of its first video that can be opened."""
        if recording.frame_size is not None:
            width, height = recording.frame_size
            return float(width * height)
        if recording.dataset not in self._pixels:
            width, height = frame_size(self._datasets[recording.dataset].recordings)
            self._pixels[recording.dataset] = float(width * height)
        return self._pixels[recording.dataset]

    def windows(self, recording: Recording) -> WindowSettings:
        """Windows of the recording as the protocol cuts them."""
        clips = self.protocol.clips
        return WindowSettings(length_s=clips.length_s, fps_hz=clips.fps_hz, duration_s=recording.duration_s)

    def condition(self, name: str) -> Condition:
        """Condition of that id, tested or learnt from."""
        return self._conditions[name]

    def other_subject(self, recording: Recording) -> Recording | None:
        """First recording of the next subject of the tested dataset; None where there is one subject."""
        by_subject = self._datasets[self.protocol.dataset.name].by_subject
        subjects = list(by_subject)
        following = subjects[(subjects.index(recording.subject) + 1) % len(subjects)]
        return None if following == recording.subject else by_subject[following][0]

    def training_recordings(self, fold: Fold, elsewhere: str | None) -> Sequence[Recording]:
        """Recordings that a fit of the fold may see: its training subjects', or those of the dataset ``elsewhere``.

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
                f"fold {fold.index} tests all subjects that are here: nobody is left to learn from",
                hint="point to more of the dataset, or run what learns nothing: --only entry=NAME",
            )
        tested = self._datasets[self.protocol.dataset.name]
        return [recording for subject in fold.train for recording in tested.by_subject[subject]]


def _identity(arg: Any) -> object:
    """What distinguishes an argument of a stage's ``plan``."""
    for names in (("dataset", "id"), ("id",), ("index",)):
        if all(hasattr(arg, name) for name in names):
            return tuple(getattr(arg, name) for name in names)
    return arg
