"""Overview of one recording: face, skin colour, contact sensor, and the delay between them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.datasets.truth_check import labels_of, malformation
from rppgbench.datasets.video_check import clock_s, video_of
from rppgbench.errors import MediaError, NoFaceFound, SignalError
from rppgbench.media.clock import grid, span_s, to_uniform
from rppgbench.media.decode import frames
from rppgbench.media.face_detection import FaceTrack, find_faces, whole_frame
from rppgbench.media.traces import measure_traces
from rppgbench.signal.beats import beat_times
from rppgbench.signal.contact_sensor import beats_of_ecg_s
from rppgbench.signal.delay import median_delay_s
from rppgbench.signal.ground_truth import pulse_wave
from rppgbench.signal.heart_rate import estimate_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rppgbench.contracts import ByteArray, Dataset, FloatArray, GroundTruth, Recording
    from rppgbench.evaluation.labels import Label
    from rppgbench.media.box import Box

# Short enough to show changes of the heart rate, long enough to estimate it.
WINDOW_S, STEP_S = 10.0, 1.0
_MARGIN = 0.05
_CLOCK_HZ = (15.0, 60.0)


@dataclass(frozen=True)
class RecordingOverview:
    """Signals and labels of a recording.

    ``skin`` is ``(T, 3)`` mean R, G, B of the skin in grey levels at ``fps_hz`` from the video's start, NaN without
    skin; ``picture`` is the frame at ``picture_s`` and ``box`` its face (None: no face was found). ``wave`` ``(T,)`` is
    the sensor's pulse wave at the same times, None for a sensor of heart rates. ``labels`` are those of the windows of
    ``window_s`` that begin at ``starts_s`` ``(B,)``.
    """

    recording: Recording
    truth: GroundTruth
    fps_hz: float
    picture: ByteArray = field(repr=False)
    picture_s: float
    track: FaceTrack | None
    box: Box | None
    skin: FloatArray = field(repr=False)
    wave: FloatArray | None = field(repr=False)
    delay_s: float | None
    starts_s: FloatArray
    window_s: float
    labels: Sequence[Label]
    notes: tuple[str, ...] = ()

    @property
    def times_s(self) -> FloatArray:
        """``(T,)`` times in s of ``skin`` and ``wave``."""
        return np.arange(len(self.skin)) / self.fps_hz

    @property
    def pulse(self) -> FloatArray:
        """``(T,)`` ln R - ln G of the skin, which rises at systole and is insensitive to brightness."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.log(self.skin[:, 0]) - np.log(self.skin[:, 1]))

    def video_bpm(self) -> list[float | None]:
        """Heart rate in bpm of ``pulse`` by its spectrum in each window; None if it cannot be estimated."""
        n = min(int(self.window_s * self.fps_hz + 1e-6), len(self.skin))
        first = np.minimum(np.rint(self.starts_s * self.fps_hz).astype(int), len(self.skin) - n)
        rates = estimate_each(self.pulse[first[:, None] + np.arange(n)], self.fps_hz)
        return [None if isinstance(rate, SignalError) else rate.spectrum_bpm for rate in rates]

    def beats_s(self, start_s: float, end_s: float) -> FloatArray:
        """Times in s of the sensor's beats from ``start_s`` to ``end_s``: R-peaks or BVP maxima; empty if unknown."""
        inside = (self.times_s >= start_s) & (self.times_s < end_s)
        if self.wave is None or not np.isfinite(self.wave[inside]).all():
            return np.empty(0)
        if self.truth.kind == "ecg":
            peaks_s = beats_of_ecg_s(self.truth.samples, self.truth.times_s)
            return peaks_s[(peaks_s >= start_s) & (peaks_s < end_s)]
        wave = self.wave[inside]
        rate = estimate_each(wave[None], self.fps_hz)[0]
        if isinstance(rate, SignalError):
            return np.empty(0)
        first_s = float(self.times_s[inside][0])
        return first_s + beat_times(wave[None], self.fps_hz, np.array([rate.spectrum_bpm / 60]))[0]


def inspect_recording(dataset: Dataset, recording: Recording) -> RecordingOverview:
    """The overview of one recording, decoded up to three times, frame by frame.

    Raises:
        MediaError: the video cannot be read in full.
        DatasetUnavailable: the ground truth cannot be read.
        SignalError: the ground truth is malformed.
    """
    truth = dataset.ground_truth(recording)
    wrong = malformation(truth)
    if wrong is not None:
        raise SignalError(f"{recording.id}: ground truth: {wrong}", hint="see 'rppgbench data check'")
    notes: list[str] = []
    with video_of(dataset, recording) as path:
        track = _track(path, recording, notes)
        box = None if track is None else track.fixed(0.0)
        stamps_s = clock_s(dataset, recording)
        times_s, skin = _colours(path, recording, box, stamps_s)
        picture, picture_s = _picture(path, recording, times_s)
    fps_hz = float(np.clip(round(recording.fps_hz), *_CLOCK_HZ))
    duration_s = span_s(times_s)
    clock, even = to_uniform(times_s, skin, fps_hz)
    starts_s = grid(0.0, max(duration_s - WINDOW_S, 0.0) + STEP_S, 1 / STEP_S)
    wave = _wave(truth, clock, notes)
    return RecordingOverview(
        recording=recording,
        truth=truth,
        fps_hz=fps_hz,
        picture=picture,
        picture_s=picture_s,
        track=track,
        box=box,
        skin=even,
        wave=wave,
        delay_s=None if wave is None else median_delay_s(truth, even, fps_hz),
        starts_s=starts_s,
        window_s=min(WINDOW_S, duration_s),
        labels=labels_of(truth, starts_s, min(WINDOW_S, duration_s)),
        notes=tuple(notes),
    )


def _track(path: Path, recording: Recording, notes: list[str]) -> FaceTrack | None:
    if recording.frames_are_skin:
        return whole_frame(path)
    try:
        return find_faces(path, part=recording.part)
    except NoFaceFound as error:
        notes.append(error.message.removeprefix(f"{path}: "))
        return None


def _colours(
    path: Path, recording: Recording, box: Box | None, stamps_s: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    if box is None:
        times = np.array([frame.time_s for frame in frames(path, part=recording.part)])
        return (times if stamps_s is None else stamps_s), np.full((len(times), 3), np.nan)
    wider = box if recording.frames_are_skin else box.squared().widened(_MARGIN)
    traces = measure_traces(path, wider, frames_are_skin=recording.frames_are_skin, part=recording.part)
    if stamps_s is None:
        return traces.times_s, traces.skin
    if len(stamps_s) != len(traces.skin):
        raise MediaError(
            f"{recording.id}: {len(stamps_s)} frame times for {len(traces.skin)} frames",
            hint="see 'rppgbench data check'",
        )
    return stamps_s, traces.skin


def _picture(path: Path, recording: Recording, times_s: FloatArray) -> tuple[ByteArray, float]:
    """A frame about 2 s after the start, since first frames are often dark, and its time in s."""
    wanted = min(len(times_s) // 2, round(2 * recording.fps_hz))
    for frame in frames(path, part=recording.part):
        if frame.index >= wanted:
            return frame.rgb(), float(times_s[frame.index])
    raise MediaError(f"{path}: no frame could be read", hint="see 'rppgbench data check'")


def _wave(truth: GroundTruth, clock: FloatArray, notes: list[str]) -> FloatArray | None:
    if truth.kind == "hr":
        return None
    try:
        return pulse_wave(truth, clock)
    except SignalError as error:
        notes.append(error.message)
        return None
