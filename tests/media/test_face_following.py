"""Traces of a moving face in one decode, against detection first and measurement after it."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from rppgbench.errors import NoFaceFound
from rppgbench.media import face_following
from rppgbench.media.face_detection import find_faces
from rppgbench.media.face_following import follow_face
from rppgbench.media.traces import measure_traces
from rppgbench.registry import load_registry

FPS = 30


@pytest.fixture(scope="module")
def still_frames() -> list[np.ndarray]:
    params = {"subjects": 2, "recordings": ["rest"], "duration_s": 8, "motions": ["still"]}
    dataset = load_registry().create("dataset", "synthetic", params)
    return list(dataset.frames(dataset.recordings()[1]))[: 5 * FPS]


def write(path: Path, pictures: list[np.ndarray]) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("utvideo", rate=FPS)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "gbrp"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_still_head_gives_what_a_fixed_box_gives(tmp_path: Path, still_frames: list[np.ndarray]) -> None:
    path = write(tmp_path / "still.avi", still_frames)
    traces, track = follow_face(path, margin=0.0)
    assert np.array_equal(track.boxes, find_faces(path).boxes)
    fixed = measure_traces(path, track.fixed(0.0))
    assert np.array_equal(traces.times_s, fixed.times_s)
    wander = (traces.skin - traces.skin.mean(0)) - (fixed.skin - fixed.skin.mean(0))
    # The boxes differ by a few pixels, so levels do, and wander slowly; but nothing jumps.
    assert np.abs(np.diff(wander, axis=0)).max() < 0.2
    assert np.corrcoef(traces.skin[:, 1], fixed.skin[:, 1])[0, 1] > 0.9


def test_little_memory_means_more_detections_and_the_same_frames(
    tmp_path: Path, still_frames: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "still.avi", still_frames[:40])
    monkeypatch.setattr(face_following, "_BUFFER_BYTES", 10 * 3 * 320 * 240)
    traces, track = follow_face(path)
    assert len(traces.times_s) == len(traces.skin) == 40
    assert np.isfinite(traces.skin).all()
    assert 3 <= len(track.times_s) <= 5


def test_while_the_face_is_away_there_is_no_colour(tmp_path: Path, still_frames: list[np.ndarray]) -> None:
    wall = [np.full((240, 320, 3), 90, np.uint8)] * (6 * FPS)
    path = write(tmp_path / "away.avi", still_frames[: 2 * FPS] + wall + still_frames[: 2 * FPS])
    traces, track = follow_face(path)
    finite = np.isfinite(traces.skin[:, 0])
    assert track.found_share == pytest.approx(0.4)
    assert finite[: 2 * FPS].all() and finite[9 * FPS :].all()
    assert not finite[round(4.5 * FPS) : 8 * FPS].any()


def test_no_face_at_all_is_an_error_with_a_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "wall.avi", [np.full((240, 320, 3), 90, np.uint8)] * 60)
    with pytest.raises(NoFaceFound) as caught:
        follow_face(path)
    assert caught.value.frame_png is not None
