"""The contract between core and plugins: specs that plugins register, interfaces of components, and records.

Names of axes: B clip, T frame, H row, W column, C colour (R, G, B).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from rppgbench.errors import PluginError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    FloatArray = NDArray[np.floating[Any]]
    ByteArray = NDArray[np.uint8]

Kind = Literal["method", "enhancer", "codec", "dataset"]

# The name of the codec without an encoder: recordings as they are, the reference of a protocol that names none.
AS_RECORDED = "original"

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_FACTORY = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")


class Params(BaseModel):
    """Base of a component's parameters: frozen, unknown keys refused.

    Give each field a ``description`` and, where it has a unit, end its name with it (``bitrate_kbps``, ``cutoff_hz``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def cost_factor(self) -> float:
        """Cost with these params as a multiple of what the spec states, for estimates."""
        return 1.0


class NoParams(Params):
    """Params of a component without any."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """Base of the specs of components. The factory is named, not imported, so that listing is cheap.

    ``factory`` is ``"package.module:Callable"``; it is called with the validated ``params`` as keyword arguments.
    Raise ``version`` when the same params may give other results.
    """

    kind: ClassVar[Kind]
    name: str
    factory: str
    summary: str
    version: int = 1
    params: type[Params] = NoParams
    cite: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise PluginError(f"{self.kind} name {self.name!r}: expected lower-case letters, digits and '_'")
        if not _FACTORY.match(self.factory):
            raise PluginError(f"{self.kind} {self.name!r}: factory {self.factory!r} is not 'package.module:Callable'")
        if not (isinstance(self.params, type) and issubclass(self.params, Params)):
            raise PluginError(f"{self.kind} {self.name!r}: params must be a subclass of rppgbench.contracts.Params")


@dataclass(frozen=True, kw_only=True)
class MethodSpec(Spec):
    """Spec of a method: from face clips, or traces of their skin's mean colour, to pulse waves.

    ``region`` is the region over which a trace method's colour is averaged. ``control`` marks a control (baseline).
    ``fps_hz``, ``size`` (height, width) and ``frames`` are required of clips; None accepts any.
    ``pretrained_on`` names datasets that its weights were trained on. ``learns_from`` is the training data of a
    learner: clips with ground truth, or ground truth alone. ``skin_labels`` is True if training needs skin masks.
    ``rehearsal`` are params of a version that trains in seconds.
    ``suggested`` marks the trace method that `measure` takes where none is named.
    """

    kind: ClassVar[Kind] = "method"
    input: Literal["trace", "video"]
    learns: bool = False
    learns_from: Literal["clips", "truth"] = "clips"
    skin_labels: bool = False
    region: Literal["skin", "background"] = "skin"
    control: bool = False
    fps_hz: float | None = None
    size: tuple[int, int] | None = None
    frames: int | None = None
    pretrained_on: tuple[str, ...] = ()
    rehearsal: Mapping[str, Any] = field(default_factory=dict, hash=False)
    suggested: bool = False


@dataclass(frozen=True, kw_only=True)
class EnhancerSpec(Spec):
    """Spec of an enhancer: from compressed clips to float clips of the same shape.

    ``blind`` is False if it needs the codec and bitrate as input; ``pairs`` is True if it is trained on pairs of
    compressed and reference clips. ``conditional`` is True if its factory takes ``n_conditions``, the number of
    training conditions including the reference. ``rehearsal`` are params of a version that trains in seconds.
    """

    kind: ClassVar[Kind] = "enhancer"
    learns: bool = False
    blind: bool = True
    pairs: bool = False
    conditional: bool = False
    control: bool = False
    pretrained_on: tuple[str, ...] = ()
    rehearsal: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class CodecSpec(Spec):
    """Spec of a codec, which compresses recordings.

    ``label`` is a format string over the params that names a condition, such as ``"x264-{bitrate_kbps:g}k"``.
    ``encoder`` is None for the codec that returns the recording unchanged; one is named ``AS_RECORDED``.
    ``seconds_per_megapixel`` is the approximate encoding time on one core, ``memory_bytes_per_pixel`` the memory per
    pixel of a frame, for a plan's estimate before any measurement. ``rehearsal`` are params for fast encoding at any
    quality.
    """

    kind: ClassVar[Kind] = "codec"
    encoder: str | None
    label: str
    lossless: bool = False
    seconds_per_megapixel: float = 0.03
    memory_bytes_per_pixel: float = 30.0
    rehearsal: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """Spec of a dataset of recordings with ground truth of a contact sensor.

    ``needs_files`` is False for one that renders its recordings. The factory of a dataset that needs files has a
    first argument ``root: Path``, its folder by the user's settings. ``fixture`` names a function
    ``(root, cohort, n_subjects, duration_s) -> rendered recordings by id`` (`rppgbench.testing.rendered_cohort`) that
    writes a small tree of rendered faces in the exact published layout. ``cohort`` is True for a `RenderingDataset`
    that such faces come from: its params have the fields of `rppgbench.testing.rendered_cohort`'s ``COHORT_PARAMS``.
    ``protocol`` is the one to try first.
    """

    kind: ClassVar[Kind] = "dataset"
    url: str = ""
    redistributable: bool = False
    how_to_get: str = ""
    needs_files: bool = True
    fixture: str = ""
    cohort: bool = False
    protocol: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.fixture and not _FACTORY.match(self.fixture):
            raise PluginError(f"dataset {self.name!r}: fixture {self.fixture!r} is not 'package.module:function'")


# --- what the factories return ------------------------------------------------------------------------------------


class TraceMethod(Protocol):
    """A method whose spec has ``input="trace"``."""

    def predict(self, traces: Any, fps_hz: float) -> Any:
        """Pulse waves from mean colours, systole up.

        Args:
            traces: ``(B, T, 3)`` mean R, G, B of the region in grey levels (0-255), float, NumPy or torch.
            fps_hz: sampling rate of T.

        Returns:
            ``(B, T)`` of the same array type, in arbitrary units. Row b depends on ``traces[b]`` alone.
        """
        ...


class VideoMethod(Protocol):
    """A method whose spec has ``input="video"``."""

    def predict(self, video: Any, fps_hz: float) -> Any:
        """Pulse waves from clips: ``(B, T, H, W, 3)`` uint8, or float32 in [0, 1], to ``(B, T)``, systole up."""
        ...


@runtime_checkable
class FittedMethod(Protocol):
    """A method fitted in closed form on training subjects.

    ``state`` gives all fitted parameters as arrays by name, stored as safetensors, and ``load`` takes them.
    """

    def fit(self, windows: Sequence[TrainingWindow]) -> None: ...

    def state(self) -> dict[str, FloatArray]: ...

    def load(self, state: Mapping[str, FloatArray]) -> None: ...


class Enhancer(Protocol):
    """An enhancer, as made by its factory."""

    def enhance(self, video: Any) -> Any:
        """``(B, T, H, W, 3)`` uint8 or float32 in [0, 1] to the same shape, float32 in [0, 1]."""
        ...


class Codec(Protocol):
    """A codec, as made by its factory."""

    def build(self) -> str:
        """Encoder, version of its library and all else that changes its output; part of the keys of its artefacts."""
        ...

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: tuple[int, int | None] = (0, None)) -> Encoded:
        """Compress every frame of the ``part`` of ``source`` into ``target``, the same bytes on every run of one build.

        ``part`` is as in `Recording`; `rppgbench.media.decode.frames` takes it.

        Raises:
            EncodingError: the encoder failed, or the result is not frame-exact with its source.
        """
        ...


class Dataset(Protocol):
    """A dataset's loader, as made by its factory."""

    def recordings(self) -> Sequence[Recording]:
        """All recordings with all their files, in natural order; decodes no video."""
        ...

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """Samples of the contact sensor during ``recording``, on the video's clock."""
        ...


@runtime_checkable
class RenderingDataset(Protocol):
    """A dataset that renders videos from images, arrays or a simulation: its recordings have no ``path``."""

    def render(self, recording: Recording, target: Path) -> None:
        """Write the recording into ``target`` without loss, the same bytes on every run and machine."""
        ...

    def container(self) -> str:
        """Suffix of the files that ``render`` writes, such as ``".avi"``."""
        ...


@runtime_checkable
class TimedDataset(Protocol):
    """A dataset with frame times more accurate than those of its video files."""

    def frame_times_s(self, recording: Recording) -> FloatArray:
        """``(T,)`` ascending times in s of the frames of the recording's ``part``, the first of them 0.

        Called for recordings with ``clock_files`` only.
        """
        ...


@runtime_checkable
class InventoriedDataset(Protocol):
    """A dataset whose published recordings are known."""

    def inventory(self) -> Inventory:
        """Published recordings that are not here, and extra files; opens no video."""
        ...


# --- records ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One video of one subject.

    ``path`` is None if the dataset renders it, from ``source_files`` if it needs any. ``part`` selects frames of the
    file: the first, and one past the last; None is the end, and a negative number counts from there. The recording's
    clock is 0 at the first frame of the part, ``duration_s`` is the part's. ``frames_are_skin`` is True for videos of
    skin alone, without a face to detect. ``source`` is the origin of the video, ``source_details`` more on it,
    such as codec and bitrate. ``truth_files`` are all files that ``ground_truth`` reads, ``clock_files`` those of
    ``frame_times_s``, ``truth_details`` anything else that the truth depends on, such as a row of a table: scores are
    computed again when one of them, or the video, changes. ``frame_size`` is width and height of the frames, where the
    dataset knows it without opening the video. ``dataset`` is set by the core: with ``id`` it identifies the recording.
    """

    id: str
    subject: str
    session: str
    fps_hz: float
    duration_s: float
    path: Path | None = None
    source_files: tuple[Path, ...] = ()
    part: tuple[int, int | None] = (0, None)
    frames_are_skin: bool = False
    source: Literal["raw", "lossless", "lossy", "rendered"] = "raw"
    source_details: str = ""
    truth_files: tuple[Path, ...] = ()
    truth_details: str = ""
    clock_files: tuple[Path, ...] = ()
    frame_size: tuple[int, int] | None = None
    dataset: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A published recording that is not usable here: ``path`` is the missing or faulty file, ``reason`` the fault,
    ``remedy`` the action to take."""

    id: str
    subject: str
    path: Path
    reason: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Published recordings compared with those here.

    ``subjects`` are all published subjects in natural order, ``n_recordings`` is the number of published recordings.
    ``absent`` are the recordings that are not usable here; ``extra`` are paths that belong to no recording.
    ``notes`` are facts for users of the data, such as a session that was never distributed.
    """

    subjects: tuple[str, ...]
    n_recordings: int
    absent: tuple[Absent, ...] = ()
    extra: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class GroundTruth:
    """Samples of a contact sensor with their times on the video's clock.

    ``samples`` and ``times_s`` are ``(N,)`` float64, times ascending; ``kind`` "hr" means beats per minute.
    ``beats_s`` are exact times of beats (R-peaks), if known, for tests and never for scoring.
    ``leads`` are further leads of an ECG by name, ``(N,)`` each, to check the first against. ``video_s`` is the
    duration of the video by the sensor's clock, if known, to compare the clocks. ``doubts`` are irregularities
    found by the loader; each flags every window of the recording.
    """

    samples: FloatArray
    times_s: FloatArray
    kind: Literal["ecg", "bvp", "hr"]
    beats_s: FloatArray | None = None
    leads: Mapping[str, FloatArray] = field(default_factory=dict)
    video_s: float | None = None
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Result of an encoding. The bitrate is that of the video stream's payload; PSNR is over the luma of all frames."""

    n_frames: int
    bitrate_bps: float
    pix_fmt: str
    encoder_build: str
    psnr_y_db: float
    target_bps: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingWindow:
    """One window of a training subject, for methods fitted in closed form.

    ``trace`` is ``(T, 3)`` mean colour at ``fps_hz``; ``hr_bpm`` is the contact sensor's heart rate, derived as
    in scoring.
    """

    trace: FloatArray | None
    fps_hz: float
    hr_bpm: float
