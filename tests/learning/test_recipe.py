"""Recipes: one length, no unknown key, changes key by key."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from rppgbench.learning.recipe import JointRecipe, LearnerParams, Recipe
from rppgbench.protocol.resolved_entry import changed_recipe


@pytest.mark.parametrize("length", [{}, {"iterations": 5, "epochs": 1.0}])
def test_a_recipe_has_one_length(length):
    with pytest.raises(ValidationError, match="expected either iterations or epochs"):
        Recipe(**length)


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rat": 1.0}, {"batch": 0}, {"frames": 1}, {"epochs": 0}, {"learning_rate": 0.0}, {"clip_norm": 0.0},
        {"precision": "float16"}, {"schedule": "linear"}, {"learning_rate": float("inf")}, {"perceptual": 1.0},
    ],
)  # fmt: skip
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValidationError):
        Recipe(**{"epochs": 1.0, **wrong})


def test_iterations_take_the_place_of_epochs_and_the_other_way_round():
    by_epochs = Recipe(epochs=3, batch=7)
    by_steps = changed_recipe(by_epochs, {"iterations": 20})
    assert (by_steps.iterations, by_steps.epochs, by_steps.batch) == (20, None, 7)
    back = changed_recipe(by_steps, {"epochs": 2, "frames": 32})
    assert (back.iterations, back.epochs, back.batch, back.frames) == (None, 2, 7, 32)
    assert changed_recipe(by_epochs, {}) == by_epochs


def test_both_lengths_at_once_are_refused():
    with pytest.raises(ValidationError, match="expected either iterations or epochs"):
        changed_recipe(Recipe(epochs=3), {"iterations": 20, "epochs": 2})


def test_a_joint_recipe_stays_one():
    changed = changed_recipe(JointRecipe(epochs=2, perceptual=0.5), {"target": "both"})
    assert isinstance(changed, JointRecipe)
    assert (changed.target, changed.perceptual, changed.epochs) == ("both", 0.5, 2)


def test_learners_have_default_recipes():
    assert LearnerParams().recipe() == Recipe(epochs=15)
    assert LearnerParams().joint_recipe() == JointRecipe(epochs=10)
