"""An entry of a protocol with its components looked up, and what each of them is to learn from what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rppgbench.contracts import EnhancerSpec, MethodSpec, Spec
from rppgbench.errors import nearest
from rppgbench.learning.recipe import JointRecipe, LearnerParams, Recipe
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent

TRAIN_ON_TESTED_CONDITION = "condition"


@dataclass(frozen=True)
class TrainingSpec:
    """How a learner is trained, and on clips of which conditions; ``EACH`` stands for the one it is tested under."""

    recipe: Recipe
    learns_from: tuple[str, ...]

    def conditions(self, tested: str) -> tuple[str, ...]:
        """Ids of the conditions learnt from by whoever is tested under the condition ``tested``."""
        return (tested,) if self.learns_from == (TRAIN_ON_TESTED_CONDITION,) else self.learns_from


@dataclass(frozen=True)
class ResolvedEntry:
    """An entry with its components looked up. ``id`` names its row on a board.

    A lesson is None where nothing is learnt by gradients; ``joint`` is None where nothing is learnt jointly.
    """

    id: str
    method: ResolvedComponent
    enhancer: ResolvedComponent | None = None
    method_training: TrainingSpec | None = None
    enhancer_training: TrainingSpec | None = None
    joint: JointRecipe | None = None

    @property
    def method_spec(self) -> MethodSpec:
        spec = self.method.spec
        if not isinstance(spec, MethodSpec):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        return spec

    @property
    def enhancer_spec(self) -> EnhancerSpec | None:
        spec = self.enhancer.spec if self.enhancer else None
        if not isinstance(spec, EnhancerSpec | None):
            raise TypeError(f"{spec.name} is a {spec.kind}")
        return spec

    @property
    def seeded(self) -> bool:
        """Whether it comes out differently from another seed."""
        return self.method_training is not None or self.enhancer_training is not None

    @property
    def train(self) -> str | None:
        """How its enhancer was trained; None where it was not."""
        return None if self.enhancer_training is None else "joint" if self.joint else "separate"

    def component(self, kind: Literal["method", "enhancer"]) -> ResolvedComponent:
        """Method or enhancer of the entry."""
        component = self.method if kind == "method" else self.enhancer
        if component is None:
            raise ValueError(f"{self.id} has no enhancer")
        return component

    def training_spec(self, role: Literal["method", "enhancer", "joint"]) -> TrainingSpec:
        """Recipe and conditions of a part's training; joint training is on those of the enhancer."""
        spec = self.method_training if role == "method" else self.enhancer_training
        if spec is not None and role == "joint":
            spec = TrainingSpec(self.joint, spec.learns_from) if self.joint is not None else None
        if spec is None:
            raise ValueError(f"{self.id}: no {role} training")
        return spec

    def training_label(self, role: Literal["method", "enhancer", "joint"]) -> str:
        """``dncnn(depth=17)``: the trained part, with whatever of its params and its recipe is not as usual."""
        if role == "joint":
            return f"{self.training_label('enhancer')} + {self.training_label('method')} jointly"
        component = self.component(role)
        return component_label(component, recipe_changes(self.training_spec(role).recipe, recipe_of(component)))

    @property
    def trains_on_tested_condition(self) -> bool:
        """Whether its method learns from the condition that it is tested under, and so anew for each."""
        return self.method_training is not None and self.method_training.learns_from == (TRAIN_ON_TESTED_CONDITION,)

    @property
    def n_conditions(self) -> int | None:
        """Conditions that a conditional enhancer knows, the reference among them; None for any other."""
        if self.enhancer_spec is None or not self.enhancer_spec.conditional or self.enhancer_training is None:
            return None
        return len(self.enhancer_training.learns_from) + 1

    def described(self) -> dict[str, Any]:
        """All that it is, as plain data."""
        return {
            "method": self.method.described(),
            "enhancer": self.enhancer.described() if self.enhancer else None,
            "method_lesson": _described(self.method_training),
            "enhancer_lesson": _described(self.enhancer_training),
            "joint": self.joint.model_dump(mode="json") if self.joint else None,
        }


def learns_by_gradients(spec: Spec) -> bool:
    """Whether the core's loop trains it, rather than nothing or a fit in closed form."""
    if isinstance(spec, MethodSpec):
        return spec.learns and spec.learns_from == "clips"
    return isinstance(spec, EnhancerSpec) and spec.learns


def entry_id(
    method: ResolvedComponent,
    enhancer: ResolvedComponent | None,
    recipes: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str],
) -> str:
    """``dncnn(depth=17) + rppgnet [joint]``: components with whatever is not as they say, then ``notes``."""
    parts = [
        component_label(choice, recipes.get(kind, {}))
        for kind, choice in (("enhancer", enhancer), ("method", method))
        if choice is not None
    ]
    return " + ".join(parts) + (f" [{', '.join(notes)}]" if notes else "")


def component_label(choice: ResolvedComponent, recipe: Mapping[str, Any] | None = None) -> str:
    """The component's name, with those of its params, and of its recipe, that are not at their default."""
    changes = {**choice.changed(), **(recipe or {})}
    return choice.name + (f"({', '.join(f'{k}={v}' for k, v in changes.items())})" if changes else "")


def recipe_of(choice: ResolvedComponent) -> Recipe:
    """How the component is trained by its own account."""
    return choice.params.recipe() if isinstance(choice.params, LearnerParams) else Recipe(epochs=15)


def joint_recipe_of(choice: ResolvedComponent) -> JointRecipe:
    return choice.params.joint_recipe() if isinstance(choice.params, LearnerParams) else JointRecipe(epochs=10)


def changed_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with some keys changed; ``iterations`` takes the place of ``epochs`` and the other way round.

    Raises:
        pydantic.ValidationError: an unknown key, or a value that makes no sense.
    """
    kept = recipe.model_dump()
    for one, other in (("iterations", "epochs"), ("epochs", "iterations")):
        if one in changes and other not in changes:
            kept.pop(other)
    return type(recipe).model_validate({**kept, **changes})


def recipe_changes(recipe: Recipe, usual: Recipe) -> dict[str, Any]:
    """What of the recipe is not as usual; of iterations and epochs the one that counts."""
    usually = usual.model_dump(mode="json")
    now = recipe.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in now.items() if value != usually.get(key)}


def method_conditions(learn_from: str | Sequence[str], conditions: Sequence[Condition]) -> tuple[str, ...]:
    """What ``methods_learn_from`` comes to: ids of conditions in their order, or ``EACH``.

    Raises:
        LookupError: a name is neither a codec's nor a condition's; the message suggests the nearest.
    """
    if learn_from == "reference":
        return tuple(c.id for c in conditions if c.is_reference)
    if learn_from == "all":
        return tuple(c.id for c in conditions)
    if learn_from == TRAIN_ON_TESTED_CONDITION:
        return (TRAIN_ON_TESTED_CONDITION,)
    return _named(learn_from, conditions, ("reference", "all", TRAIN_ON_TESTED_CONDITION))


def enhancer_conditions(learn_from: str | Sequence[str], conditions: Sequence[Condition]) -> tuple[str, ...]:
    """What ``enhancers_learn_from`` comes to: ids of compressed conditions in their order.

    Raises:
        LookupError: as above, or nothing compressed is among them.
    """
    compressed = [c for c in conditions if not c.is_reference]
    if not compressed:
        raise LookupError("there is no compressed condition to learn from (conditions.grid is empty)")
    return tuple(c.id for c in compressed) if learn_from == "all" else _named(learn_from, compressed, ("all",))


def _named(learn_from: str | Sequence[str], conditions: Sequence[Condition], words: Sequence[str]) -> tuple[str, ...]:
    names = [learn_from] if isinstance(learn_from, str) else learn_from
    known = {c.codec.name for c in conditions} | {c.id for c in conditions}
    for wanted in names:
        if wanted not in known:
            near = nearest(wanted, {*known, *words})
            raise LookupError(f"no codec or condition here is called {wanted!r} ({near})")
    return tuple(c.id for c in conditions if c.id in names or c.codec.name in names)


def _described(lesson: TrainingSpec | None) -> dict[str, Any] | None:
    if lesson is None:
        return None
    return {"recipe": lesson.recipe.model_dump(mode="json"), "learns_from": list(lesson.learns_from)}
