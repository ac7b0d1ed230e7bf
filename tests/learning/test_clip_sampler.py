"""Batches of clips: a function of seed and number, mirrored consistently, only where the target is known."""

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


def test_a_batch_is_a_function_of_seed_and_number_alone(sampler):
    one, other = sampler(seed=5), sampler(seed=5)
    for number in (2, 0, 1):  # earlier draws must not matter
        other.draw(number, RECIPE, CPU)
    assert same(one.draw(7, RECIPE, CPU), other.draw(7, RECIPE, CPU))
    assert not same(one.draw(7, RECIPE, CPU), one.draw(8, RECIPE, CPU))
    assert not same(one.draw(7, RECIPE, CPU), sampler(seed=6).draw(7, RECIPE, CPU))


def test_a_batch_has_the_stated_shapes_and_ranges(sampler):
    batch = sampler().draw(0, RECIPE, CPU)
    assert batch.video.shape == batch.reference.shape == (4, 8, 4, 4, 3)
    assert batch.video.dtype == batch.reference.dtype == batch.wave.dtype == batch.skin.dtype == torch.float32
    assert batch.wave.shape == (4, 8)
    assert batch.skin.shape == (4, 8, 4, 4)
    assert batch.condition.dtype == torch.int64
    assert 0 <= batch.video.min() < batch.video.max() <= 1
    assert set(batch.skin.unique().tolist()) == {0.0, 1.0}
    assert batch.wave.mean(dim=1).abs().max() < 1e-6
    assert batch.wave.std(dim=1, correction=0).numpy() == pytest.approx(1, abs=1e-5)


def test_clips_are_of_the_condition_their_label_says(sampler, recordings):
    seen = set()
    for number in range(20):
        batch = sampler().draw(number, Recipe(iterations=1, batch=4, flip=False), CPU)
        for video, reference, label in zip(batch.video, batch.reference, batch.condition, strict=True):
            places = [
                (recording, start) for recording in recordings for start in range(33)
                if np.array_equal(recording.reference[start : start + 8], (255 * reference).round().byte().numpy())
            ]  # fmt: skip
            ((recording, start),) = places
            source = recording.reference if label == 0 else recording.clips["low"]
            assert np.array_equal(source[start : start + 8], (255 * video).round().byte().numpy())
            seen.add((recording.recording, int(label)))
    assert seen == {(name, label) for name in "abc" for label in (0, 1)}


def ramp_recording() -> TrainingRecording:
    """Every pixel's value is its column, plus 100 if compressed, so that a mirror image is recognised."""
    columns = np.broadcast_to(np.arange(4, dtype=np.uint8)[:, None], (20, 4, 4, 3))
    return TrainingRecording(
        recording="ramp", clips={"low": columns + np.uint8(100)}, reference=columns.copy(),
        wave=np.arange(20.0), skin=np.broadcast_to(np.arange(4) < 1, (20, 4, 4)),
    )  # fmt: skip


def test_mirroring_turns_video_reference_and_skin():
    sampler = ClipSampler([ramp_recording()], {"low": 1}, frames=8, fps_hz=30.0, seed=0)
    batch = sampler.draw(0, Recipe(iterations=1, batch=64), CPU)
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
    still = sampler.draw(0, Recipe(iterations=1, batch=64, flip=False), CPU)
    assert torch.equal((255 * still.reference[:, 0, 0, :, 0]).round(), upright.expand(64, 4))


def test_the_reference_as_only_condition_is_stored_once(sampler):
    batch = sampler(labels={"reference": 0}).draw(0, RECIPE, CPU)
    assert batch.video is batch.reference
    assert batch.condition.tolist() == [0] * 4
    assert sampler(labels={"low": 1}).draw(0, RECIPE, CPU).video is not batch.reference


def test_clips_start_where_the_whole_target_is_known():
    wave = np.arange(20.0)
    wave[[3, 12]] = np.nan  # known: 0-2, 4-11, 13-19
    recording = dataclasses.replace(ramp_recording(), wave=wave)
    assert recording.starts(7).tolist() == [4, 5, 13]
    assert recording.starts(8).tolist() == [4]
    assert recording.starts(9).tolist() == []
    assert recording.starts(40).tolist() == []


def test_a_recording_is_as_long_as_the_shortest_of_its_parts():
    recording = ramp_recording()
    short = dataclasses.replace(recording, clips={"low": recording.clips["low"][:15]})
    assert short.n_frames == 15
    assert short.starts(8).tolist() == list(range(8))


def test_clips_never_reach_where_the_target_is_not_known(sampler, recordings):
    for number in range(30):
        batch = sampler().draw(number, RECIPE, CPU)
        assert torch.isfinite(batch.wave).all()
    assert recordings[2].starts(8).min() == 20


@pytest.mark.parametrize("frames", [41, 100])
def test_clips_longer_than_every_recording_are_refused(sampler, frames):
    with pytest.raises(SignalError, match=f"no training recording has {frames} frames in a row") as caught:
        sampler(frames=frames)
    assert "lower the recipe's frames" in str(caught.value.hint)


def test_clips_of_a_silent_sensor_are_left_out():
    wave = np.where(np.arange(40) < 20, np.sin(np.arange(40)), 1e-12 * np.cos(np.arange(40)))
    clip = np.zeros((40, 4, 4, 3), np.uint8)
    recording = TrainingRecording(recording="a", clips={}, reference=clip, wave=wave)
    assert recording.starts(8).max() < 20, "no clip without a share of the living part"
    with pytest.raises(SignalError, match="known pulse"):
        ClipSampler([dataclasses.replace(recording, wave=np.full(40, 3.0))], {"low": 1}, frames=8, fps_hz=30.0, seed=0)


def test_recordings_without_a_usable_clip_are_named(recordings):
    silent = dataclasses.replace(recordings[0], recording="silent", wave=np.full(len(recordings[0].wave), np.nan))
    assert ClipSampler([*recordings, silent], {"low": 1}, frames=8, fps_hz=30.0, seed=0).left_out == ["silent"]
