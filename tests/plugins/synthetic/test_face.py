"""Rendered people against a face detector trained on photographs."""

import itertools

import pytest
import skimage.data
import skimage.feature

from rppgbench_synthetic.synthetic_dataset import Synthetic


@pytest.fixture(scope="module")
def detector():
    return skimage.feature.Cascade(skimage.data.lbp_frontal_face_cascade_filename())


def test_the_detector_finds_every_kind_of_person(detector):
    dataset = Synthetic(subjects=12, recordings=("rest",), duration_s=1.0)
    found = 0
    for recording in dataset.recordings():
        frame = next(itertools.islice(dataset.frames(recording), 5, None))
        luma = frame @ [0.299, 0.587, 0.114]
        boxes = detector.detect_multi_scale(
            img=luma / 255, scale_factor=1.2, step_ratio=1, min_size=(80, 80), max_size=(200, 200)
        )
        # The middle of the face is within 5 % of a height of the picture's middle column.
        found += any(abs(box["c"] + box["width"] / 2 - 160) < 30 for box in boxes)
    assert found >= 11


def test_faces_differ_in_hair_beard_and_glasses():
    from rppgbench_synthetic.looks import looks_of

    dataset = Synthetic(subjects=40, recordings=("rest",), duration_s=1.0)
    looks = [looks_of(dataset._session(recording).subject) for recording in dataset.recordings()]
    assert {look.beard for look in looks} == {"none", "stubble", "full"}
    assert {look.glasses for look in looks} == {True, False}
    assert len({look.hair_cut for look in looks}) == 5
    assert all(0.005 <= look.pulse_share <= 0.016 for look in looks)
