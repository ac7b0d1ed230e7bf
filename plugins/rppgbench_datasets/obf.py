"""OBF, Oulu Bio-Face (Li et al., FG 2018): 100 adults for five minutes at rest and five after exercise.

RGB at 1920 x 1080 and 60 frames a second, in MPEG-4 of about 20 Mb/s, with ECG, BVP and respiration. How its files are
called is published nowhere, and no public code reads it: a copy is described by a table ``manifest.csv`` in its folder,
with the columns of `rppgbench_datasets.own_recordings`. Its content as described here is from the literature,
to be checked against a real copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench_datasets.own_recordings import ManifestDataset

if TYPE_CHECKING:
    from rppgbench.testing.rendered_cohort import RenderedCohort, RenderedRecording, Session

SESSIONS: tuple[Session, ...] = ("rest", "exercise")
N_SUBJECTS = 100
DURATION_S = 300.0
FPS_HZ = 60.0
_SLACK_S = 10.0
_SENSOR_HZ = 256.0
# The recordings have 0.161 (20 Mb/s at 1080p60); the fixture's small pictures need more for the same quality.
_BITS_PER_PIXEL = 1.0


class Obf(ManifestDataset):
    """A copy of OBF as ``root/manifest.csv`` describes it."""

    def notes(self) -> Iterator[str]:
        """The manifest's notes, and differences of the table from the published dataset."""
        yield from super().notes()
        sessions = Counter(row.subject for row in self._rows.values())
        n_rows, n_published = sessions.total(), N_SUBJECTS * len(SESSIONS)
        if n_rows != n_published or len(sessions) != N_SUBJECTS:
            yield (
                f"the table lists {n_rows} recordings of {len(sessions)} subjects; published are {n_published} of "
                f"{N_SUBJECTS}, by names that are not known; which ones are missing cannot be said"
            )
        odd = [f"{subject} ({count})" for subject, count in sessions.items() if count != len(SESSIONS)]
        if odd:
            yield f"each subject has {len(SESSIONS)} recordings as published; in the table not so: {', '.join(odd)}"
        others = [one for one in self.recordings() if abs(one.duration_s - DURATION_S) > _SLACK_S]
        if others:
            yield (
                f"a recording lasts {DURATION_S:g} s as published; {len(others)} of these last longer or shorter, "
                f"such as {others[0].id} ({others[0].duration_s:.1f} s)"
            )


def write_fixture(
    root: Path, cohort: RenderedCohort, n_subjects: int, duration_s: float
) -> dict[str, RenderedRecording]:
    """Write rendered subjects at rest and after exercise, with ECG, BVP and respiration in one table a recording."""
    from rppgbench.testing.rendered_cohort import write_video
    from rppgbench_datasets.manifest_fixture import HEADER, write_table
    from rppgbench_datasets.manifest_table import MANIFEST

    (root / "videos").mkdir(parents=True, exist_ok=True)
    (root / "signals").mkdir(exist_ok=True)
    rendered_by_id: dict[str, RenderedRecording] = {}
    rows = []
    for subject in range(1, n_subjects + 1):
        for session in SESSIONS[: cohort.n_sessions]:
            name = f"{subject:03d}_{session}"
            rendered = cohort.take(subject, session, fps_hz=FPS_HZ, duration_s=duration_s, sensor="ecg")
            pulse = cohort.take(subject, session, fps_hz=FPS_HZ, duration_s=duration_s, sensor="bvp")
            video, truth = f"videos/{name}.avi", f"signals/{name}.csv"
            first = next(frames := rendered.frames())
            write_video(
                chain([first], frames),
                root / video,
                FPS_HZ,
                encoder="mpeg4",
                pix_fmt="yuv420p",
                bitrate_bps=_BITS_PER_PIXEL * FPS_HZ * first.shape[0] * first.shape[1],
            )
            _write_signals(root / truth, rendered, pulse)
            described = {"video": video, "fps_hz": 60, "truth": truth, "column": "ecg", "time_column": "time_s"}
            rows.append({"subject": f"{subject:03d}", "session": session, **described, "kind": "ecg"})
            rendered_by_id[f"{subject:03d}-{session}"] = rendered
    write_table(root / MANIFEST, HEADER, rows)
    return rendered_by_id


def _write_signals(path: Path, rendered: RenderedRecording, pulse: RenderedRecording) -> None:
    times_s = np.arange(round(rendered.duration_s * _SENSOR_HZ)) / _SENSOR_HZ
    # Breathing modulates the intervals between beats: they stand in for a respiration belt.
    respiration = np.interp(times_s, rendered.beats_s[1:], np.diff(rendered.beats_s))
    table = np.column_stack([times_s, rendered.sensor(times_s), pulse.sensor(times_s), respiration])
    np.savetxt(path, table, fmt="%.6f", delimiter=",", header="time_s,ecg,bvp,respiration", comments="")
