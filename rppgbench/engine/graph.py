"""The graph of tasks behind a plan: one function a stage, in the order of a video's way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rppgbench.contracts import CodecSpec, Recording
from rppgbench.engine.keys import code_digest, library_versions
from rppgbench.engine.sources import SourceDigests
from rppgbench.engine.store import Store
from rppgbench.engine.task import Stage, Task
from rppgbench.errors import ProtocolError
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolve import Choice, Condition, Contestant, Protocol
from rppgbench.registry import make

MEDIA_LIBRARIES = ("numpy", "av", "opencv-python-headless", "scikit-image")
SIGNAL_LIBRARIES = ("numpy", "scipy")


class Graph:
    """Tasks of a protocol by key, each after its inputs; what several cells need is there once.

    ``local`` is what only this machine knows: the dataset's root.
    """

    def __init__(
        self, protocol: Protocol, recordings: Sequence[Recording], store: Store, local: Mapping[str, str]
    ) -> None:
        self.tasks: dict[str, Task] = {}
        self._protocol, self._local = protocol, dict(local)
        self._digests = SourceDigests(store)
        self._builds: dict[str, str] = {}
        self._by_subject: dict[str, list[Recording]] = {}
        for recording in recordings:
            self._by_subject.setdefault(recording.subject, []).append(recording)

    def _add(self, task: Task) -> Task:
        return self.tasks.setdefault(task.key, task)

    def _source(self, recording: Recording) -> tuple[str, dict[str, str]]:
        """Key and local path of the recording as the dataset gives it."""
        if recording.path is not None:
            return self._digests.key(recording.path), {"video": str(recording.path)}
        width, height = getattr(self._protocol.dataset.params, "size", (0, 0))
        pixels = recording.duration_s * recording.fps_hz * width * height
        task = Task(
            "render",
            {
                "dataset": self._described(self._protocol.dataset),
                "recording": recording.id,
                **_libraries(MEDIA_LIBRARIES),
            },
            {},
            f"render {recording.id}",
            recording.id,
            self._local,
            pixels,
            bytes_out=1.3 * pixels,
        )
        return self._add(task).key, {}

    def _truth(self, recording: Recording) -> Task:
        settings = {"dataset": self._described(self._protocol.dataset), "recording": recording.id}
        files = {"source": self._digests.key(recording.path)} if recording.path else {}
        return self._add(
            Task("truth", settings, files, f"truth {recording.id}", recording.id, self._local, bytes_out=2e5)
        )

    def _boxes(self, recording: Recording) -> Task:
        face = self._protocol.clips.face
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

    def encode(self, recording: Recording, condition: Condition) -> Task | None:
        """The encoding of a recording under a condition; None where the recording is taken as it is."""
        spec = condition.codec.spec
        if not isinstance(spec, CodecSpec):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        if spec.encoder is None:
            return None
        if condition.id not in self._builds:
            self._builds[condition.id] = make(spec, condition.codec.params).build()
        video, local = self._source(recording)
        settings = {
            "codec": self._described(condition.codec),
            "build": self._builds[condition.id],
            "fps_hz": recording.fps_hz,
            **_libraries(("numpy", "av")),
        }
        bytes_out = recording.duration_s * (condition.nominal_bps or 8e6) / 8
        label = f"encode {recording.id} {condition.id}"
        return self._add(Task("encode", settings, {"video": video}, label, recording.id, local, bytes_out=bytes_out))

    def _video(self, recording: Recording, condition: Condition) -> tuple[str, dict[str, str]]:
        encode = self.encode(recording, condition)
        return self._source(recording) if encode is None else (encode.key, {})

    def _traces(self, recording: Recording, condition: Condition) -> Task:
        return self._decoded("traces", recording, condition, {}, 6e4)

    def _crop(self, recording: Recording, condition: Condition) -> Task:
        clips = self._protocol.clips
        height, width = clips.size
        settings = {"size": [height, width], "fps_hz": clips.fps_hz}
        return self._decoded(
            "crop", recording, condition, settings, 3 * height * width * clips.fps_hz * recording.duration_s
        )

    def _decoded(
        self, stage: Stage, recording: Recording, condition: Condition, settings: dict[str, Any], bytes_out: float
    ) -> Task:
        """A task that decodes the recording under the condition and cuts the face out of it."""
        clips = self._protocol.clips
        video, local = self._video(recording, condition)
        inputs = {"video": video, "boxes": self._boxes(recording).key}
        if self.encode(recording, condition) is not None:
            inputs["reference"] = self._traces(recording, self._protocol.reference).key
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
        training = [recording for subject in fold.train for recording in self._by_subject[subject]]
        settings = {
            "method": self._described(entry.method),
            "durations_s": {recording.id: recording.duration_s for recording in training},
            **self._windows(),
            "heart_rate": self._protocol.evaluation.heart_rate.model_dump(mode="json"),
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
            settings["skin_threshold"] = self._protocol.clips.skin.threshold
        if spec.learns:
            inputs["state"] = self._fit(fold, entry).key
        label = f"predict {recording.id} {condition.id} {entry.id}"
        return self._add(Task("predict", settings, inputs, label, recording.id, bytes_out=1e4))

    def score(self, recording: Recording, fold: Fold, condition: Condition, entry: Contestant) -> Task:
        """The scoring of one cell, and with it everything that it needs."""
        settings = {
            **self._windows(),
            "heart_rate": self._protocol.evaluation.heart_rate.model_dump(mode="json"),
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
        return {"length_s": self._protocol.clips.length_s, "fps_hz": self._protocol.clips.fps_hz}

    def _described(self, choice: Choice) -> dict[str, Any]:
        package = choice.spec.factory.partition(":")[0].partition(".")[0]
        return {"kind": choice.spec.kind, **choice.described(), "code": code_digest(package)}

    def _core(self, package: str, libraries: tuple[str, ...]) -> dict[str, Any]:
        return {"code": code_digest(package), **_libraries(libraries)}


def _libraries(names: tuple[str, ...]) -> dict[str, Any]:
    return {"libraries": library_versions(*names)}
