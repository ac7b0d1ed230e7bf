"""Fixture of MAHNOB-HCI with rendered faces.

Each session has the files that scoring needs: ``session.xml``, the BDF with all 48 channels and the colour video. The
five monochrome views, the sound and the gaze table are named in the XML or left out. Frames have the cohort's size, and
physiology runs 1 s before and after the video in place of 30 s.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import islice
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording, write_video
from rppgbench_datasets import bdf
from rppgbench_datasets.mahnob_sessions import PART, PARTICIPANTS, Stimulus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import ByteArray, FloatArray

FPS_HZ = 61
_ECG_HZ = 256
# About 2 Mb/s. At the bits per pixel of the real videos (crf 18 here) a face of so few pixels loses its pulse: the
# error of POS over 15 recordings grew from 0.2 to 4.4 bpm.
_CRF = "8"
_LEAD_IN = 253.4  # ECG samples before the first frame, which falls between two of them

_EEG = [
    *("Fp1", "AF3", "F7", "F3", "FC1", "FC5", "T7", "C3", "CP1", "CP5", "P7", "P3", "Pz", "PO3", "O1", "Oz"),
    *("O2", "PO4", "P4", "P8", "CP6", "CP2", "C4", "T8", "FC6", "FC2", "F4", "F8", "AF4", "Fp2", "Fz", "Cz"),
]
_OTHERS = [*(f"EXG{n}" for n in range(1, 9)), "GSR1", "GSR2", "Erg1", "Erg2", "Resp", "Plet", "Temp"]
# Gain in uV per mV of the rendered ECG, and the offset of an electrode that is coupled without a high-pass.
_LEADS = {"EXG1": (500.0, -11_400.0), "EXG2": (900.0, -6_200.0), "EXG3": (700.0, 4_100.0)}
_NOISE_UV = 4.0

# Bits of Status: the amplifier's own are always there, see bdf.py.
_CM_IN_RANGE, _MODEL_2, _EPOCH = 1 << 20, -(1 << 23), 1 << 16
_START_CODE, _END_CODE, _PULSE = 16, 32, 26


@dataclass(frozen=True)
class _Part(RenderedRecording):
    """The part of a rendered recording from its frame ``first`` on."""

    first: int = 0

    def frames(self) -> Iterator[ByteArray]:
        return islice(super().frames(), self.first, self.first + self.n_frames)

    def sensor(self, times_s: FloatArray) -> FloatArray:
        return super().sensor(times_s + self.first / self.fps_hz)


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write a session of each of the first ``n_subjects`` participants, and a second one of the first, after exercise.

    The recordings returned are of the frames 306 to 2135, so a video lasts 35.1 s at least.
    """
    rendered_by_id: dict[str, RenderedRecording] = {}
    for number, participant in enumerate(PARTICIPANTS[:n_subjects], start=1):
        for trial in (1, 2) if number == 1 else (1,):
            stimulus = Stimulus(participant, trial)
            whole = cohort.take(
                number,
                "rest" if trial == 1 else "exercise",
                fps_hz=FPS_HZ,
                duration_s=max(duration_s, PART[1] / FPS_HZ),
                sensor="ecg",
            )
            _write_session(root / "Sessions" / stimulus.id, stimulus, whole)
            rendered_by_id[stimulus.id] = _part(whole)
    return rendered_by_id


def _part(whole: RenderedRecording) -> RenderedRecording:
    first, end = PART
    settings = {field.name: getattr(whole, field.name) for field in fields(whole)}
    settings |= {"duration_s": (end - first) / FPS_HZ, "beats_s": whole.beats_s - first / FPS_HZ}
    return _Part(**settings, first=first)


def _write_session(folder: Path, stimulus: Stimulus, rendered: RenderedRecording) -> None:
    folder.mkdir(parents=True)
    stamp = f"2009.07.{stimulus.participant:02d}.{9 + stimulus.trial:02d}.53.46"
    view = f"P{stimulus.participant}-Rec1-{stamp}_{{}}_Section_{stimulus.section}.avi"
    colour = view.format("C1 trigger _C")
    write_video(
        rendered.frames(),
        folder / colour,
        FPS_HZ,
        encoder="libx264",
        pix_fmt="yuv420p",
        options={"preset": "ultrafast", "crf": _CRF},
    )
    _write_physiology(folder / stimulus.bdf_name, rendered, seed=int(stimulus.id))
    _write_xml(folder / "session.xml", stimulus, rendered, [colour, *(view.format(f"BW{n}") for n in range(1, 6))])


def _write_physiology(path: Path, rendered: RenderedRecording, seed: int) -> None:
    video = rendered.n_frames / FPS_HZ * _ECG_HZ
    N = int(_LEAD_IN + video + _ECG_HZ) // _ECG_HZ * _ECG_HZ  # whole records
    ecg_mv = rendered.sensor((np.arange(N) - _LEAD_IN) / _ECG_HZ)
    rng = np.random.default_rng(seed)
    channels = {name: np.zeros(N) for name in (*_EEG, *_OTHERS)}
    for name, (gain, offset) in _LEADS.items():
        channels[name] = gain * ecg_mv + offset + rng.normal(0.0, _NOISE_UV, N)
    bdf.write(path, channels, _status(N, ceil(_LEAD_IN), ceil(_LEAD_IN + video)), _ECG_HZ)


def _status(n_samples: int, first: int, end: int) -> NDArray[np.int32]:
    """A pulse of the trigger port from the video's first sample on, another one up to its last."""
    status = np.full(n_samples, _MODEL_2 | _CM_IN_RANGE, dtype=np.int32)
    status[0] |= _EPOCH
    status[first : first + _PULSE] |= _START_CODE
    status[end - _PULSE : end] |= _END_CODE
    return status


def _write_xml(path: Path, stimulus: Stimulus, rendered: RenderedRecording, videos: list[str]) -> None:
    audio_hz = 48_000
    first = 30 * audio_hz
    session = ET.Element(
        "session",
        sessionId=stimulus.id,
        date=f"2009-07-{stimulus.participant:02d}",
        time=f"{9 + stimulus.trial:02d}:53:46",
        experimentType="emotion elicitation",
        isStim="1",
        feltEmo="4",
        feltArsl="5",
        feltVlnc="6",
        feltCtrl="5",
        feltPred="7",
        cutNr=str(stimulus.section),
        cutLenSec=f"{rendered.duration_s:.3f}",
        mediaFile=f"{50 + stimulus.trial}.avi",
        vidRate=f"{FPS_HZ:.4f}",
        vidBeginSmp=str(first),
        vidEndSmp=str(first + round(rendered.duration_s * audio_hz)),
        audRate=str(audio_hz),
        audBeginSmp="0",
        audEndSmp=str(2 * first + round(rendered.duration_s * audio_hz)),
    )
    ET.SubElement(session, "subject", id=str(stimulus.participant))
    for number, video in enumerate(videos):
        track = ET.SubElement(session, "track", type="Video", filename=video, color=str(int(number == 0)))
        if number == 0:
            ET.SubElement(track, "annotation", type="Gaze", filename=f"P{stimulus.participant}-Gaze.tsv")
    ET.SubElement(session, "track", type="Physiological", filename=stimulus.bdf_name)
    ET.ElementTree(session).write(path, encoding="UTF-8", xml_declaration=True)
