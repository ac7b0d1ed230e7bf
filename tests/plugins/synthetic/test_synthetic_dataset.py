"""The dataset through its contract."""

import numpy as np
import pytest
from pydantic import ValidationError

from rppgbench.contracts import Recording, RenderingDataset
from rppgbench.errors import UnknownName
from rppgbench_synthetic import rppgbench_datasets
from rppgbench_synthetic.rendering_params import SyntheticParams
from rppgbench_synthetic.synthetic_dataset import Synthetic


def test_the_spec_names_this_factory():
    (spec,) = rppgbench_datasets()
    assert (spec.name, spec.needs_files, spec.redistributable) == ("synthetic", False, True)
    assert spec.factory == f"{Synthetic.__module__}:{Synthetic.__qualname__}"
    assert all(field.description for field in spec.params.model_fields.values())


def test_it_renders(small):
    assert isinstance(small, RenderingDataset)
    assert all(recording.path is None and recording.source == "rendered" for recording in small.recordings())


def test_natural_order_is_the_order_of_names():
    recordings = Synthetic(subjects=120, recordings=("exercise", "rest"), duration_s=1.0).recordings()
    subjects = [recording.subject for recording in recordings]
    assert len(recordings) == 240
    assert subjects == sorted(subjects)
    assert (recordings[0].id, recordings[-1].id) == ("s001-exercise", "s120-rest")


def test_tags_say_who_and_how(small):
    tags = [recording.tags for recording in small.recordings()]
    assert [tag["skin_tone"] for tag in tags[::2]] == ["I", "II", "III", "IV", "V", "VI"]
    assert [tag["motion"] for tag in tags[:5]] == ["small", "still", "small", "talk", "small"]
    truths = [small.ground_truth(recording).kind for recording in small.recordings()]
    assert truths == [tag["truth"] for tag in tags]
    assert set(truths) == {"ecg", "bvp"}


def test_truth_covers_the_video(small):
    for recording in small.recordings():
        truth = small.ground_truth(recording)
        assert truth.times_s[0] <= -1.0
        assert truth.times_s[-1] >= recording.duration_s + 1.0
        assert truth.beats_s[0] < truth.times_s[0]
        assert truth.beats_s[-1] > truth.times_s[-1]


def test_some_sensors_start_on_their_own(small):
    starts = {float(small.ground_truth(recording).times_s[0]) for recording in small.recordings()}
    assert -1.0 in starts
    assert len(starts) > 3


def test_heart_rates_spread_so_that_the_mean_is_a_poor_guess():
    dataset = Synthetic(duration_s=1.0)
    rates = np.array([dataset.body(recording).hr_bpm for recording in dataset.recordings()])
    rest, exercise = rates[::2], rates[1::2]
    assert 50 <= rest.min() < 55
    assert 100 < rest.max() <= 105
    assert exercise.max() <= 140
    assert np.all(exercise > rest + 14)
    assert np.abs(rates - rates.mean()).mean() > 10


def test_a_subject_has_one_face(small):
    first, second, third = (next(small.frames(recording)) for recording in small.recordings()[:3])
    assert not np.array_equal(first, second)
    assert small._camera(small.recordings()[0])._shot.face is small._camera(small.recordings()[1])._shot.face
    assert first.shape == third.shape == (240, 320, 3)


def test_an_unknown_recording_is_named_with_the_nearest():
    recording = Recording(id="s1-rest", subject="s1", session="rest", fps_hz=30.0, duration_s=1.0)
    with pytest.raises(UnknownName, match=r"'s1-rest'(.|\n)*did you mean 's\d+-rest'"):
        Synthetic(duration_s=1.0).ground_truth(recording)


@pytest.mark.parametrize(
    "wrong",
    [
        {"subjects": 0},
        {"size": (240, 320)},
        {"size": (321, 240)},
        {"recordings": ("rest", "rest")},
        {"motion": "still"},
    ],
)
def test_wrong_params_are_refused(wrong):
    with pytest.raises(ValidationError):
        SyntheticParams(**wrong)


def test_other_sizes_and_rates():
    dataset = Synthetic(subjects=1, duration_s=0.2, fps_hz=60.0, size=(640, 480))
    frames = list(dataset.frames(dataset.recordings()[0]))
    assert len(frames) == 12
    assert frames[0].shape == (480, 640, 3)
