"""Measurement of one video: traces, waves and heart rates window by window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from rppgbench.contracts import MethodSpec
from rppgbench.errors import PluginError, SignalError, UnknownName
from rppgbench.measurement.compression_verdict import CompressionVerdict, judge_compression
from rppgbench.measurement.reliability import reason_for_doubt
from rppgbench.media.clock import to_uniform
from rppgbench.media.decode import Frame, TruncatedVideo, VideoInfo, frames, probe
from rppgbench.media.face_detection import FaceTrack, whole_frame
from rppgbench.media.face_following import follow_face
from rppgbench.media.traces import Traces, measure_traces
from rppgbench.registry import load_registry
from rppgbench.signal.heart_rate import HeartRate, estimate_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from rppgbench.contracts import TraceMethod
    from rppgbench.registry import Registry

    FloatArray = NDArray[np.floating[Any]]

Roi = Literal["face", "full"]

LEAST_S, LEAST_STEP_S = 8.0, 0.5
# Range of the clock's rate: a faster one does not improve a slow source, nor a slower one make a fast source smaller.
_CLOCK_HZ = (15.0, 60.0)


@dataclass(frozen=True)
class MeasureSettings:
    """Settings of a measurement: windows of ``window_s`` every ``step_s`` seconds, the ``roi`` and the method."""

    method: str
    predictor: TraceMethod
    roi: Roi = "face"
    window_s: float = 30.0
    step_s: float = 10.0


@dataclass(frozen=True)
class MeasuredWindow:
    """Heart rate of one window; ``doubt`` is the reason why it is not reliable. Numbers that do not exist are None.

    ``rival_bpm`` is a rate at half or twice the spectrum's whose peak is nearly as high: either may be the pulse.
    """

    start_s: float
    end_s: float
    spectrum_bpm: float | None
    beats_bpm: float | None
    snr_db: float | None
    rival_bpm: float | None
    doubt: str | None

    @property
    def reliable(self) -> bool:
        return self.doubt is None


@dataclass(frozen=True)
class Measurement:
    """Measurement of a video. ``waves`` are ``(T,)`` at ``fps_hz``, one a window, NaN-free or None."""

    info: VideoInfo
    verdict: CompressionVerdict
    settings: MeasureSettings
    fps_hz: float
    track: FaceTrack
    windows: tuple[MeasuredWindow, ...]
    waves: tuple[FloatArray | None, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @property
    def hr_bpm(self) -> float | None:
        """Median over the reliable windows; None without one."""
        rates = [window.spectrum_bpm for window in self.windows if window.reliable and window.spectrum_bpm is not None]
        return float(np.median(rates)) if rates else None


def suggested_method(registry: Registry) -> str:
    """The name of the method to measure with where none is named: the first that its plugin suggests.

    Raises:
        UnknownName: no installed plugin suggests one.
    """
    for spec in registry.specs("method"):
        if isinstance(spec, MethodSpec) and spec.suggested:
            return spec.name
    raise UnknownName("no installed plugin suggests a method", hint="name one of 'rppgbench list methods'")


def make_measure_settings(method: str | None, roi: Roi, window_s: float, step_s: float) -> MeasureSettings:
    """The settings, checked, with the method of that name made, or the one that a plugin suggests.

    Raises:
        UnknownName: there is no such method.
        PluginError: it cannot measure a single video.
        SignalError: a setting is out of its range.
    """
    if roi not in get_args(Roi):
        raise SignalError(f"roi {roi!r}: expected one of {', '.join(get_args(Roi))}")
    for name, value, least in (("window_s", window_s, LEAST_S), ("step_s", step_s, LEAST_STEP_S)):
        if not (np.isfinite(value) and value >= least):
            raise SignalError(f"{name} {value}: expected at least {least:g} s")
    registry = load_registry()
    name = method or suggested_method(registry)
    predictor = predictor_of(registry.method(name), lambda: registry.create("method", name))
    return MeasureSettings(name, predictor, roi, window_s, step_s)


def predictor_of(spec: MethodSpec, create: Callable[[], TraceMethod]) -> TraceMethod:
    """The trace method of ``spec``, made by ``create``.

    Raises:
        PluginError: it needs frames, training or ground truth, which a single video does not have.
    """
    if spec.input != "trace" or spec.learns or spec.control:
        why = "wants frames, not mean colours"
        if spec.learns:
            why = "has to be trained"
        elif spec.control:
            why = "is a control that measures no pulse"
        raise PluginError(
            f"method {spec.name!r} {why}; measure takes a trace method", hint="see 'rppgbench list methods'"
        )
    return create()


def measure_video(
    path: Path, settings: MeasureSettings, progress: Callable[[float], None] = lambda time_s: None
) -> Measurement:
    """Heart rates of a video.

    Raises:
        MediaError: it cannot be read, or shows no face.
        SignalError: it is shorter than 8 s.
    """
    info = probe(path)
    if info.duration_s < LEAST_S - 0.05:
        raise _too_short(path, info.duration_s)
    notes: list[str] = []
    traces, track = _traced(path, settings.roi, progress, notes)
    if len(traces.times_s) < 2:
        raise _too_short(path, len(traces.times_s) / max(info.fps_hz, 1.0))
    end_s = float(traces.times_s[-1] + np.median(np.diff(traces.times_s)))
    if end_s < LEAST_S - 0.05:
        raise _too_short(path, end_s)
    fps_hz = float(np.clip(round(len(traces.times_s) / end_s), *_CLOCK_HZ))
    _, colours = to_uniform(traces.times_s, traces.skin, fps_hz)
    spans = _spans(len(colours), fps_hz, settings)
    if len(colours) < round(settings.window_s * fps_hz):
        notes.append(f"shorter than a window of {settings.window_s:g} s: one window of {len(colours) / fps_hz:.1f} s")
    results = [_window(colours[start:stop], start, fps_hz, settings.predictor) for start, stop in spans]
    return Measurement(
        info=info,
        verdict=judge_compression(info),
        settings=settings,
        fps_hz=fps_hz,
        track=track,
        windows=tuple(window for window, _ in results),
        waves=tuple(wave for _, wave in results),
        notes=tuple(notes),
    )


def _traced(path: Path, roi: Roi, progress: Callable[[float], None], notes: list[str]) -> tuple[Traces, FaceTrack]:
    source = _readable(path, notes)
    if roi == "full":
        track = whole_frame(path)
        return measure_traces(path, track.fixed(0.0), frames_are_skin=True, source=source), track
    return follow_face(path, progress=progress, source=source)


def _readable(path: Path, notes: list[str]) -> Iterator[Frame]:
    """Frames up to the place where the file breaks off, which adds a note instead of an error."""
    try:
        yield from frames(path)
    except TruncatedVideo as error:
        notes.append(error.message)


def _spans(n_frames: int, fps_hz: float, settings: MeasureSettings) -> list[tuple[int, int]]:
    length = min(round(settings.window_s * fps_hz), n_frames)
    step = max(round(settings.step_s * fps_hz), 1)
    return [(start, start + length) for start in range(0, n_frames - length + 1, step)]


def _window(
    colours: FloatArray, start: int, fps_hz: float, predictor: TraceMethod
) -> tuple[MeasuredWindow, FloatArray | None]:
    start_s, window_s = start / fps_hz, len(colours) / fps_hz
    missing = int((~np.isfinite(colours)).any(axis=1).sum())
    if missing:
        return _window_without_rate(start_s, window_s, f"no skin to be seen for {missing / fps_hz:.1f} s of it"), None
    wave = np.asarray(predictor.predict(colours[None], fps_hz))[0]
    found = estimate_each(wave[None], fps_hz)[0]
    if not isinstance(found, HeartRate):
        return _window_without_rate(start_s, window_s, found.message), wave
    window = MeasuredWindow(
        start_s=start_s,
        end_s=start_s + window_s,
        spectrum_bpm=found.spectrum_bpm,
        beats_bpm=found.beats_bpm,
        snr_db=found.snr_db,
        rival_bpm=found.rival_bpm,
        doubt=reason_for_doubt(found.snr_db, found.spectrum_bpm, found.beats_bpm, window_s),
    )
    return window, wave


def _window_without_rate(start_s: float, window_s: float, why: str) -> MeasuredWindow:
    return MeasuredWindow(start_s, start_s + window_s, None, None, None, None, why)


def _too_short(path: Path, duration_s: float) -> SignalError:
    return SignalError(
        f"{path}: {duration_s:.1f} s long, expected at least {LEAST_S:g} s",
        hint="a heart rate needs several beats; 30 s of a still face are good",
    )
