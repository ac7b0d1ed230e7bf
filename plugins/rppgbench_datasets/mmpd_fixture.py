"""Fixture of MMPD: all twenty sessions of each subject."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from scipy.io import savemat

from rppgbench_datasets.excerpt import excerpts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray, FloatArray
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording

Activity = tuple[str, Literal["rest", "exercise"], Literal["still", "small", "talk", "large"]]

# The colour of each light, and below each session's number under it (meta_label.csv).
LIGHTS = {
    "LED-low": (0.62, 0.62, 0.64),
    "LED-high": (0.96, 0.96, 0.98),
    "Incandescent": (0.96, 0.84, 0.66),
    "Nature": (0.90, 0.94, 0.98),
}
ACTIVITIES: dict[Activity, tuple[int, int, int, int]] = {
    ("Stationary", "rest", "still"): (0, 4, 8, 16),
    ("Rotation", "rest", "small"): (1, 5, 9, 17),
    ("Talking", "rest", "talk"): (2, 6, 10, 18),
    ("Walking", "rest", "large"): (3, 7, 11, 19),
    ("Stationary (after exercise)", "exercise", "still"): (14, 13, 12, 15),
}
_MI_COMPRESSED = 15


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write subjects whose activities are one rendered recording each, cut into a session for each light."""
    rendered_by_id: dict[str, RenderedRecording] = {}
    for subject in range(1, n_subjects + 1):
        folder = root / f"subject{subject}"
        folder.mkdir(parents=True)
        n_sessions = cohort.n_sessions or len(ACTIVITIES) * len(LIGHTS)
        lights = dict(list(LIGHTS.items())[:n_sessions])
        activities = list(ACTIVITIES.items())[: -(-n_sessions // len(LIGHTS))]
        for (motion, session, level), places in activities:
            long = cohort.take(
                subject, session, fps_hz=30.0, duration_s=len(lights) * duration_s, sensor="bvp", motion=level
            )
            frames = long.frames()
            for (light, colour), place, rendered in zip(
                lights.items(), places, excerpts(long, len(lights)), strict=False
            ):
                pictures = np.stack([squashed(frame) for frame in islice(frames, rendered.n_frames)])
                write_mat(
                    folder / f"p{subject}_{place}.mat",
                    video=np.multiply(pictures, np.divide(colour, 255.0), dtype=np.float32),
                    ppg=rendered.sensor(np.arange(rendered.n_frames) / 30.0),
                    labels={
                        "light": light,
                        "motion": motion,
                        "exercise": str(session == "exercise"),
                        "skin_color": 3 + subject % 4,
                        "gender": "female" if subject % 2 else "male",
                        "glasser": "False",
                        "hair_cover": "False",
                        "makeup": "False",
                    },
                )
                rendered_by_id[f"p{subject}_{place}"] = rendered
    return dict(sorted(rendered_by_id.items(), key=lambda item: [int(part) for part in item[0][1:].split("_")]))


def squashed(frame: ByteArray) -> ByteArray:
    """The middle of a picture, cut to 16:9 and squeezed sideways into 4:3, as the owner did with the phone's."""
    import cv2

    H, W, _ = frame.shape
    height, width = min(H, W * 9 // 16), min(W, H * 16 // 9)
    # Faces are a little above the middle.
    top, left = (H - height) * 2 // 5, (W - width) // 2
    wide = np.ascontiguousarray(frame[top : top + height, left : left + width])
    return np.asarray(cv2.resize(wide, (width, width * 3 // 4), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def write_mat(path: Path, *, video: NDArray[np.float32], ppg: FloatArray, labels: Mapping[str, str | int]) -> None:
    """Write a file of the dataset, compressed as most of them are."""
    plain = io.BytesIO()
    savemat(cast("Any", plain), {"video": video, "GT_ppg": ppg[None], **labels})
    path.write_bytes(_compressed(plain.getbuffer()))


def _compressed(plain: memoryview) -> bytes:
    """A MATLAB file with its elements compressed at level 1, in a quarter of savemat's time."""
    parts, at = [bytes(plain[:128])], 128
    while at < len(plain):
        end = at + 8 + struct.unpack_from("<I", plain, at + 4)[0]
        packed = zlib.compress(plain[at:end], 1)
        parts += [struct.pack("<II", _MI_COMPRESSED, len(packed)), packed]
        at = end
    return b"".join(parts)
