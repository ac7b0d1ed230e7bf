"""MAHNOB-HCI: 27 participants who watched 527 emotional films, with a colour video and an ECG of each.

```
Sessions/<id>/session.xml
Sessions/<id>/Part_<p>_S_Trial<t>_emotion.bdf
Sessions/<id>/P<p>-Rec1-YYYY.MM.DD.hh.mm.ss_C1 trigger _C_Section_<n>.avi
```
beside five monochrome views, sound and a table of gaze, which are not used. Soleymani, Lichtenauer, Pun & Pantic, A
multimodal database for affect recognition and implicit tagging, IEEE Trans. Affective Computing 3(1), 2012. The list of
sessions and its formula, and the frames 306 to 2135 that the field scores (Li, Chen, Zhao & Pietikainen, CVPR 2014),
are from the metadata and the documentation that Idiap published with its package bob.db.hci_tagging.

- The colour video is the track of type Video with ``color="1"``, not a pattern of names: its own has two spaces.
- The rate of the video is ``vidRate`` of ``session.xml``, also for the times of its frames.
- The ECG is EXG2, upper left of the chest (Yu et al., ICCV 2019), with EXG1 and EXG3 beside it. Channels are found by
  name.
- Physiology begins before the video. The video lasts from the first to the last sample at which the trigger port of
  the Status channel is not at rest; when its frames at ``vidRate`` last more than 1 s longer or shorter than that, the
  recording carries a doubt with both lengths, which flags its windows and excludes none: pyVHR's authors found them to
  agree in 36 of the 527 sessions alone, and public loaders disagree on this synchronisation. To be checked against a
  real copy.

Neutral and tagging sessions are published too and left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.contracts import Absent, GroundTruth, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, MediaError
from rppgbench.media.container import open_container
from rppgbench_datasets import bdf
from rppgbench_datasets.layout import extra, listed, optional_reader
from rppgbench_datasets.mahnob_fixture import write_fixture
from rppgbench_datasets.mahnob_sessions import (
    PART,
    PARTICIPANTS,
    SessionFile,
    Stimulus,
    other_ids,
    read_session,
    stimuli,
)
from rppgbench_datasets.presence import Unusable, absent, demand_root

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

__all__ = ["MahnobHci", "write_fixture"]

_LEAD, _OTHER_LEADS = "EXG2", ("EXG1", "EXG3")
_SYNCHRONY_S = 1.0
_RATE_TOLERANCE = 0.01
_TAGS = {
    "mediaFile": "stimulus",
    "feltEmo": "felt_emotion",
    "feltArsl": "felt_arousal",
    "feltVlnc": "felt_valence",
}


class MahnobHci:
    """Recordings in ``root/Sessions``, or in ``root`` itself."""

    def __init__(self, root: Path) -> None:
        demand_root(root, _holds, "Sessions/<id>/session.xml of a stimulus session (ids 2, 4, ... to 3810)")
        self._sessions = root if _holds_sessions(root) else root / "Sessions"
        optional_reader("pyedflib")  # now, not after a day of encoding

    def recordings(self) -> Sequence[Recording]:
        return [record for record in self._records if isinstance(record, Recording)]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        path, fps_hz = recording.truth_files[0], recording.fps_hz
        signals = bdf.read(path, [_LEAD], optional=_OTHER_LEADS)
        events = signals.events()
        if not len(events):
            raise DatasetUnavailable(
                f"{path}: its Status channel has no event, expected some at start and end of the video",
                hint="without them the video's place in the physiology is unknown: leave the session out",
            )
        span_s = float(events[-1] + 1 - events[0]) / signals.rate_hz
        doubts = ["Status is not at rest where the physiology begins"] if events[0] == 0 else []
        n_frames, more = _announced(recording)
        if n_frames and abs(n_frames / fps_hz - span_s) > _SYNCHRONY_S:
            more.append(
                f"{n_frames} frames at {fps_hz:g} Hz last {n_frames / fps_hz:.2f} s, "
                f"and {span_s:.2f} s from first to last event of Status"
            )
        N = len(signals.triggers)
        return GroundTruth(
            samples=signals.channels[_LEAD],
            times_s=(np.arange(N) - events[0]) / signals.rate_hz - PART[0] / fps_hz,
            kind="ecg",
            leads={name: signals.channels[name] for name in _OTHER_LEADS if name in signals.channels},
            # No video_s: what Status spans may be more than the video, and an offset is no drift of a clock.
            doubts=(*doubts, *more),
        )

    def frame_times_s(self, recording: Recording) -> FloatArray:
        first, end = PART
        return np.arange(end - first) / recording.fps_hz

    def inventory(self) -> Inventory:
        others = other_ids()
        stimulus_ids = {stimulus.id for stimulus in stimuli()}
        here = {entry.name for entry in listed(self._sessions) if entry.is_dir()}
        return Inventory(
            subjects=tuple(f"P{participant}" for participant in PARTICIPANTS),
            n_recordings=len(stimulus_ids),
            absent=tuple(record for record in self._records if isinstance(record, Absent)),
            extra=extra(self._sessions, lambda path: path.is_dir() and path.name in others | stimulus_ids),
            notes=(
                "participants 12, 15 and 26 have no stimulus session, 3, 9 and 16 have 17, 14 and 16 of them, "
                "all others 20",
                f"{len(here & others)} of the 2963 neutral and tagging sessions are here: not used",
            ),
        )

    @cached_property
    def _records(self) -> list[Recording | Absent]:
        return [self._record(stimulus) for stimulus in stimuli()]

    def _record(self, stimulus: Stimulus) -> Recording | Absent:
        try:
            session = read_session(self._sessions / stimulus.id, stimulus)
        except Unusable as error:
            return absent(stimulus.id, stimulus.subject, error)
        return _recording(stimulus, session)


def _holds(root: Path) -> bool:
    return _holds_sessions(root) or _holds_sessions(root / "Sessions")


def _holds_sessions(folder: Path) -> bool:
    return folder.is_dir() and any((folder / stimulus.id / "session.xml").is_file() for stimulus in stimuli())


def _recording(stimulus: Stimulus, session: SessionFile) -> Recording:
    first, end = PART
    tags = {tag: session.attributes[name] for name, tag in _TAGS.items() if session.attributes.get(name)}
    return Recording(
        id=stimulus.id,
        subject=stimulus.subject,
        session=f"trial{stimulus.trial}",
        fps_hz=session.video_hz,
        duration_s=(end - first) / session.video_hz,
        path=session.video,
        part=PART,
        source="lossy",
        source_details="H.264 at about 4.2 Mb/s, 780x580, by the camera's recorder",
        truth_files=(session.bdf, session.path),
        clock_files=(session.path,),
        tags=tags,
    )


def _announced(recording: Recording) -> tuple[int, list[str]]:
    """Number of frames by the video's header, 0 where it has none, and doubts about the header."""
    if recording.path is None:
        return 0, []
    try:
        with open_container(recording.path) as (_, stream):
            n_frames, rate_hz = stream.frames, float(stream.average_rate or 0)
    except MediaError as error:
        return 0, [f"the video's length cannot be held against Status: {error.message}"]
    doubts = [] if n_frames else ["the video's header does not say how many frames it has: Status is not checked"]
    if rate_hz and abs(rate_hz / recording.fps_hz - 1) > _RATE_TOLERANCE:
        doubts.append(f"the video's header says {rate_hz:g} frames a second, session.xml {recording.fps_hz:g}")
    return n_frames, doubts
