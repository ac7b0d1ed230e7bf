"""The graph of tasks behind a plan: one function a stage, in the order of a video's way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rppgbench.contracts import CodecSpec, Recording
from rppgbench.engine.keys import code_digest, library_versions
from rppgbench.engine.lessons import Lessons
from rppgbench.engine.sources import SourceDigests
from rppgbench.engine.store import Store
from rppgbench.engine.task import Stage, Task
from rppgbench.errors import ProtocolError
from rppgbench.protocol.choice import Choice, Condition
from rppgbench.protocol.contestant import Contestant
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolve import Protocol
from rppgbench.registry import make

# Libraries whose arithmetic a task's bytes may depend on.
LIBRARIES = ("numpy", "scipy", "array-api-compat", "av", "opencv-python-headless", "scikit-image")
TORCH = ("torch", "safetensors")
_WORK = ("rppgbench.engine.work", "rppgbench.engine.job", "rppgbench.engine.task")
# Core code behind each stage, beside its plugin's: a change to any of it makes new keys from that stage on. What only
# scores is not behind what encodes, so that a change of scoring encodes and decodes nothing.
CORE: Mapping[Stage, tuple[str, ...]] = {
    "render": (),
    "truth": (),
    "boxes": ("rppgbench.media",),
    "encode": ("rppgbench.media",),
    "traces": ("rppgbench.media", *_WORK),
    "crop": ("rppgbench.media", *_WORK),
    "skin": ("rppgbench.media", *_WORK),
    "fit": ("rppgbench.signal", "rppgbench.learning", "rppgbench.engine.fit", "rppgbench.engine.predict", *_WORK),
    "predict": ("rppgbench.media", "rppgbench.signal", "rppgbench.learning", "rppgbench.engine.predict", *_WORK),
    "score": ("rppgbench.signal", "rppgbench.evaluation", *_WORK),
}


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
        self._made: dict[tuple[str, ...], Task] = {}
        self._by_subject: dict[str, list[Recording]] = {}
        for recording in recordings:
            self._by_subject.setdefault(recording.subject, []).append(recording)
        self._lessons = Lessons(self, protocol)

    def score(
        self, recording: Recording, fold: Fold, condition: Condition, entry: Contestant, seed: int | None
    ) -> Task:
        """The scoring of one cell, and with it everything that it needs."""
        settings = {**self.windows(), "heart_rate": self.heart_rate()}
        inputs = {
            "waves": self._predict(recording, fold, condition, entry, seed).key,
            "truth": self.truth(recording).key,
        }
        details = f"{condition.id} {entry.id}" + ("" if seed is None else f" seed {seed}")
        return self.task("score", settings, inputs, recording, details, bytes_out=2e3)

    def encode(self, recording: Recording, condition: Condition) -> Task | None:
        """The encoding of a recording under a condition; None where the recording is taken as it is."""
        spec = condition.codec.spec
        if not isinstance(spec, CodecSpec):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        if spec.encoder is None:
            return None
        if condition.id not in self._builds:
            self._builds[condition.id] = make(spec, condition.codec.params).build()
        settings = {
            "codec": self.described(condition.codec),
            "build": self._builds[condition.id],
            "fps_hz": recording.fps_hz,
        }
        video, local = self._source(recording)
        bytes_out = recording.duration_s * (condition.nominal_bps or 8e6) / 8
        return self.task("encode", settings, {"video": video}, recording, condition.id, local, bytes_out)

    def task(
        self,
        stage: Stage,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        recording: Recording | None,
        details: str = "",
        local: Mapping[str, str] | None = None,
        bytes_out: float = 1e4,
        libraries: Sequence[str] = LIBRARIES,
    ) -> Task:
        """The task with all that is behind it in its key; the one that is there already, if it is."""
        made_by = {"core": code_digest(*CORE[stage]), "libraries": library_versions(*libraries)}
        name = recording.id if recording else ""
        label = " ".join(part for part in (stage, name, details) if part)
        task = Task(stage, {**settings, **made_by}, inputs, label, name, local or {}, bytes_out)
        return self.tasks.setdefault(task.key, task)

    def _source(self, recording: Recording) -> tuple[str, dict[str, str]]:
        """Key and local path of the recording as the dataset gives it."""
        if recording.path is not None:
            return self._digests.key(recording.path), {"video": str(recording.path)}
        settings = {"dataset": self.described(self._protocol.dataset), "recording": recording.id}
        width, height = getattr(self._protocol.dataset.params, "size", (0, 0))
        bytes_out = 1.3 * recording.duration_s * recording.fps_hz * width * height
        return self.task("render", settings, {}, recording, local=self._local, bytes_out=bytes_out).key, {}

    def truth(self, recording: Recording) -> Task:
        """What the contact sensor said."""
        return self.once("truth", recording.id, make=lambda: self._truth(recording))

    def _truth(self, recording: Recording) -> Task:
        settings = {"dataset": self.described(self._protocol.dataset), "recording": recording.id}
        inputs = {f"file{n}": self._digests.key(path) for n, path in enumerate(recording.truth_files)}
        return self.task("truth", settings, inputs, recording, local=self._local, bytes_out=2e5)

    def _boxes(self, recording: Recording) -> Task:
        """Faces on the reference video, whatever the condition: a detector's failure is no codec's effect."""
        face = self._protocol.clips.face
        settings = {
            "detector": face.detector,
            "every_s": face.every_s,
            "frames_are_skin": recording.frames_are_skin,
        }
        video, local = self._video(recording, self.encode(recording, self._protocol.reference))
        return self.task("boxes", settings, {"video": video}, recording, local=local)

    def _video(self, recording: Recording, encode: Task | None) -> tuple[str, dict[str, str]]:
        return self._source(recording) if encode is None else (encode.key, {})

    def once(self, *identity: str, make: Callable[[], Task]) -> Task:
        """The task called ``identity``, made the first time it is asked for: hundreds of cells ask for the same."""
        if identity not in self._made:
            self._made[identity] = make()
        return self._made[identity]

    def traces(self, recording: Recording, condition: Condition) -> Task:
        """Mean colours of the recording under the condition."""

        def make() -> Task:
            return self._traces(recording, self.encode(recording, condition), condition.id)

        return self.once("traces", recording.id, condition.id, make=make)

    def _traces(self, recording: Recording, encode: Task | None, details: str) -> Task:
        return self._decoded("traces", recording, encode, details, {}, 6e4)

    def skin(self, recording: Recording) -> Task:
        """Where the reference's clips show skin."""

        def make() -> Task:
            crops = self.crop(recording, self._protocol.reference)
            settings = {"skin_threshold": self._protocol.clips.skin.threshold}
            return self.task("skin", settings, {"crops": crops.key}, recording, bytes_out=crops.bytes_out / 3)

        return self.once("skin", recording.id, make=make)

    def crop(self, recording: Recording, condition: Condition) -> Task:
        """Face clips of the recording under the condition."""
        return self.once("crop", recording.id, condition.id, make=lambda: self._crop(recording, condition))

    def _crop(self, recording: Recording, condition: Condition) -> Task:
        encode = self.encode(recording, condition)
        clips = self._protocol.clips
        height, width = clips.size
        settings = {"size": [height, width], "fps_hz": clips.fps_hz}
        bytes_out = 3 * height * width * clips.fps_hz * recording.duration_s
        return self._decoded("crop", recording, encode, condition.id, settings, bytes_out)

    def _decoded(
        self,
        stage: Stage,
        recording: Recording,
        encode: Task | None,
        details: str,
        settings: Mapping[str, Any],
        bytes_out: float,
    ) -> Task:
        """A task that decodes the recording, encoded or as it is, and cuts the face out of it."""
        clips = self._protocol.clips
        video, local = self._video(recording, encode)
        inputs = {"video": video, "boxes": self._boxes(recording).key}
        if encode is not None:
            # Encoders see frames and no clocks: the times are those of the source.
            inputs["clock"] = self._traces(recording, None, "as recorded").key
        settings = {
            **settings,
            "margin": clips.face.margin,
            "skin_threshold": clips.skin.threshold,
            "frames_are_skin": recording.frames_are_skin,
        }
        return self.task(stage, settings, inputs, recording, details, local, bytes_out)

    def training(self, fold: Fold) -> list[Recording]:
        """The recordings of the fold's training subjects: all that any fit of it may see.

        Raises:
            ProtocolError: the fold tests one of them.
        """
        leaked = sorted(set(fold.train) & set(fold.test))
        if leaked:
            raise ProtocolError(f"fold {fold.index} would learn from subjects it tests: {', '.join(leaked)}")
        return [recording for subject in fold.train for recording in self._by_subject[subject]]

    def _fit_in_closed_form(self, fold: Fold, entry: Contestant) -> Task:
        training = self.training(fold)
        settings = {
            "method": self.described(entry.method),
            "durations_s": {recording.id: recording.duration_s for recording in training},
            **self.windows(),
            "heart_rate": self.heart_rate(),
        }
        inputs = {recording.id: self.truth(recording).key for recording in training}
        return self.task("fit", settings, inputs, None, f"{entry.id} fold {fold.index}", bytes_out=1e3)

    def _predict(
        self, recording: Recording, fold: Fold, condition: Condition, entry: Contestant, seed: int | None
    ) -> Task:
        spec = entry.method_spec
        settings: dict[str, Any] = {
            "method": self.described(entry.method),
            "input": spec.input,
            "region": spec.region,
            "duration_s": recording.duration_s,
            **self.windows(),
        }
        inputs = {}
        if spec.input == "trace":
            inputs["traces"] = self.traces(recording, condition).key
        if spec.input == "video" or entry.enhancer is not None:
            inputs["crops"] = self.crop(recording, condition).key
        if entry.enhancer is not None:
            settings["enhancer"] = self._lessons.described_enhancer(entry)
            settings["skin_threshold"] = self._protocol.clips.skin.threshold
            settings["frames_are_skin"] = recording.frames_are_skin
            if not condition.is_reference:
                inputs["reference"] = self.crop(recording, self._protocol.reference).key
        if spec.learns and entry.method_lesson is None:
            inputs["method state"] = self._fit_in_closed_form(fold, entry).key
        if seed is None:
            return self.task("predict", settings, inputs, recording, f"{condition.id} {entry.id}")
        inputs |= self._lessons.states(fold, condition, entry, seed)
        details = f"{condition.id} {entry.id} seed {seed}"
        return self.task("predict", settings, inputs, recording, details, libraries=(*LIBRARIES, *TORCH))

    def windows(self) -> dict[str, Any]:
        return {"length_s": self._protocol.clips.length_s, "fps_hz": self._protocol.clips.fps_hz}

    def heart_rate(self) -> dict[str, Any]:
        return self._protocol.evaluation.heart_rate.model_dump(mode="json")

    def described(self, choice: Choice) -> dict[str, Any]:
        package = choice.spec.factory.partition(":")[0].partition(".")[0]
        return {"kind": choice.spec.kind, **choice.described(), "code": code_digest(package)}
