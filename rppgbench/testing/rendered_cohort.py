"""Rendered recordings with known beats for fixtures, small copies of datasets in their own layout.

```python
def write_fixture(root, cohort, n_subjects, duration_s):
    rendered = {}
    for subject in range(1, n_subjects + 1):
        one = cohort.take(subject, fps_hz=30.0, duration_s=duration_s, sensor="bvp")
        write_video(one.frames(), root / f"s{subject}.avi", 30.0, encoder="mjpeg", pix_fmt="yuvj420p")
        times_s = np.arange(0, duration_s, 1 / 64)
        np.savetxt(root / f"s{subject}.csv", one.sensor(times_s))
        rendered[f"s{subject}"] = one
    return rendered
```
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import numpy as np

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import EncodingError, UnknownName
from rppgbench.registry import Registry

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from rppgbench.contracts import ByteArray, FloatArray, GroundTruth, Recording, RenderingDataset

Session = Literal["rest", "exercise"]
MOST_SUBJECTS = 120
# Params of a dataset with ``cohort=True``: number of subjects, sessions, length in s, frames/s, (width, height) in
# pixels, seed, levels of motion, kind of sensor.
COHORT_PARAMS = ("subjects", "recordings", "duration_s", "fps_hz", "size", "seed", "motions", "truth")


def cohort_spec(registry: Registry) -> DatasetSpec:
    """The dataset that rendered faces come from, the first by name of those with ``cohort=True``.

    Raises:
        UnknownName: none is installed.
    """
    for spec in registry.specs("dataset"):
        if isinstance(spec, DatasetSpec) and spec.cohort:
            return spec
    raise UnknownName("no dataset that renders faces is installed", hint="see 'rppgbench list plugins'")


@dataclass(frozen=True)
class RenderedRecording:
    """One rendered recording: its frames, contact sensor and beats.

    ``beats_s`` are the times of R-peaks on the video's clock, from before its start to after its end; the face's pulse
    is delayed by 0.15 to 0.3 s.
    """

    fps_hz: float
    duration_s: float
    beats_s: FloatArray
    _dataset: RenderingDataset
    _recording: Recording
    _truth: GroundTruth

    @property
    def n_frames(self) -> int:
        return round(self.duration_s * self.fps_hz)

    @property
    def hr_bpm(self) -> float:
        """60 over the mean beat interval in s within the video."""
        inside = self.beats_s[(self.beats_s >= 0) & (self.beats_s <= self.duration_s)]
        return float(60.0 / np.mean(np.diff(inside)))

    def frames(self) -> Iterator[ByteArray]:
        """Frames ``(H, W, 3)`` in R, G, B."""
        from rppgbench.media.decode import frames

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"recording{self._dataset.container()}"
            self._dataset.render(self._recording, path)
            for frame in frames(path):
                yield frame.rgb()

    def sensor(self, times_s: FloatArray) -> FloatArray:
        """Sensor samples ``(N,)`` at ``times_s`` on the video's clock, from 1 s before to 1 s after the video."""
        return np.asarray(np.interp(times_s, self._truth.times_s, self._truth.samples), dtype=np.float64)


class RenderedCohort:
    """Rendered recordings of up to ``MOST_SUBJECTS`` subjects, the same ones for each ``seed``.

    ``size`` is width and height of a frame in pixels. ``n_sessions`` is the largest number of sessions per subject in
    a fixture; None stands for all published ones.
    """

    def __init__(
        self, registry: Registry, *, size: tuple[int, int] = (128, 96), seed: int = 0, n_sessions: int | None = None
    ) -> None:
        self._registry, self._size, self._seed = registry, size, seed
        self.n_sessions = n_sessions

    def take(
        self,
        subject: int,
        session: Session = "rest",
        *,
        fps_hz: float,
        duration_s: float,
        sensor: Literal["ecg", "bvp"],
        motion: Literal["still", "small", "talk", "large"] = "small",
    ) -> RenderedRecording:
        """The recording of subject number ``subject``, from 1, at rest or after exercise."""
        params = {
            "subjects": MOST_SUBJECTS,
            "recordings": [session],
            "duration_s": duration_s,
            "fps_hz": fps_hz,
            "size": self._size,
            "seed": self._seed,
            "motions": [motion],
            "truth": sensor,
        }
        dataset = self._registry.create("dataset", cohort_spec(self._registry).name, params)
        recording = dataset.recordings()[(subject - 1) % MOST_SUBJECTS]
        truth = dataset.ground_truth(recording)
        return RenderedRecording(fps_hz, recording.duration_s, np.asarray(truth.beats_s), dataset, recording, truth)


def write_video(
    frames: Iterable[ByteArray],
    path: Path,
    fps_hz: float,
    *,
    encoder: str,
    pix_fmt: str,
    bitrate_bps: float | None = None,
    options: Mapping[str, str] | None = None,
) -> int:
    """The number of ``(H, W, 3)`` frames written with an encoder of FFmpeg into a container given by the suffix.

    Raises:
        EncodingError: FFmpeg has no such encoder or cannot write the file.
    """
    import av

    count = 0
    try:
        with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
            stream: VideoStream | None = None
            for picture in frames:
                count += 1
                if stream is None:
                    rate = Fraction(fps_hz).limit_denominator(1001)
                    stream = cast("VideoStream", container.add_stream(encoder, rate=rate))
                    stream.height, stream.width = picture.shape[:2]
                    stream.pix_fmt = pix_fmt
                    stream.options = dict(options or {})
                    stream.codec_context.thread_count = 1
                    stream.codec_context.flags |= av.codec.context.Flags.bitexact
                    if bitrate_bps is not None:
                        stream.bit_rate = round(bitrate_bps)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            if stream is not None:
                container.mux(stream.encode(None))
    except (av.FFmpegError, av.codec.codec.UnknownCodecError) as error:
        raise EncodingError(f"{path}: {error}", hint="is the disk full, or the folder missing?") from error
    return count
