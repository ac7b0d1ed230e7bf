"""The evaluator of the face cascade, against scikit-image's own on the same trained file."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from skimage.feature import Cascade

from rppgbench.media.cascade import frontal_face
from rppgbench.registry import load_registry


@pytest.fixture(scope="module")
def faces() -> list[np.ndarray]:
    """Luma of the first frame of eight rendered subjects, two of them of the darkest skin tones."""
    dataset = load_registry().create("dataset", "synthetic", {"subjects": 8, "recordings": ["rest"], "duration_s": 8})
    pictures = []
    for recording in dataset.recordings():
        rgb = next(iter(dataset.frames(recording)))
        pictures.append(np.rint(rgb @ [0.299, 0.587, 0.114]).astype(np.uint8))
    return pictures


def test_finds_what_scikit_image_finds(faces: list[np.ndarray]) -> None:
    peer = Cascade(skimage.data.lbp_frontal_face_cascade_filename())
    for luma in faces:
        boxes, votes = frontal_face().detect(luma, 80)
        found = peer.detect_multi_scale(luma, scale_factor=1.1, step_ratio=1, min_size=(80, 80), max_size=(240, 240))
        assert found
        best = max(found, key=lambda face: face["width"])
        size = best["width"]
        centre = np.array([best["c"] + size / 2, best["r"] + size / 2])
        assert votes[0] >= 3
        assert abs(boxes[0, 2] - size) < 0.15 * size
        assert np.abs(boxes[0, :2] + boxes[0, 2:] / 2 - centre).max() < 0.1 * size


def test_nothing_in_noise_nor_in_a_flat_picture() -> None:
    noise = np.random.RandomState(0).randint(0, 256, (240, 320)).astype(np.uint8)
    _, votes = frontal_face().detect(noise, 80)
    assert (votes < 3).all()
    boxes, _ = frontal_face().detect(np.full((240, 320), 128, np.uint8), 80)
    assert boxes.shape[1:] == (4,)


def test_a_picture_smaller_than_a_window_has_no_face() -> None:
    boxes, votes = frontal_face().detect(np.zeros((20, 20), np.uint8), 80)
    assert boxes.shape == (0, 4) and votes.shape == (0,)


def test_the_file_is_read_in_full() -> None:
    cascade = frontal_face()
    # The header of the trained file says so: 20 stages for windows of 24 pixels.
    assert cascade.side == 24
    assert len(cascade.stages) == 20
    assert all(stage.votes.shape == (len(stage.cells), 256) for stage in cascade.stages)
