"""What a fit is shown: drawn by seed and number alone, mirrored as one, only where the pulse is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from rppgbench.errors import SignalError  # noqa: E402 - only if there is torch
from rppgbench.learning.clip_sampler import ClipSampler, TrainingRecording  # noqa: E402
from rppgbench.learning.recipe import Recipe  # noqa: E402

CPU = torch.device("cpu")
RECIPE = Recipe(iterations=1, batch=4)


def fields(batch):
    return {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}


def same(one, other) -> bool:
    pairs = zip(fields(one).values(), fields(other).values(), strict=True)
    return all(torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b for a, b in pairs)


def test_a_batch_is_a_function_of_seed_and_number_alone(material):
    one, other = material(seed=5), material(seed=5)
    for number in (2, 0, 1):  # whatever was drawn before
        other.draw(number, RECIPE, CPU)
    assert same(one.draw(7, RECIPE, CPU), other.draw(7, RECIPE, CPU))
    assert not same(one.draw(7, RECIPE, CPU), one.draw(8, RECIPE, CPU))
    assert not same(one.draw(7, RECIPE, CPU), material(seed=6).draw(7, RECIPE, CPU))


def test_a_batch_has_the_stated_shapes_and_ranges(material):
    batch = material().draw(0, RECIPE, CPU)
    assert batch.video.shape == batch.reference.shape == (4, 8, 4, 4, 3)
    assert batch.video.dtype == batch.reference.dtype == batch.wave.dtype == batch.skin.dtype == torch.float32
    assert batch.wave.shape == (4, 8)
    assert batch.skin.shape == (4, 8, 4, 4)
    assert batch.condition.dtype == torch.int64
    assert 0 <= batch.video.min() < batch.video.max() <= 1
    assert set(batch.skin.unique().tolist()) == {0.0, 1.0}
    assert batch.wave.mean(dim=1).abs().max() < 1e-6
    assert batch.wave.std(dim=1, correction=0).numpy() == pytest.approx(1, abs=1e-5)


def test_clips_are_of_the_condition_their_label_says(material, lectures):
    seen = set()
    for number in range(20):
        batch = material().draw(number, Recipe(iterations=1, batch=4, flip=False), CPU)
        for video, reference, label in zip(batch.video, batch.reference, batch.condition, strict=True):
            places = [
                (lecture, start) for lecture in lectures for start in range(33)
                if np.array_equal(lecture.reference[start : start + 8], (255 * reference).round().byte().numpy())
            ]  # fmt: skip
            ((lecture, start),) = places
            source = lecture.reference if label == 0 else lecture.clips["low"]
            assert np.array_equal(source[start : start + 8], (255 * video).round().byte().numpy())
            seen.add((lecture.recording, int(label)))
    assert seen == {(recording, label) for recording in "abc" for label in (0, 1)}


def ramp_lecture() -> TrainingRecording:
    """Every pixel's value says its column (and whose it is), so that a mirror image is known for one."""
    columns = np.broadcast_to(np.arange(4, dtype=np.uint8)[:, None], (20, 4, 4, 3))
    return TrainingRecording(
        recording="ramp", clips={"low": columns + np.uint8(100)}, reference=columns.copy(),
        wave=np.arange(20.0), skin=np.broadcast_to(np.arange(4) < 1, (20, 4, 4)),
    )  # fmt: skip


def test_mirrors_turn_video_reference_and_skin_alike():
    material = ClipSampler([ramp_lecture()], {"low": 1}, frames=8, fps_hz=30.0, seed=0)
    batch = material.draw(0, Recipe(iterations=1, batch=64), CPU)
    upright = torch.arange(4.0)
    mirrored = []
    for video, reference, skin in zip(batch.video, batch.reference, batch.skin, strict=True):
        row = (255 * reference[0, 0, :, 0]).round()
        flipped = bool(torch.equal(row, upright.flip(0)))
        assert flipped or torch.equal(row, upright)
        assert torch.equal((255 * video[0, 0, :, 0]).round(), row + 100)
        assert torch.equal(skin[0, 0], (row == 0).float())
        mirrored.append(flipped)
    assert 16 < sum(mirrored) < 48  # every other one, give or take four standard deviations
    still = material.draw(0, Recipe(iterations=1, batch=64, flip=False), CPU)
    assert torch.equal((255 * still.reference[:, 0, 0, :, 0]).round(), upright.expand(64, 4))


def test_learning_from_the_reference_alone_holds_it_once(material):
    batch = material(labels={"reference": 0}).draw(0, RECIPE, CPU)
    assert batch.video is batch.reference
    assert batch.condition.tolist() == [0] * 4
    assert material(labels={"low": 1}).draw(0, RECIPE, CPU).video is not batch.reference


def test_clips_start_where_the_whole_target_is_known():
    wave = np.arange(20.0)
    wave[[3, 12]] = np.nan  # known: 0-2, 4-11, 13-19
    lecture = dataclasses.replace(ramp_lecture(), wave=wave)
    assert lecture.starts(7).tolist() == [4, 5, 13]
    assert lecture.starts(8).tolist() == [4]
    assert lecture.starts(9).tolist() == []
    assert lecture.starts(40).tolist() == []


def test_a_recording_is_as_long_as_the_shortest_of_its_parts():
    lecture = ramp_lecture()
    short = dataclasses.replace(lecture, clips={"low": lecture.clips["low"][:15]})
    assert short.n_frames == 15
    assert short.starts(8).tolist() == list(range(8))


def test_clips_never_reach_where_the_target_is_not_known(material, lectures):
    for number in range(30):
        batch = material().draw(number, RECIPE, CPU)
        assert torch.isfinite(batch.wave).all()
    assert lectures[2].starts(8).min() == 20


@pytest.mark.parametrize("frames", [41, 100])
def test_clips_longer_than_every_recording_are_refused(material, frames):
    with pytest.raises(SignalError, match=f"no training recording has {frames} frames in a row") as caught:
        material(frames=frames)
    assert "lower the recipe's frames" in str(caught.value.hint)


def test_a_stretch_in_which_the_sensor_fell_silent_is_not_learnt_from():
    wave = np.where(np.arange(40) < 20, np.sin(np.arange(40)), 1e-12 * np.cos(np.arange(40)))
    clip = np.zeros((40, 4, 4, 3), np.uint8)
    lecture = TrainingRecording(recording="a", clips={}, reference=clip, wave=wave)
    assert lecture.starts(8).max() < 20, "no clip without a share of the living part"
    with pytest.raises(SignalError, match="known pulse"):
        ClipSampler([dataclasses.replace(lecture, wave=np.full(40, 3.0))], {"low": 1}, frames=8, fps_hz=30.0, seed=0)


def test_recordings_without_a_usable_clip_are_named(lectures):
    silent = dataclasses.replace(lectures[0], recording="silent", wave=np.full(len(lectures[0].wave), np.nan))
    assert ClipSampler([*lectures, silent], {"low": 1}, frames=8, fps_hz=30.0, seed=0).left_out == ["silent"]
