"""Agreement of video header, frame times and contact sensor on a recording's duration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.datasets.audit_finding import AuditFinding
from rppgbench.evaluation.labels import CLOCK_S, CLOCK_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rppgbench.contracts import GroundTruth, Recording
    from rppgbench.datasets.video_check import VideoCheck

# Larger than any clock error: one of the two was cut off, or belongs to another recording.
CUT_SHARE = 0.05
# A sensor may start and stop up to this much after and before the video.
_EDGE_S, _EDGE_SHARE = 1.0, 0.02


def clocks_differ(one_s: float, other_s: float) -> bool:
    """Whether two durations differ by more than clock drift and rounding."""
    return abs(one_s - other_s) > max(CLOCK_S, CLOCK_SHARE * other_s)


def check_declared_clock(recording: Recording, video: VideoCheck) -> Iterator[AuditFinding]:
    """Findings on the declared duration and frame rate against those of the video."""
    path = recording.path or next(iter(recording.source_files), None)
    if clocks_differ(video.duration_s, recording.duration_s):
        yield AuditFinding(
            severity="trouble",
            check="length",
            found=f"lasts {video.duration_s:.2f} s ({video.n_frames} frames)",
            expected=f"{recording.duration_s:.2f} s, as the dataset says",
            remedy="is it the whole file? copy it again",
            recording=recording.id,
            path=path,
        )
    if abs(video.fps_hz / recording.fps_hz - 1) > CLOCK_SHARE:
        yield AuditFinding(
            severity="trouble",
            check="rate",
            found=f"has {video.fps_hz:.3f} frames/s",
            expected=f"{recording.fps_hz:.3f}, as the dataset says",
            remedy="was it converted? Use the file as it was published",
            recording=recording.id,
            path=path,
        )
    if video.times_s is not None and clocks_differ(video.container_s, video.duration_s):
        ratio = video.container_s / video.duration_s - 1
        yield AuditFinding(
            severity="trouble" if abs(ratio) > CUT_SHARE else "remark",
            check="clock",
            found=f"by its container the video lasts {video.container_s:.2f} s, by the dataset's frame times "
            f"{video.duration_s:.2f} s ({ratio:+.1%}); the frame times are used",
            remedy="is it the video as it was published, and the file of frame times that belongs to it?"
            if abs(ratio) > CUT_SHARE
            else "harmless if the container's rate is but a nominal one; else get both files as they were published",
            recording=recording.id,
            path=path,
        )


def check_sensor_clock(truth: GroundTruth, recording: Recording, duration_s: float) -> Iterator[AuditFinding]:
    """Findings on the contact sensor's clock and coverage against a video of ``duration_s``."""
    path = next(iter(recording.truth_files), recording.path)
    if truth.video_s is not None and clocks_differ(truth.video_s, duration_s):
        yield _disagreement(truth.video_s, duration_s, recording, effective=True)
        return
    start_s, end_s = float(truth.times_s[0]), float(truth.times_s[-1])
    slack_s = max(_EDGE_S, _EDGE_SHARE * duration_s) + float(np.median(np.diff(truth.times_s)))
    if start_s > slack_s or end_s < duration_s - slack_s:
        yield AuditFinding(
            severity="trouble",
            check="coverage",
            found=f"the contact sensor covers {start_s:.1f} s to {end_s:.1f} s; windows outside cannot be scored",
            expected=f"0 s to {duration_s:.1f} s, as the video",
            remedy="was the file cut off while it was copied, or is it that of another recording?",
            recording=recording.id,
            path=path,
        )
    surrounds = start_s < -_EDGE_S or recording.part[0] != 0 or truth.video_s is not None
    if end_s > duration_s + slack_s and not surrounds:
        yield _disagreement(end_s, duration_s, recording, effective=False)


def note_uncompared_clocks(videos_s: Sequence[float | None]) -> Iterator[str]:
    """A note on the recordings whose clocks of sensor and video could not be compared.

    ``videos_s`` are durations of the videos by the sensor's clock, None if the dataset does not give one.
    """
    unknown = sum(video_s is None for video_s in videos_s)
    if unknown:
        where = "" if unknown == len(videos_s) else f" in {unknown} of {len(videos_s)} recordings"
        yield (
            f"clocks of sensor and video were not compared{where}: the dataset does not say how long the video is by "
            "the sensor's clock"
        )


def _disagreement(sensor_s: float, duration_s: float, recording: Recording, *, effective: bool) -> AuditFinding:
    ratio = sensor_s / duration_s - 1
    video, label = recording.path or next(iter(recording.source_files), None), next(iter(recording.truth_files), None)
    if ratio > CUT_SHARE:
        found, path = "the video is shorter than its label", video
        remedy = "the video was cut off, or the label is that of another recording: get both again"
    elif ratio < -CUT_SHARE:
        found, path = "the label is shorter than its video", label
        remedy = "the label was cut off, or is that of another recording: get both again"
    else:
        found, path = "the sensor's clock drifts against the video's", label
        remedy = "was the video converted to another frame rate? Use both files as they were published"
    effect = "; no window of it is scored" if effective else ""
    return AuditFinding(
        severity="trouble",
        check="clock",
        found=f"{found}: {sensor_s:.2f} s by the sensor, {duration_s:.2f} s by the video ({ratio:+.1%}){effect}",
        expected=f"less than {CLOCK_SHARE:.0%} between them",
        remedy=remedy,
        recording=recording.id,
        path=path,
    )
