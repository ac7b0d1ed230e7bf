"""Entries of a protocol with resolved components and training specs."""

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
    """Recipe and training conditions of a learner; ``TRAIN_ON_TESTED_CONDITION`` alone stands for the tested one."""

    recipe: Recipe
    condition_ids: tuple[str, ...]

    def conditions(self, tested: str) -> tuple[str, ...]:
        """Ids of the training conditions for a test under the condition ``tested``."""
        return (tested,) if self.condition_ids == (TRAIN_ON_TESTED_CONDITION,) else self.condition_ids


@dataclass(frozen=True)
class ResolvedEntry:
    """An entry with its resolved components. ``id`` names its row on a board.

    A training spec is None for a component that is not trained by gradients; ``joint`` is None without joint training.
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
        """Whether its results depend on the training seed."""
        return self.method_training is not None or self.enhancer_training is not None

    @property
    def train(self) -> str | None:
        """Training mode of its enhancer, ``joint`` or ``separate``; None for one that is not trained."""
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
            spec = TrainingSpec(self.joint, spec.condition_ids) if self.joint is not None else None
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
        return self.method_training is not None and self.method_training.condition_ids == (TRAIN_ON_TESTED_CONDITION,)

    @property
    def n_conditions(self) -> int | None:
        """Conditions that a conditional enhancer knows, the reference among them; None for any other."""
        if self.enhancer_spec is None or not self.enhancer_spec.conditional or self.enhancer_training is None:
            return None
        return len(self.enhancer_training.condition_ids) + 1

    def described(self) -> dict[str, Any]:
        """Components and training specs as plain data."""
        return {
            "method": self.method.described(),
            "enhancer": self.enhancer.described() if self.enhancer else None,
            "method_lesson": _described(self.method_training),
            "enhancer_lesson": _described(self.enhancer_training),
            "joint": self.joint.model_dump(mode="json") if self.joint else None,
        }


def learns_by_gradients(spec: Spec) -> bool:
    """Whether the core's training loop trains the component; False for a fit in closed form."""
    if isinstance(spec, MethodSpec):
        return spec.learns and spec.learns_from == "clips"
    return isinstance(spec, EnhancerSpec) and spec.learns


def entry_id(
    method: ResolvedComponent,
    enhancer: ResolvedComponent | None,
    recipes: Mapping[str, Mapping[str, Any]],
    notes: Sequence[str],
) -> str:
    """An id such as ``dncnn(depth=17) + rppgnet [joint]``: components with non-default params, then ``notes``."""
    parts = [
        component_label(component, recipes.get(kind, {}))
        for kind, component in (("enhancer", enhancer), ("method", method))
        if component is not None
    ]
    return " + ".join(parts) + (f" [{', '.join(notes)}]" if notes else "")


def component_label(component: ResolvedComponent, recipe: Mapping[str, Any] | None = None) -> str:
    """The component's name with its params and recipe keys that are not at their default."""
    changes = {**component.changed(), **(recipe or {})}
    return component.name + (f"({', '.join(f'{k}={v}' for k, v in changes.items())})" if changes else "")


def recipe_of(component: ResolvedComponent) -> Recipe:
    """The recipe that the component's params give."""
    return component.params.recipe() if isinstance(component.params, LearnerParams) else Recipe(epochs=15)


def joint_recipe_of(component: ResolvedComponent) -> JointRecipe:
    return component.params.joint_recipe() if isinstance(component.params, LearnerParams) else JointRecipe(epochs=10)


def changed_recipe(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe with some keys changed; ``iterations`` replaces ``epochs`` and vice versa.

    Raises:
        pydantic.ValidationError: a key is unknown, or a value is out of range.
    """
    kept = recipe.model_dump()
    for one, other in (("iterations", "epochs"), ("epochs", "iterations")):
        if one in changes and other not in changes:
            kept.pop(other)
    return type(recipe).model_validate({**kept, **changes})


def recipe_changes(recipe: Recipe, default: Recipe) -> dict[str, Any]:
    """Keys of the recipe that differ from ``default``; of iterations and epochs the one that is set."""
    defaults = default.model_dump(mode="json")
    now = recipe.model_dump(mode="json", exclude_none=True)
    return {key: value for key, value in now.items() if value != defaults.get(key)}


def method_conditions(learn_from: str | Sequence[str], conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Ids of the conditions of ``methods_learn_from`` in their order, or ``TRAIN_ON_TESTED_CONDITION``.

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
    """Ids of the compressed conditions of ``enhancers_learn_from`` in their order.

    Raises:
        LookupError: as `method_conditions`, or there is no compressed condition.
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


def _described(training: TrainingSpec | None) -> dict[str, Any] | None:
    if training is None:
        return None
    return {"recipe": training.recipe.model_dump(mode="json"), "learns_from": list(training.condition_ids)}
