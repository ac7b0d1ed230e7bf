"""The training loop: its steps, its learning rates, its gradients, and what it refuses."""

from __future__ import annotations

import itertools
import math

import pytest

torch = pytest.importorskip("torch")

from rppgbench.errors import PluginError, TrainingFailed  # noqa: E402 - only if there is torch
from rppgbench.learning.loop import count_steps, train  # noqa: E402
from rppgbench.learning.recipe import Recipe  # noqa: E402
from rppgbench.learning.reproducibility import reproducible  # noqa: E402

CPU = torch.device("cpu")


def fitted(learner, sampler, **recipe):
    return train(learner, sampler, Recipe(**{"iterations": 1, "batch": 2, **recipe}), seed=0, device=CPU)


@pytest.mark.parametrize(
    ("recipe", "n_clips", "steps"),
    [
        ({"iterations": 7, "batch": 4}, 1000.0, 7),
        ({"epochs": 3, "batch": 4}, 10.0, 8),  # 30 clips are 7.5 batches
        ({"epochs": 3, "batch": 4, "accumulate": 2}, 10.0, 4),
        ({"epochs": 0.5, "batch": 4}, 8.0, 1),
        ({"epochs": 0.001, "batch": 4}, 8.0, 1),  # at least one
    ],
)
def test_steps_by_hand(recipe, n_clips, steps):
    assert count_steps(Recipe(**recipe), n_clips) == steps


def test_an_epoch_shows_each_recording_under_each_condition(sampler, scalar):
    # 3 recordings x 40 frames x 2 conditions / 8 frames = 30 clips: 15 batches of 2.
    assert sampler().n_clips == 30
    assert sampler(labels={"reference": 0}).n_clips == 15
    curve = fitted(scalar(lambda w, batch: {"loss": w.sum()}), sampler(), iterations=None, epochs=1)
    assert len(curve["total"]) == 15


def rates(scalar, sampler, **recipe) -> list[float]:
    """Change of the weight at each step: under a constant gradient Adam's step is its learning rate."""
    learner = scalar(lambda w, batch: {"loss": -1000 * w.sum()})
    fitted(learner, sampler(), learning_rate=0.1, **recipe)
    places = [float(w) for w in (*learner.seen, learner.module["w"].detach())]
    return [after - before for before, after in itertools.pairwise(places)]


def test_a_constant_schedule_is_constant(scalar, sampler):
    assert rates(scalar, sampler, iterations=5) == pytest.approx([0.1] * 5, rel=1e-3)


def test_a_cosine_warms_up_and_ends_near_nothing(scalar, sampler):
    found = rates(scalar, sampler, iterations=40, schedule="cosine")
    falling = [0.05 * (1 + math.cos(math.pi * step / 38)) for step in range(38)]
    assert found == pytest.approx([0.05, 0.1, *falling], abs=2e-4)
    assert 0 < found[-1] < 0.001


@pytest.mark.parametrize(("clip_norm", "gradient"), [(None, (30.0, 40.0)), (1.0, (0.6, 0.8)), (100.0, (30.0, 40.0))])
def test_a_gradient_is_cut_to_its_norm(scalar, sampler, clip_norm, gradient):
    learner = scalar(lambda w, batch: {"loss": 30 * w[0] + 40 * w[1]}, start=(0.0, 0.0))
    fitted(learner, sampler(), clip_norm=clip_norm)
    assert learner.module["w"].grad.tolist() == pytest.approx(gradient, rel=1e-4)


def test_accumulated_passes_are_averaged(scalar, sampler):
    learner = scalar(lambda w, batch: {"loss": (1 + w).sum() * batch.video.mean()})
    recipe = Recipe(iterations=1, batch=2, accumulate=3)
    curve = train(learner, sampler(), recipe, seed=0, device=CPU)
    expected = torch.stack([sampler().draw(number, recipe, CPU).video.mean() for number in range(3)]).mean()
    assert learner.module["w"].grad.tolist() == pytest.approx([float(expected)], rel=1e-5)
    assert curve["loss"] == pytest.approx([float(expected)], rel=1e-5)


def test_the_total_is_the_weighted_sum_by_learner_or_recipe(scalar, sampler):
    def learner():
        return scalar(lambda w, batch: {"one": w.sum() + 3, "two": w.sum() + 5}, {"one": 1.0, "two": 0.5, "idle": 0.0})

    assert fitted(learner(), sampler()) == {"one": [3.0], "two": [5.0], "total": [5.5]}
    assert fitted(learner(), sampler(), weights={"two": 2.0})["total"] == [13.0]


def test_progress_has_step_loss_and_time_left(scalar, sampler, monkeypatch):
    monkeypatch.setattr("rppgbench.learning.loop.PROGRESS_EVERY_S", 0.0)
    calls = []
    train(
        scalar(lambda w, batch: {"loss": w.sum() + 2}), sampler(), Recipe(iterations=3, learning_rate=1e-9),
        seed=0, device=CPU, progress=lambda *call: calls.append(call),
    )  # fmt: skip
    assert [call[:2] for call in calls] == [(1, 3), (2, 3), (3, 3)]
    assert [call[2] for call in calls] == pytest.approx([2.0] * 3)
    assert calls[-1][3] == 0.0


def test_a_network_is_trained_in_training_mode_and_left_in_evaluation(tiny, sampler):
    learner = tiny.Method()
    learner.module.eval()
    fitted(learner, sampler(), iterations=2)
    assert int(learner.module[0].num_batches_tracked) == 2
    assert not learner.module.training


def test_bfloat16_is_for_the_forward_pass_alone(scalar, sampler):
    seen = []

    def losses(w, batch):
        seen.append((w[None] @ w[:, None]).dtype)
        return {"loss": (w[None] @ w[:, None]).sum()}

    learner = scalar(losses, start=(1.0, 2.0))
    fitted(learner, sampler(), precision="bfloat16")
    fitted(learner, sampler())
    assert seen == [torch.bfloat16, torch.float32]
    assert learner.module["w"].dtype == torch.float32


def weights_after(tiny, sampler, seed):
    with reproducible(seed):
        learner = tiny.Method()
        train(learner, sampler(seed), Recipe(iterations=5, batch=2), seed=seed, device=CPU)
    return learner.module.state_dict()


def test_the_same_seed_gives_the_same_weights_and_another_others(tiny, sampler):
    one, again, other = (weights_after(tiny, sampler, seed) for seed in (3, 3, 4))
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(one["1.weight"], other["1.weight"])


def test_a_learner_draws_from_the_seed_of_its_step(tiny, sampler):
    """The same first weights and the same batches: what differs is the generator alone."""
    curves = []
    for seed in (0, 0, 1):
        with reproducible(7):
            learner = tiny.Method()
        curves.append(train(learner, sampler(0), Recipe(iterations=1), seed=seed, device=CPU)["wave"])
    assert curves[0] == curves[1] != curves[2]


def test_an_unknown_loss_cannot_be_weighted(tiny, sampler):
    with pytest.raises(TrainingFailed, match="weighs slope, waev, which the learner has not") as caught:
        fitted(tiny.Method(), sampler(), weights={"waev": 1.0, "slope": 1.0, "wave": 2.0})
    assert caught.value.hint == "its losses are wave, size"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_fit_at_its_step(scalar, sampler, value):
    learner = scalar(lambda w, batch: {"loss": w.sum() * (value if len(learner.seen) == 3 else 1)}, start=(1.0,))
    with pytest.raises(TrainingFailed, match=r"no longer a number at step 3: loss (nan|inf)") as caught:
        fitted(learner, sampler(), iterations=9)
    assert "learning_rate" in str(caught.value.hint)
    assert len(learner.seen) == 3


@pytest.mark.parametrize("losses", [{"loss": 1.0, "extra": 1.0}, {}])
def test_losses_without_a_weight_are_a_plugin_error(scalar, sampler, losses):
    learner = scalar(lambda w, batch: {name: value * w.sum() for name, value in losses.items()})
    with pytest.raises(PluginError, match="training_step gave losses"):
        fitted(learner, sampler())
