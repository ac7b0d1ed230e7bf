"""About how many bytes of disk each stage's artefact takes, meant to be a little above what comes: bounds are made of
them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rppgbench.contracts import Recording

# A folder, a manifest and the last block of a file, 4 KiB each; and the last block of each further file.
FOLDER, FILE = 12_300.0, 4_100.0
# A line of the manifest for each thing that an artefact was made from.
INPUT = 100.0
GUESSED_FRAME = (640, 480)  # where the dataset does not say it


def lossless(recording: Recording, params: object) -> float:
    """Of a video without loss; the dataset's ``params`` may say how large its frames are."""
    width, height = getattr(params, "size", GUESSED_FRAME)
    return float(FOLDER + 1.75 * _n_frames(recording) * width * height)


def encoded(recording: Recording, nominal_bps: float | None) -> float:
    """Encoders are let off 5 %, and the file has an index."""
    return FOLDER + 1.12 * recording.duration_s * (nominal_bps or 8e6) / 8


def truth(recording: Recording) -> float:
    """A sensor at 500 Hz, or two at 250."""
    return FOLDER + 8e3 * recording.duration_s


def clock(recording: Recording) -> float:
    return FOLDER + 8 * _n_frames(recording)


def boxes(recording: Recording, every_s: float) -> float:
    return FOLDER + 200 * recording.duration_s / every_s


def traces(recording: Recording) -> float:
    """Nine numbers a frame."""
    return FOLDER + 72 * _n_frames(recording)


def crops(recording: Recording, fps_hz: float, size: tuple[int, int]) -> float:
    return FOLDER + 3 * size[0] * size[1] * (recording.duration_s * fps_hz + 1)


def label(recording: Recording, fps_hz: float, n_windows: int) -> float:
    return FOLDER + FILE + 4 * recording.duration_s * fps_hz + 500 * n_windows


def quality(n_windows: int) -> float:
    return FOLDER + 1e3 * n_windows


def waves(recording: Recording, fps_hz: float, n_windows: int, *, enhanced: bool) -> float:
    """Of what was predicted; of enhanced clips their measures too, which come by the frame."""
    n_samples = recording.duration_s * fps_hz
    return FOLDER + 4 * n_samples + (FILE + 28 * n_samples + 500 * n_windows if enhanced else 0.0)


def score(n_windows: int) -> float:
    return FOLDER + FILE + 1.5e3 * n_windows


def fitted(settings: Mapping[str, Any], n_inputs: int) -> float:
    """Weights and curve of a fit by gradients: of networks of size small, or as large as the largest of a paper.

    A network is not built before it is trained, so nothing better is known of it.
    """
    part = "method" if settings["part"] == "method" else "enhancer"
    if settings[part]["params"].get("size") in (None, "small"):
        weights = 1e6
    else:
        weights = 4e6 if part == "method" else 2e8
    return FOLDER + FILE + INPUT * n_inputs + weights


def _n_frames(recording: Recording) -> float:
    return recording.duration_s * recording.fps_hz
