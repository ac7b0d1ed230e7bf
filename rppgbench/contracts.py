"""What plugins register and what their factories return: the whole contract between core and plugins.

Axes are named once and everywhere: B clip, T frame, H row, W column, C colour (R, G, B).
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


class NoParams(Params):
    """For a component that has none."""


@dataclass(frozen=True, kw_only=True)
class Spec:
    """What every component says of itself. The factory is named, not imported, so that listing costs nothing.

    ``factory`` is ``"package.module:Callable"``; it is called with the validated ``params`` as keyword arguments.
    Raise ``version`` when the same params may give other numbers.
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
    """A method: face clips, or the mean colour of their skin, in; pulse waves out.

    ``region`` is where a trace method's colour is averaged. ``control`` marks what exists to be beaten.
    ``fps_hz``, ``size`` and ``frames`` are what it demands, None when it takes anything.
    ``pretrained_on`` names datasets that its weights have seen. ``learns_from`` says what a learner needs of its
    training subjects: their clips too, or the contact sensor's truth alone. ``skin_labels`` is True for one that also
    wants to be told where the skin is while it learns. ``rehearsal`` are params with which it learns in no time.
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
    """An enhancer: compressed clips in, clips of the same shape out, in float.

    ``blind`` is False when it must be told how the video was compressed; ``pairs`` is True when it learns from
    compressed clips beside their reference. ``conditional`` is True when its factory takes ``n_conditions``, how many
    conditions it learns from with the reference counted in. ``rehearsal`` are params with which it learns in no time.
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
    """A codec: a recording in, a compressed recording out.

    ``label`` is a format string over the params that names a condition, such as ``"x264-{bitrate_kbps:g}k"``.
    ``encoder`` is None for the codec that leaves the recording as it is; one is named ``AS_RECORDED``.
    ``seconds_per_megapixel`` is roughly what encoding costs one core, for a plan's estimate before anything was
    measured. ``rehearsal`` are params with which it is quick, whatever becomes of the picture.
    """

    kind: ClassVar[Kind] = "codec"
    encoder: str | None
    label: str
    lossless: bool = False
    seconds_per_megapixel: float = 0.03
    rehearsal: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Spec):
    """A dataset: recordings, and what the contact sensor said.

    ``needs_files`` is False for one that makes its recordings itself. A dataset that needs files has a factory with a
    first argument ``root: Path``; where that lies is the user's setting. ``fixture`` names a function
    ``(root, cohort, n_subjects, duration_s) -> rendered recordings by id`` (`rppgbench.testing.rendered_cohort`) that
    writes a small tree in the exact published layout, filled with rendered faces. ``cohort`` is True for a
    `RenderingDataset` that such faces come from: its params have the fields of `rppgbench.testing.rendered_cohort`'s
    ``COHORT_PARAMS``. ``protocol`` is the one to try first.
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
    """A method whose spec says ``input="trace"``."""

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
    """A method whose spec says ``input="video"``."""

    def predict(self, video: Any, fps_hz: float) -> Any:
        """Pulse waves from clips: ``(B, T, H, W, 3)`` uint8, or float32 in [0, 1], to ``(B, T)``, systole up."""
        ...


@runtime_checkable
class FittedMethod(Protocol):
    """A method that learns in closed form, from training subjects only.

    ``state`` is all it learnt, and what ``load`` takes: arrays by name, stored as safetensors.
    """

    def fit(self, windows: Sequence[TrainingWindow]) -> None: ...

    def state(self) -> dict[str, FloatArray]: ...

    def load(self, state: Mapping[str, FloatArray]) -> None: ...


class Enhancer(Protocol):
    """What an enhancer's factory returns."""

    def enhance(self, video: Any) -> Any:
        """``(B, T, H, W, 3)`` uint8 or float32 in [0, 1] to the same shape, float32 in [0, 1]."""
        ...


class Codec(Protocol):
    """What a codec's factory returns."""

    def build(self) -> str:
        """Encoder, its library's version and whatever else changes its bits; part of every key made with it."""
        ...

    def encode(self, source: Path, target: Path, fps_hz: float, *, part: tuple[int, int | None] = (0, None)) -> Encoded:
        """Compress every frame of the ``part`` of ``source`` into ``target``, the same bytes on every run of one build.

        ``part`` is as in `Recording`; `rppgbench.media.decode.frames` takes it.

        Raises:
            EncodingError: the encoder failed, or the result is not frame-exact with its source.
        """
        ...


class Dataset(Protocol):
    """What a dataset's factory returns."""

    def recordings(self) -> Sequence[Recording]:
        """Every recording whose files are all there, in natural order; decodes no video."""
        ...

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """What the contact sensor said during ``recording``, on the video's clock."""
        ...


@runtime_checkable
class RenderingDataset(Protocol):
    """A dataset that makes videos of what is none, such as pictures or arrays: its recordings have no ``path``."""

    def render(self, recording: Recording, target: Path) -> None:
        """Write the recording into ``target`` without loss, the same bytes on every run and machine."""
        ...

    def container(self) -> str:
        """File name ending of what ``render`` writes, such as ``".avi"``."""
        ...


@runtime_checkable
class TimedDataset(Protocol):
    """A dataset that knows when each frame was taken better than its video files do."""

    def frame_times_s(self, recording: Recording) -> FloatArray:
        """``(T,)`` ascending times of the frames of the recording's ``part``, the first of them 0.

        Asked of recordings with ``clock_files`` alone.
        """
        ...


@runtime_checkable
class InventoriedDataset(Protocol):
    """A dataset of which it is known what was published."""

    def inventory(self) -> Inventory:
        """What was published and is not here, and what is here and was not published; opens no video."""
        ...


# --- records ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Recording:
    """One video of one subject.

    ``path`` is None when the dataset renders it, from ``source_files`` if it needs any. ``part`` says which frames of
    the file count: the first, and one past the last; None is the end, and a negative number counts from there. The
    recording's clock is 0 at the first frame of the part, ``duration_s`` is the part's. ``frames_are_skin`` says that
    there is no face to look for: every pixel is skin already. ``source`` is how the file came to be, and
    ``source_details`` says more, such as codec and bitrate: a loss cannot be undone. ``truth_files`` are all files
    that ``ground_truth`` reads, ``clock_files`` those of ``frame_times_s``, ``truth_details`` says what else the truth
    depends on, such as a row of a table: when one of them, or the video, changes, scores are computed anew.
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
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Absent:
    """A recording that was published and is not usable here: ``path`` is what is missing or wrong, ``reason`` says how,
    ``remedy`` what to do."""

    id: str
    subject: str
    path: Path
    reason: str
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What was published, held against what is here.

    ``subjects`` are all that were published, in natural order, here or not, and ``n_recordings`` how many recordings.
    ``absent`` are the recordings that are not here; ``extra`` is what lies here and belongs to no recording.
    ``notes`` are known facts that a user of the data must know, such as a session that nobody ever got.
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
    ``beats_s`` are exactly known beats (R-peaks), where there is such a thing: for tests, never for scoring.
    ``leads`` are further leads of an ECG by name, ``(N,)`` each, to check the first against. ``video_s`` is how long
    the video lasts by the sensor's clock, where the dataset says so: a check of clocks. ``doubts`` are what the loader
    found odd; each flags every window of the recording.
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
    """What an encoder did. Bitrate counts the video stream's payload alone; PSNR is over the luma of all frames."""

    n_frames: int
    bitrate_bps: float
    pix_fmt: str
    encoder_build: str
    psnr_y_db: float
    target_bps: float | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingWindow:
    """What a method may learn from: one window of a training subject.

    ``trace`` is ``(T, 3)`` mean colour at ``fps_hz``; ``hr_bpm`` is derived from the contact sensor by the code that
    scores predictions.
    """

    trace: FloatArray | None
    fps_hz: float
    hr_bpm: float
