"""Rendered faces with known beats, for fixtures: small copies of datasets in their own layout.

```python
def write_fixture(root, film, n_subjects, duration_s):
    takes = {}
    for subject in range(1, n_subjects + 1):
        take = film.take(subject, fps_hz=30.0, duration_s=duration_s, sensor="bvp")
        write_video(take.frames(), root / f"s{subject}.avi", 30.0, encoder="mjpeg", pix_fmt="yuvj420p")
        times_s = np.arange(0, duration_s, 1 / 64)
        np.savetxt(root / f"s{subject}.csv", take.sensor(times_s))
        takes[f"s{subject}"] = take
    return takes
```
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import EncodingError, UnknownName
from rppgbench.registry import Registry

if TYPE_CHECKING:
    from av.video.stream import VideoStream

    from rppgbench.contracts import ByteArray, FloatArray, GroundTruth

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
    """One rendered recording: its frames, what a contact sensor said, and its beats.

    ``beats_s`` are the R-peaks on the video's clock, from before its start to after its end; the face's pulse comes
    0.15 to 0.3 s later.
    """

    fps_hz: float
    duration_s: float
    beats_s: FloatArray
    _dataset: Any
    _recording: Any
    _truth: GroundTruth

    @property
    def n_frames(self) -> int:
        return round(self.duration_s * self.fps_hz)

    @property
    def hr_bpm(self) -> float:
        """60 over the mean interval of the beats within the video."""
        inside = self.beats_s[(self.beats_s >= 0) & (self.beats_s <= self.duration_s)]
        return float(60.0 / np.mean(np.diff(inside)))

    def frames(self) -> Iterator[ByteArray]:
        """``(H, W, 3)`` R, G, B, frame by frame."""
        from rppgbench.media.decode import frames

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"take{self._dataset.container()}"
            self._dataset.render(self._recording, path)
            for frame in frames(path):
                yield frame.rgb()

    def sensor(self, times_s: FloatArray) -> FloatArray:
        """The contact sensor at ``times_s`` ``(N,)`` on the video's clock, from 1 s before it to 1 s after it."""
        return np.asarray(np.interp(times_s, self._truth.times_s, self._truth.samples), dtype=np.float64)


class RenderedCohort:
    """Takes of as many people as wanted, always the same ones.

    ``size`` is width and height of a picture in pixels. ``n_sessions`` is how many sessions of each subject a fixture
    shall have at most; None stands for all that were published.
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
        """Subject number ``subject``, from 1 on, at rest or after exercise."""
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
    """Write ``(H, W, 3)`` frames with one of FFmpeg's encoders, the container by the file's name; how many there were.

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
