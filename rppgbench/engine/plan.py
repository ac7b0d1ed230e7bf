"""The graph of tasks that answers a protocol, and what of it is done already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rppgbench.contracts import CodecSpec, Recording
from rppgbench.engine.keys import code_digest, library_versions
from rppgbench.engine.sources import SourceDigests
from rppgbench.engine.store import Store
from rppgbench.engine.task import Stage, Task
from rppgbench.errors import ProtocolError, nearest
from rppgbench.protocol.folds import Fold, natural_order, subject_kfold
from rppgbench.protocol.resolve import Choice, Condition, Contestant, Protocol
from rppgbench.registry import Registry, make

MEDIA_LIBRARIES = ("numpy", "av", "opencv-python-headless", "scikit-image")
SIGNAL_LIBRARIES = ("numpy", "scipy")
NARROWABLE = ("method", "enhancer", "entry", "condition", "codec", "subject", "recording", "fold")


@dataclass(frozen=True)
class Cell:
    """One recording under one condition by one entry: what a score task answers for."""

    recording: Recording
    fold: Fold
    condition: Condition
    entry: Contestant
    score: Task
    encode: Task | None
    n_windows: int


@dataclass
class Plan:
    """Tasks by key, in an order in which each comes after its inputs, and the cells that they add up to.

    ``complete`` is False for a run narrowed by ``--only``.
    """

    protocol: Protocol
    recordings: Sequence[Recording]
    folds: Sequence[Fold]
    tasks: dict[str, Task] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    complete: bool = True

    def wanted(self, store: Store) -> list[Task]:
        """The tasks that still have to run: those whose results, or the results made from them, are not there yet."""
        needed: dict[str, bool] = {}
        pending = [cell.score.key for cell in self.cells]
        while pending:
            key = pending.pop()
            if key in needed or key not in self.tasks:
                continue
            needed[key] = not store.has(key)
            if needed[key]:
                pending.extend(self.tasks[key].inputs.values())
        return [task for key, task in self.tasks.items() if needed.get(key)]


def parse_only(narrowing: Iterable[str]) -> dict[str, set[str]]:
    """``["method=pos", "condition=x264-250k"]`` as names by kind.

    Raises:
        ProtocolError: an item is not ``what=name``, or names a kind that cannot be narrowed.
    """
    chosen: dict[str, set[str]] = {}
    for item in narrowing:
        what, equals, name = item.partition("=")
        if not equals or not name:
            raise ProtocolError(f"--only {item}: expected WHAT=NAME, such as --only method=pos")
        if what not in NARROWABLE:
            raise ProtocolError(f"--only {item}: {what!r} cannot be narrowed", hint=nearest(what, NARROWABLE))
        chosen.setdefault(what, set()).add(name)
    return chosen


def make_plan(
    protocol: Protocol,
    registry: Registry,
    store: Store,
    *,
    root: Path | None = None,
    only: Iterable[str] = (),
) -> Plan:
    """The plan that answers ``protocol``, or the part of it that ``only`` leaves.

    Raises:
        DatasetUnavailable: the dataset's files are not here.
        ProtocolError: folds cannot be made, or nothing is left of the narrowed run.
    """
    local = {"root": root} if root else {}
    dataset = make(protocol.dataset.spec, protocol.dataset.params, **local)
    recordings: list[Recording] = sorted(dataset.recordings(), key=lambda recording: natural_order(recording.id))
    folds = subject_kfold((r.subject for r in recordings), protocol.folds.k, protocol.folds.seed)
    chosen = parse_only(only)
    plan = Plan(protocol, recordings, folds, complete=not chosen)
    _Builder(plan, registry, store, chosen, {"root": str(root)} if root else {}).build()
    return plan


class _Builder:
    """Adds the tasks of a plan one by one; a task that several cells need is added once."""

    def __init__(
        self, plan: Plan, registry: Registry, store: Store, chosen: Mapping[str, set[str]], local: dict[str, str]
    ) -> None:
        self.plan, self.registry, self.local = plan, registry, local
        self.protocol = plan.protocol
        self.chosen = chosen
        self.digests = SourceDigests(store)
        self.builds: dict[str, str] = {}
        self.test_fold = {subject: fold for fold in plan.folds for subject in fold.test}
        self.by_subject: dict[str, list[Recording]] = {}
        for recording in plan.recordings:
            self.by_subject.setdefault(recording.subject, []).append(recording)

    def build(self) -> None:
        names = {
            "condition": {c.id for c in self.protocol.conditions},
            "codec": {c.codec.name for c in self.protocol.conditions},
            "method": {e.method.name for e in self.protocol.entries},
            "enhancer": {e.enhancer.name for e in self.protocol.entries if e.enhancer},
            "entry": {e.id for e in self.protocol.entries},
            "subject": {r.subject for r in self.plan.recordings},
            "recording": {r.id for r in self.plan.recordings},
            "fold": {str(fold.index) for fold in self.plan.folds},
        }
        for what, wanted in self.chosen.items():
            for name in sorted(wanted - names[what]):
                raise ProtocolError(f"--only {what}={name}: no such {what} here", hint=nearest(name, names[what]))
        for recording in self.plan.recordings:
            if self._keeps(subject=recording.subject, recording=recording.id):
                self._add_recording(recording)
        if not self.plan.cells:
            raise ProtocolError("nothing is left to run after --only", hint="loosen one of them")

    def _keeps(self, **names: str) -> bool:
        return all(name in self.chosen[what] for what, name in names.items() if what in self.chosen)

    def _add_recording(self, recording: Recording) -> None:
        fold = self.test_fold[recording.subject]
        if not self._keeps(fold=str(fold.index)):
            return
        n_windows = int((recording.duration_s + 0.05) / self.protocol.clips.length_s)
        for condition in self.protocol.conditions:
            if not self._keeps(condition=condition.id, codec=condition.codec.name):
                continue
            encode = self._encode(recording, condition)
            for entry in self.protocol.entries:
                if self._keeps(
                    method=entry.method.name, entry=entry.id, enhancer=entry.enhancer.name if entry.enhancer else ""
                ):
                    score = self._score(recording, fold, condition, entry)
                    self.plan.cells.append(Cell(recording, fold, condition, entry, score, encode, n_windows))

    def _add(self, task: Task) -> Task:
        return self.plan.tasks.setdefault(task.key, task)

    # --- one function a stage, in the order of a video's way ---

    def _source(self, recording: Recording) -> tuple[str, dict[str, str]]:
        """Key and local path of the recording as the dataset gives it."""
        if recording.path is not None:
            return self.digests.key(recording.path), {"video": str(recording.path)}
        width, height = getattr(self.protocol.dataset.params, "size", (0, 0))
        pixels = recording.duration_s * recording.fps_hz * width * height
        task = Task(
            "render",
            {
                "dataset": self._described(self.protocol.dataset),
                "recording": recording.id,
                **_libraries(MEDIA_LIBRARIES),
            },
            {},
            f"render {recording.id}",
            recording.id,
            self.local,
            pixels,
            bytes_out=1.3 * pixels,
        )
        return self._add(task).key, {}

    def _truth(self, recording: Recording) -> Task:
        settings = {"dataset": self._described(self.protocol.dataset), "recording": recording.id}
        files = {"source": self.digests.key(recording.path)} if recording.path else {}
        return self._add(
            Task("truth", settings, files, f"truth {recording.id}", recording.id, self.local, bytes_out=2e5)
        )

    def _boxes(self, recording: Recording) -> Task:
        face = self.protocol.clips.face
        video, local = self._source(recording)
        settings = {
            "detector": face.detector,
            "every_s": face.every_s,
            "frames_are_skin": recording.frames_are_skin,
            **self._core("rppgbench.media", MEDIA_LIBRARIES),
        }
        return self._add(
            Task("boxes", settings, {"video": video}, f"boxes {recording.id}", recording.id, local, bytes_out=1e4)
        )

    def _encode(self, recording: Recording, condition: Condition) -> Task | None:
        spec = condition.codec.spec
        if not isinstance(spec, CodecSpec):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        if spec.encoder is None:
            return None
        if condition.id not in self.builds:
            self.builds[condition.id] = make(spec, condition.codec.params).build()
        video, local = self._source(recording)
        settings = {
            "codec": self._described(condition.codec),
            "build": self.builds[condition.id],
            "fps_hz": recording.fps_hz,
            **_libraries(("numpy", "av")),
        }
        bytes_out = recording.duration_s * (condition.nominal_bps or 8e6) / 8
        label = f"encode {recording.id} {condition.id}"
        return self._add(Task("encode", settings, {"video": video}, label, recording.id, local, bytes_out=bytes_out))

    def _video(self, recording: Recording, condition: Condition) -> tuple[str, dict[str, str]]:
        encode = self._encode(recording, condition)
        return self._source(recording) if encode is None else (encode.key, {})

    def _traces(self, recording: Recording, condition: Condition) -> Task:
        return self._decoded("traces", recording, condition, {}, 6e4)

    def _crop(self, recording: Recording, condition: Condition) -> Task:
        clips = self.protocol.clips
        height, width = clips.size
        settings = {"size": [height, width], "fps_hz": clips.fps_hz}
        return self._decoded(
            "crop", recording, condition, settings, 3 * height * width * clips.fps_hz * recording.duration_s
        )

    def _decoded(
        self, stage: Stage, recording: Recording, condition: Condition, settings: dict[str, Any], bytes_out: float
    ) -> Task:
        """A task that decodes the recording under the condition and cuts the face out of it."""
        clips = self.protocol.clips
        video, local = self._video(recording, condition)
        inputs = {"video": video, "boxes": self._boxes(recording).key}
        if self._encode(recording, condition) is not None:
            inputs["reference"] = self._traces(recording, self.protocol.reference).key
        settings = {
            **settings,
            "margin": clips.face.margin,
            "skin_threshold": clips.skin.threshold,
            "frames_are_skin": recording.frames_are_skin,
            **self._core("rppgbench.media", MEDIA_LIBRARIES),
        }
        label = f"{stage} {recording.id} {condition.id}"
        return self._add(Task(stage, settings, inputs, label, recording.id, local, bytes_out=bytes_out))

    def _fit(self, fold: Fold, entry: Contestant) -> Task:
        """What the entry's method learns from the fold's training subjects, and from nobody else."""
        if entry.method_spec.learns_from == "clips":
            raise ProtocolError(
                f"entry {entry.id!r} learns from clips, which this version cannot fit yet",
                hint="methods that learn from the contact sensor alone (learns_from='truth') can be fitted",
            )
        training = [recording for subject in fold.train for recording in self.by_subject[subject]]
        settings = {
            "method": self._described(entry.method),
            "durations_s": {recording.id: recording.duration_s for recording in training},
            **self._windows(),
            "heart_rate": self.protocol.evaluation.heart_rate.model_dump(mode="json"),
            **self._core("rppgbench.signal", SIGNAL_LIBRARIES),
        }
        inputs = {recording.id: self._truth(recording).key for recording in training}
        return self._add(Task("fit", settings, inputs, f"fit {entry.id} fold {fold.index}", bytes_out=1e3))

    def _predict(self, recording: Recording, fold: Fold, condition: Condition, entry: Contestant) -> Task:
        spec = entry.method_spec
        settings: dict[str, Any] = {
            "method": self._described(entry.method),
            "input": spec.input,
            "region": spec.region,
            "duration_s": recording.duration_s,
            **self._windows(),
            **self._core("rppgbench.media", SIGNAL_LIBRARIES),
        }
        if spec.input == "trace" and entry.enhancer is None:
            inputs = {"traces": self._traces(recording, condition).key}
        else:
            inputs = {"crops": self._crop(recording, condition).key}
        if entry.enhancer is not None:
            settings["enhancer"] = self._described(entry.enhancer)
            settings["skin_threshold"] = self.protocol.clips.skin.threshold
        if spec.learns:
            inputs["state"] = self._fit(fold, entry).key
        label = f"predict {recording.id} {condition.id} {entry.id}"
        return self._add(Task("predict", settings, inputs, label, recording.id, bytes_out=1e4))

    def _score(self, recording: Recording, fold: Fold, condition: Condition, entry: Contestant) -> Task:
        settings = {
            **self._windows(),
            "heart_rate": self.protocol.evaluation.heart_rate.model_dump(mode="json"),
            "code": code_digest("rppgbench.signal", "rppgbench.evaluation"),
            **_libraries(SIGNAL_LIBRARIES),
        }
        inputs = {
            "waves": self._predict(recording, fold, condition, entry).key,
            "truth": self._truth(recording).key,
        }
        label = f"score {recording.id} {condition.id} {entry.id}"
        return self._add(Task("score", settings, inputs, label, recording.id, bytes_out=2e3))

    def _windows(self) -> dict[str, Any]:
        return {"length_s": self.protocol.clips.length_s, "fps_hz": self.protocol.clips.fps_hz}

    def _described(self, choice: Choice) -> dict[str, Any]:
        package = choice.spec.factory.partition(":")[0].partition(".")[0]
        return {"kind": choice.spec.kind, **choice.described(), "code": code_digest(package)}

    def _core(self, package: str, libraries: tuple[str, ...]) -> dict[str, Any]:
        return {"code": code_digest(package), **_libraries(libraries)}


def _libraries(names: tuple[str, ...]) -> dict[str, Any]:
    return {"libraries": library_versions(*names)}
