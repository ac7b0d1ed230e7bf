"""Fixture of SCAMPS with rendered faces.

``RawFrames`` holds the rendered frames, ``Xsub`` the square in their middle. The cohort has no masks of skin, which are
left out, and no breath, pose and action units, which are zeros.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording
from rppgbench_datasets.layout import optional_reader

_FPS_HZ = 30.0
_ZEROS = ("d_br", "d_pitch", "d_yaw", "d_rol", *(f"au{n}" for n in (2, 4, 7, 12, 15, 17, 18, 26, 27, 45)))
_USER_BLOCK = 512
_CHUNK_FRAMES = 16


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write ``P000001.mat`` and so on, one a subject."""
    rendered_by_id: dict[str, RenderedRecording] = {}
    for number in range(1, n_subjects + 1):
        rendered = cohort.take(number, fps_hz=_FPS_HZ, duration_s=duration_s, sensor="bvp")
        name = f"P{number:06d}"
        _write(root / f"{name}.mat", rendered)
        rendered_by_id[name] = rendered
    return rendered_by_id


def _write(path: Path, rendered: RenderedRecording) -> None:
    pictures = np.stack(list(rendered.frames()))
    T, H, W, _ = pictures.shape
    side = min(H, W)
    top, left = (H - side) // 2, (W - side) // 2
    signals = {"d_ppg": rendered.sensor(np.arange(T) / rendered.fps_hz), **{name: np.zeros(T) for name in _ZEROS}}
    with optional_reader("h5py").File(path, "w", userblock_size=_USER_BLOCK, libver="earliest") as file:
        for name, video in (("RawFrames", pictures), ("Xsub", pictures[:, top : top + side, left : left + side])):
            stored = np.ascontiguousarray(video.transpose(3, 2, 1, 0), dtype=np.float32) / np.float32(255)
            chunks = (1, *stored.shape[1:3], min(_CHUNK_FRAMES, T))
            made = file.create_dataset(name, data=stored, chunks=chunks, compression="gzip", compression_opts=1)
            made.attrs["MATLAB_class"] = np.bytes_("single")
        for name, samples in signals.items():
            file.create_dataset(name, data=samples).attrs["MATLAB_class"] = np.bytes_("double")
    _sign(path)


def _sign(path: Path) -> None:
    """Write MATLAB's user block before the HDF5: a text, the version 0x0200 and the byte order."""
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jun 06 00:00:00 2022 HDF5 schema 1.00 ."
    with path.open("r+b") as file:
        file.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")
