"""The tasks of single recordings: one function a stage, in the order of a video's way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rppgbench.contracts import CodecSpec, Recording
from rppgbench.pipeline import artefact_sizes
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.provenance import LIBRARIES, code_behind, code_of
from rppgbench.pipeline.task import Stage, Task, count_windows
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
from rppgbench.registry import make
from rppgbench.store.source_digests import SourceDigests
from rppgbench.store.store import Store

# Those that need pixels: where a protocol names one, faces are cut out whether or not an entry sees them.
PIXEL_METRICS = frozenset(
    {"psnr_db", "psnr_sd_db", "ssim", "psnr_hvs_m_db"}
    | {"delta_psnr_db", "psnr_sd_change_db", "delta_ssim", "delta_psnr_hvs_m_db"}
)


class RecordingTasks:
    """Tasks by key, each after its inputs; what several cells need is there once.

    Of the ``collections`` the first is tested, the others are only learnt from.
    """

    def __init__(self, protocol: Protocol, collections: Sequence[LocalDataset], store: Store) -> None:
        self.tasks: dict[str, Task] = {}
        self._protocol = protocol
        self._digests = SourceDigests(store)
        self._builds: dict[str, str] = {}
        self._made: dict[tuple[str, ...], Task] = {}
        self._home = {id(r): collection for collection in collections for r in collection.recordings}
        self._names = {
            id(r): f"{collection.dataset.name}/{r.id}" for collection in collections for r in collection.recordings
        }

    def truth(self, recording: Recording) -> Task:
        """What the contact sensor said."""

        return self.once(
            "truth",
            self._name(recording),
            make=lambda: self._clocked(recording, "truth", artefact_sizes.truth(recording)),
        )

    def label(self, recording: Recording) -> Task:
        """What the contact sensor says of each window, and how far it can be believed."""

        def make() -> Task:
            settings = {**self.windows(), "heart_rate": self.heart_rate(), "duration_s": recording.duration_s}
            traces = self.traces(recording, self._protocol.reference)
            inputs = {"truth": self.truth(recording).key, "traces": traces.key}
            bytes_out = artefact_sizes.label(recording, self._protocol.clips.fps_hz, self.n_windows(recording))
            return self.task("label", settings, inputs, recording, bytes_out=bytes_out)

        return self.once("label", self._name(recording), make=make)

    def _clock(self, recording: Recording) -> Task:
        """When the dataset says each frame was taken."""

        return self.once(
            "clock",
            self._name(recording),
            make=lambda: self._clocked(recording, "clock", artefact_sizes.clock(recording)),
        )

    def _clocked(self, recording: Recording, stage: Stage, bytes_out: float) -> Task:
        """A task that depends on all of the recording's files: sensors are put on the clock of the frames."""
        files = (*recording.truth_files, *recording.clock_files)
        inputs = {f"file{n}": self._digests.key(path) for n, path in enumerate(files)}
        if recording.path is not None:
            inputs["video"] = self._digests.key(recording.path)
        known = {
            "fps_hz": recording.fps_hz,
            "duration_s": recording.duration_s,
            "details": recording.truth_details,
            **_part(recording),
        }
        return self._asked(recording, stage, inputs | self._source_files(recording), bytes_out, known)

    def _source(self, recording: Recording) -> tuple[str, dict[str, str]]:
        """Key and local path of the recording as the dataset gives it."""
        if recording.path is not None:
            return self._digests.key(recording.path), {"video": str(recording.path)}
        return self.once("render", self._name(recording), make=lambda: self._render(recording)).key, {}

    def _render(self, recording: Recording) -> Task:
        return self._asked(recording, "render", self._source_files(recording), self._lossless_bytes(recording))

    def _lossless_bytes(self, recording: Recording) -> float:
        return artefact_sizes.lossless(recording, self._home[id(recording)].dataset.params)

    def _source_files(self, recording: Recording) -> dict[str, str]:
        return {"source": self._digests.key(*recording.source_files)} if recording.source_files else {}

    def _asked(
        self,
        recording: Recording,
        stage: Stage,
        inputs: Mapping[str, str],
        bytes_out: float,
        known: Mapping[str, Any] | None = None,
    ) -> Task:
        """A task that asks the recording's dataset; ``known`` is what else its answer depends on."""
        home = self._home[id(recording)]
        settings = {"dataset": self.described(home.dataset), "recording": recording.id, **(known or {})}
        return self.task(stage, settings, inputs, recording, local=home.local, bytes_out=bytes_out)

    def _boxes(self, recording: Recording) -> Task:
        """Faces on the reference video, whatever the condition: a detector's failure is no codec's effect."""
        return self.once("boxes", self._name(recording), make=lambda: self._found(recording))

    def _found(self, recording: Recording) -> Task:
        face = self._protocol.clips.face
        settings = {
            "detector": face.detector,
            "every_s": face.every_s,
            "frames_are_skin": recording.frames_are_skin,
        }
        encode = self.encode(recording, self._protocol.reference)
        video, local = self._video(recording, encode)
        settings |= {} if encode else _part(recording)
        bytes_out = artefact_sizes.boxes(recording, face.every_s)
        return self.task("boxes", settings, {"video": video}, recording, local=local, bytes_out=bytes_out)

    def encode(self, recording: Recording, condition: Condition) -> Task | None:
        """The encoding of a recording under a condition; None where the recording is taken as it is."""
        spec = condition.codec.spec
        if not isinstance(spec, CodecSpec):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        if spec.encoder is None:
            return None

        def make() -> Task:
            return self._encode(recording, condition, spec)

        return self.once("encode", self._name(recording), condition.id, make=make)

    def _encode(self, recording: Recording, condition: Condition, spec: CodecSpec) -> Task:
        if condition.id not in self._builds:
            self._builds[condition.id] = make(spec, condition.codec.params).build()
        settings = {
            "codec": self.described(condition.codec),
            "build": self._builds[condition.id],
            "fps_hz": recording.fps_hz,
            **_part(recording),
        }
        video, local = self._source(recording)
        rated = artefact_sizes.encoded(recording, condition.nominal_bps)
        bytes_out = self._lossless_bytes(recording) if spec.lossless else rated
        return self.task("encode", settings, {"video": video}, recording, condition.id, local, bytes_out)

    def _video(self, recording: Recording, encode: Task | None) -> tuple[str, dict[str, str]]:
        return self._source(recording) if encode is None else (encode.key, {})

    def traces(self, recording: Recording, condition: Condition) -> Task:
        """Mean colours of the recording under the condition."""

        def make() -> Task:
            return self._traces(recording, self.encode(recording, condition), condition.id)

        return self.once("traces", self._name(recording), condition.id, make=make)

    def _traces(self, recording: Recording, encode: Task | None, details: str) -> Task:
        return self._decoded("traces", recording, encode, details, {}, artefact_sizes.traces(recording))

    def _source_clock(self, recording: Recording) -> Task:
        return self.once(
            "as recorded", self._name(recording), make=lambda: self._traces(recording, None, "as recorded")
        )

    def skin(self, recording: Recording) -> Task:
        """Where the reference's clips show skin."""

        def make() -> Task:
            crops = self.crop(recording, self._protocol.reference)
            settings = {"skin_threshold": self._protocol.clips.skin.threshold}
            bytes_out = artefact_sizes.FOLDER + crops.bytes_out / 3
            return self.task("skin", settings, {"crops": crops.key}, recording, bytes_out=bytes_out)

        return self.once("skin", self._name(recording), make=make)

    def quality(self, recording: Recording, condition: Condition) -> Task | None:
        """How far the recording under the condition is from the reference; None where it is the reference."""
        if condition.is_reference:
            return None
        reference = self._protocol.reference

        def make() -> Task:
            settings = {**self.windows(), "duration_s": recording.duration_s}
            inputs = {
                "traces": self.traces(recording, condition).key,
                "reference traces": self.traces(recording, reference).key,
                "labels": self.label(recording).key,
            }
            if self._compares_pixels:
                inputs["crops"] = self.crop(recording, condition).key
                inputs["reference"] = self.crop(recording, reference).key
            bytes_out = artefact_sizes.quality(self.n_windows(recording))
            return self.task("quality", settings, inputs, recording, condition.id, bytes_out=bytes_out)

        return self.once("quality", self._name(recording), condition.id, make=make)

    @property
    def _compares_pixels(self) -> bool:
        """Whether clips are cut anyway, or a metric asks for them: of the protocol, however a run is narrowed."""
        sees = (entry.enhancer is not None or entry.method_spec.input == "video" for entry in self._protocol.entries)
        return any(sees) or not PIXEL_METRICS.isdisjoint(self._protocol.evaluation.metrics)

    def crop(self, recording: Recording, condition: Condition) -> Task:
        """Face clips of the recording under the condition."""
        return self.once("crop", self._name(recording), condition.id, make=lambda: self._crop(recording, condition))

    def _crop(self, recording: Recording, condition: Condition) -> Task:
        encode = self.encode(recording, condition)
        clips = self._protocol.clips
        height, width = clips.size
        settings = {"size": [height, width], "fps_hz": clips.fps_hz}
        bytes_out = artefact_sizes.crops(recording, clips.fps_hz, clips.size)
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
            inputs["clock"] = self._source_clock(recording).key
        elif recording.clock_files:
            inputs["clock"] = self._clock(recording).key
        settings = {
            **settings,
            **({} if encode else _part(recording)),
            "margin": clips.face.margin,
            "skin_threshold": clips.skin.threshold,
            "frames_are_skin": recording.frames_are_skin,
        }
        return self.task(stage, settings, inputs, recording, details, local, bytes_out)

    def task(
        self,
        stage: Stage,
        settings: Mapping[str, Any],
        inputs: Mapping[str, str],
        recording: Recording | None,
        details: str = "",
        local: Mapping[str, str] | None = None,
        bytes_out: float = artefact_sizes.FOLDER,
        libraries: Sequence[str] = LIBRARIES,
    ) -> Task:
        """The task with all that is behind it in its key; the one that is there already, if it is."""
        made_by = code_behind(stage, libraries)
        name = recording.id if recording else ""
        label = " ".join(part for part in (stage, name, details) if part)
        task = Task(stage, {**settings, **made_by}, inputs, label, name, local or {}, bytes_out)
        return self.tasks.setdefault(task.key, task)

    def once(self, *identity: str, make: Callable[[], Task]) -> Task:
        """The task called ``identity``, made the first time it is asked for: hundreds of cells ask for the same."""
        if identity not in self._made:
            self._made[identity] = make()
        return self._made[identity]

    def _name(self, recording: Recording) -> str:
        return self._names[id(recording)]

    def windows(self) -> dict[str, Any]:
        return {"length_s": self._protocol.clips.length_s, "fps_hz": self._protocol.clips.fps_hz}

    def n_windows(self, recording: Recording) -> int:
        return count_windows(recording.duration_s, self._protocol.clips.length_s)

    def heart_rate(self) -> dict[str, Any]:
        return self._protocol.evaluation.heart_rate.model_dump(mode="json")

    def described(self, choice: ResolvedComponent) -> dict[str, Any]:
        return {"kind": choice.spec.kind, **choice.described(), "code": code_of(choice.spec)}


def _part(recording: Recording) -> dict[str, Any]:
    """Which frames of the file count, where not all do."""
    return {} if recording.part == (0, None) else {"part": list(recording.part)}
