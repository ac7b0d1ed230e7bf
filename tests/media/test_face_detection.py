"""Face tracks, and boxes that stand still until the head moves."""

from __future__ import annotations

import math
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from rppgbench.errors import NoFaceFound, UnknownName
from rppgbench.media.face_detection import (
    WHOLE_FRAME,
    Box,
    FaceTrack,
    detect_lbp_frontal,
    find_faces,
    whole_frame,
)
from rppgbench.media.steady import SteadyBox
from rppgbench.registry import load_registry


@pytest.fixture(scope="module")
def face_rgb() -> np.ndarray:
    dataset = load_registry().create("dataset", "synthetic", {"subjects": 2, "recordings": ["rest"], "duration_s": 8})
    return np.asarray(next(iter(dataset.frames(dataset.recordings()[0]))))


def write(path: Path, pictures: list[np.ndarray], fps: int) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def luma_of(rgb: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))


def track(boxes: list[list[float] | None], every_s: float = 1.0) -> FaceTrack:
    rows = [[math.nan] * 4 if box is None else box for box in boxes]
    return FaceTrack(np.arange(len(rows)) * every_s, np.array(rows), 320, 240, "lbp_frontal")


def test_the_same_face_is_found_at_any_size_and_in_portrait(face_rgb: np.ndarray) -> None:
    small = detect_lbp_frontal(luma_of(face_rgb), None)
    assert small is not None
    large = detect_lbp_frontal(luma_of(cv2.resize(face_rgb, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)), None)
    assert large is not None
    assert large.width == pytest.approx(3 * small.width, rel=0.1)
    assert math.dist(large.center, (3 * small.center[0], 3 * small.center[1])) < 0.1 * large.width
    portrait = cv2.copyMakeBorder(face_rgb[:, 60:260], 150, 200, 0, 0, cv2.BORDER_CONSTANT, value=(90, 90, 90))
    tall = detect_lbp_frontal(luma_of(portrait), None)
    assert tall is not None
    assert math.dist(tall.center, (small.center[0] - 60, small.center[1] + 150)) < 0.12 * small.width


def test_a_face_smaller_than_the_likely_ones_is_found_in_the_second_pass(face_rgb: np.ndarray) -> None:
    half = cv2.resize(face_rgb, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
    picture = np.full((240, 320, 3), 100, np.uint8)
    picture[100 : 100 + half.shape[0], 20 : 20 + half.shape[1]] = half
    found = detect_lbp_frontal(luma_of(picture), None)
    assert found is not None
    assert found.width < 80


def test_find_faces_looks_once_a_second(tmp_path: Path, face_rgb: np.ndarray) -> None:
    found = find_faces(write(tmp_path / "face.mkv", [face_rgb] * 31, 10))
    assert np.allclose(found.times_s, [0, 1, 2, 3])
    assert found.found_share == 1.0
    assert (found.width, found.height) == (320, 240)
    box = found.fixed(0.0)
    assert box.width == box.height == pytest.approx(np.median(found.boxes[:, 2]))
    wide = found.fixed(0.25)
    assert wide.width == pytest.approx(1.5 * box.width)
    assert wide.center == pytest.approx(box.center)


def test_no_face_is_an_error_that_holds_a_frame(tmp_path: Path) -> None:
    grey = np.full((120, 160, 3), 90, np.uint8)
    path = write(tmp_path / "wall.mkv", [grey] * 20, 10)
    with pytest.raises(NoFaceFound, match=r"wall\.mkv.*no face in any of 2 sampled frames") as caught:
        find_faces(path)
    assert caught.value.hint is not None and "--roi full" in caught.value.hint
    png = caught.value.frame_png
    assert png is not None
    shown = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(shown, grey)


def test_an_unknown_detector_names_the_near_one(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="lbp_frontl") as caught:
        find_faces(tmp_path / "any.mkv", detector="lbp_frontl")
    assert caught.value.hint is not None and "lbp_frontal" in caught.value.hint


def test_json_keeps_a_track() -> None:
    before = track([[10, 20, 100, 100], None, [11.5, 20, 100, 101]])
    after = FaceTrack.from_json(before.to_json())
    assert np.array_equal(before.boxes, after.boxes, equal_nan=True)
    assert np.array_equal(before.times_s, after.times_s)
    assert (after.width, after.height, after.detector) == (320, 240, "lbp_frontal")


def test_fixed_ignores_one_wrong_detection_and_refuses_an_empty_track() -> None:
    box = track([[100, 50, 80, 80], [101, 50, 80, 80], [250, 0, 40, 40], None, [99, 50, 80, 80]]).fixed(0.0)
    # The median of an even number of values is the mean of the middle two: centres 139, 140, 141, 270.
    assert box == Box(100.5, 50.0, 80.0, 80.0)
    with pytest.raises(NoFaceFound):
        track([None, None]).fixed(0.1)


def test_whole_frame_is_the_frame(tmp_path: Path) -> None:
    path = write(tmp_path / "skin.mkv", [np.full((60, 100, 3), 90, np.uint8)] * 10, 10)
    assert whole_frame(path).detector == WHOLE_FRAME
    assert whole_frame(path).fixed(0.0) == Box(0.0, 0.0, 100.0, 60.0)


def test_a_shaking_detector_does_not_shake_the_box() -> None:
    rng = np.random.RandomState(1)
    corners, sides = rng.uniform([97, 57], [103, 63], (60, 2)), 120 * rng.uniform(0.97, 1.03, 60)
    path = track([[x, y, side, side] for (x, y), side in zip(corners, sides, strict=True)])
    boxes = {path.at(t) for t in np.arange(0, 59, 0.1)}
    assert len(boxes) == 1


def test_the_box_follows_a_head_without_jumps_and_gets_there() -> None:
    moved = [[100.0, 60.0, 100.0, 100.0]] * 5 + [[160.0, 60.0, 100.0, 100.0]] * 8
    path = track(moved)
    x = [box.x for box in (path.at(t) for t in np.arange(0, 12, 1 / 30)) if box is not None]
    assert len(x) == 360
    # 60 pixels in the second between two detections: 2 a frame.
    assert np.abs(np.diff(x)).max() <= 60 / 30 + 1e-9
    assert x[0] == 100 and x[-1] == 160


def test_one_wrong_detection_does_not_move_the_box() -> None:
    boxes = [[100.0, 60.0, 100.0, 100.0]] * 10
    boxes[5] = [10.0, 10.0, 60.0, 60.0]
    path = track(boxes)
    assert {path.at(t) for t in np.arange(0, 9, 0.25)} == {Box(100.0, 60.0, 100.0, 100.0)}


def test_a_lost_face_is_held_for_two_seconds_and_then_none() -> None:
    path = track([[100.0, 60.0, 100.0, 100.0]] + [None] * 6 + [[90.0, 60.0, 100.0, 100.0]] * 2)
    assert path.at(1.9) == Box(100.0, 60.0, 100.0, 100.0)
    assert path.at(3.5) is None
    assert path.at(6.5) is None  # on the way to a box that is not there yet
    assert path.at(7.5) == Box(90.0, 60.0, 100.0, 100.0)


def test_steady_box_without_any_detection_is_none() -> None:
    assert SteadyBox().step(0.0, None) is None
