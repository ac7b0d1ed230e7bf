"""Dataset ``synthetic``: recordings, contact sensor and frames."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rppgbench.contracts import GroundTruth, Recording
from rppgbench.errors import UnknownName, nearest
from rppgbench.media import lossless
from rppgbench_synthetic.camera import Camera, Mask, Shot
from rppgbench_synthetic.cohort import SubjectSession, subject_sessions
from rppgbench_synthetic.contact_recording import record
from rppgbench_synthetic.face import paint_face
from rppgbench_synthetic.light import simulate_light
from rppgbench_synthetic.looks import looks_of
from rppgbench_synthetic.motion import simulate_motion
from rppgbench_synthetic.physiology import Physiology, simulate
from rppgbench_synthetic.randomness import on_grid, stream
from rppgbench_synthetic.relief import HEAD_HALF_HEIGHT
from rppgbench_synthetic.rendering_params import SyntheticParams
from rppgbench_synthetic.scene import paint_room

Frame = NDArray[np.uint8]

# Half the head's height over the picture's, and texels a pixel.
_HEAD_SHARE = 0.31
_TEXELS_PER_PX = 1.25


class Synthetic:
    """Rendered faces by the fields of ``SyntheticParams``."""

    def __init__(self, **params: Any) -> None:
        self.params = SyntheticParams(**params)
        self._sessions = {session.id: session for session in subject_sessions(self.params)}

    def recordings(self) -> Sequence[Recording]:
        """Every session of every subject, in natural order, tagged with skin tone, motion and sensor."""
        return [
            Recording(
                id=session.id,
                subject=session.subject.id,
                session=session.name,
                fps_hz=self.params.fps_hz,
                duration_s=self._n_frames / self.params.fps_hz,
                source="rendered",
                frame_size=self.params.size,
                tags={"skin_tone": session.subject.skin_tone, "motion": session.motion, "truth": session.truth},
            )
            for session in self._sessions.values()
        ]

    def ground_truth(self, recording: Recording) -> GroundTruth:
        """An ECG or a finger's pulse with noise and a clock start of its own, and the exact R-peaks."""
        session = self._session(recording)
        rng = self._stream(session, "sensor")
        own_start = bool(rng.random_sample() < 0.5)
        return record(self.body(recording), session.truth, self.params.duration_s, rng, own_start=own_start)

    def render(self, recording: Recording, target: Path) -> None:
        """Write the recording as lossless RGB, the same bytes on every run and machine."""
        lossless.write_lossless(
            (np.moveaxis(planes, 0, -1) for planes in self._camera(recording).frames()), target, self.params.fps_hz
        )

    def container(self) -> str:
        """Suffix of files written by ``render``."""
        return lossless.CONTAINER

    def frames(self, recording: Recording) -> Iterator[Frame]:
        """(H, W, 3) R, G, B of each frame."""
        for planes in self._camera(recording).frames():
            yield np.ascontiguousarray(np.moveaxis(planes, 0, -1))

    def frames_with_masks(self, recording: Recording) -> Iterator[tuple[Frame, Mask]]:
        """Each frame with its mask (H, W) of living skin."""
        for planes, mask in self._camera(recording).frames_with_masks():
            yield np.ascontiguousarray(np.moveaxis(planes, 0, -1)), mask

    def body(self, recording: Recording) -> Physiology:
        """Physiology behind the ground truth: beats, breath and blood volume."""
        session = self._session(recording)
        return simulate(self.params.seed, session.subject.id, session.name, session.hr_bpm, self.params.duration_s)

    @functools.cached_property
    def _n_frames(self) -> int:
        return max(1, int(np.rint(self.params.duration_s * self.params.fps_hz)))

    def _camera(self, recording: Recording) -> Camera:
        session, params = self._session(recording), self.params
        width, height = params.size
        times_s = np.arange(self._n_frames) / params.fps_hz
        body = self.body(recording)
        rng = self._stream(session, "picture")
        unit_px = _HEAD_SHARE * height / HEAD_HALF_HEIGHT
        middle = (
            round(width / 2 + height * rng.uniform(-0.05, 0.05)),
            round(height * (0.46 + rng.uniform(-0.015, 0.015))),
        )
        # The camera's square root halves relative changes.
        strength = 2.0 * looks_of(session.subject).pulse_share
        shot = Shot(
            face=paint_face(session.subject, float(np.rint(_TEXELS_PER_PX * unit_px))),
            room=paint_room(rng, width, height, (*middle, _HEAD_SHARE * height)),
            motion=simulate_motion(rng, session.motion, body, times_s, params.fps_hz),
            light=simulate_light(rng, self._n_frames, params.fps_hz),
            pulse=on_grid(strength * body.face_pulse(times_s), 24),
            middle=middle,
            unit_px=unit_px,
            noise_levels=rng.uniform(1.2, 1.8),
        )
        return Camera(shot, rng)

    def _session(self, recording: Recording) -> SubjectSession:
        session = self._sessions.get(recording.id)
        if session is None:
            message = f"synthetic: no recording {recording.id!r} among {len(self._sessions)}"
            raise UnknownName(message, hint=nearest(recording.id, self._sessions))
        return session

    def _stream(self, session: SubjectSession, purpose: str) -> np.random.RandomState:
        return stream(self.params.seed, session.subject.id, session.name, purpose)
