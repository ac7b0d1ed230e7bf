"""Resolution of protocol entries: trained components, their training conditions and recipes; errors carry a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from rppgbench.errors import ProtocolError, nearest
from rppgbench.learning.recipe import JointRecipe, Recipe
from rppgbench.protocol.protocol_file import Entry, EntryComponent, Training
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
from rppgbench.protocol.resolved_entry import (
    ResolvedEntry,
    TrainingSpec,
    changed_recipe,
    enhancer_conditions,
    entry_id,
    joint_recipe_of,
    learns_by_gradients,
    method_conditions,
    recipe_of,
)
from rppgbench.protocol.yaml_document import Document, Location


class EntryResolver:
    """Resolves the entries of one protocol file."""

    def __init__(self, source: Document, training: Training, conditions: Sequence[Condition]) -> None:
        self._source, self._training, self._conditions = source, training, conditions

    def resolve_entry(
        self, entry: Entry, at: Location, method: ResolvedComponent, enhancer: ResolvedComponent | None
    ) -> ResolvedEntry:
        """The resolved entry at ``at``, with its training specs.

        Raises:
            ProtocolError: a training key is given for a component that is not trained, or a recipe or name is wrong.
        """
        method_learns = learns_by_gradients(method.spec)
        enhancer_learns = enhancer is not None and learns_by_gradients(enhancer.spec)
        self._refuse_unused_keys(entry, at, method_learns, enhancer_learns)
        method_training = enhancer_training = joint = None
        if method_learns:
            condition_ids = self._training_conditions("methods_learn_from", entry, at, method_conditions)
            method_training = TrainingSpec(self._recipe(method, entry.method, (*at, "method")), condition_ids)
        if enhancer is not None and entry.enhancer is not None and enhancer_learns:
            condition_ids = self._training_conditions("enhancers_learn_from", entry, at, enhancer_conditions)
            recipe = self._recipe(enhancer, entry.enhancer, (*at, "enhancer"))
            enhancer_training = TrainingSpec(recipe, condition_ids)
        if entry.train == "joint" and enhancer is not None:
            joint = self._joint(enhancer, entry, at)
        return ResolvedEntry(
            id=entry_id(method, enhancer, _changes(entry), _notes(entry)),
            method=method,
            enhancer=enhancer,
            method_training=method_training,
            enhancer_training=enhancer_training,
            joint=joint,
        )

    def _refuse_unused_keys(self, entry: Entry, at: Location, method_learns: bool, enhancer_learns: bool) -> None:
        """Raise ProtocolError for a key that would have no effect."""
        both = "needs an enhancer and a method that both learn from clips"
        unused: Sequence[tuple[bool, Location, str]] = (
            (entry.train == "joint" and not (method_learns and enhancer_learns), ("train",), f"train: joint {both}"),
            (bool(entry.joint) and entry.train != "joint", ("joint",), "a recipe of joint training needs train: joint"),
            (entry.methods_learn_from is not None and not method_learns, ("methods_learn_from",),
             f"method {entry.method.use!r} does not learn from clips"),
            (entry.enhancers_learn_from is not None and not enhancer_learns, ("enhancers_learn_from",),
             "there is no enhancer here that learns"),
            (bool(entry.method.recipe) and not method_learns, ("method", "recipe"),
             f"method {entry.method.use!r} is not trained: it has no recipe"),
            (bool(entry.enhancer and entry.enhancer.recipe) and not enhancer_learns, ("enhancer", "recipe"),
             "this enhancer is not trained: it has no recipe"),
        )  # fmt: skip
        for wrong, where, message in unused:
            if wrong:
                raise ProtocolError(
                    f"{self._source.where((*at, *where), key=True)}: {message}",
                    hint="take it out, or see docs/protocols.md",
                )

    def _training_conditions(
        self, key: str, entry: Entry, at: Location, resolve: Callable[[Any, Sequence[Condition]], tuple[str, ...]]
    ) -> tuple[str, ...]:
        own = getattr(entry, key)
        try:
            return resolve(getattr(self._training, key) if own is None else own, self._conditions)
        except LookupError as error:
            where = (*at, key) if own is not None else ("training", key)
            raise ProtocolError(f"{self._source.where(where)}: {key}: {error}") from None

    def _recipe(self, component: ResolvedComponent, declared: EntryComponent, at: Location) -> Recipe:
        return self._changed(recipe_of(component), declared.recipe, (*at, "recipe"))

    def _joint(self, enhancer: ResolvedComponent, entry: Entry, at: Location) -> JointRecipe:
        recipe = self._changed(joint_recipe_of(enhancer), entry.joint, (*at, "joint"))
        if not isinstance(recipe, JointRecipe):
            raise TypeError(f"{enhancer.name}: joint_recipe() gave a {type(recipe).__name__}")
        return recipe

    def _changed(self, recipe: Recipe, changes: Mapping[str, Any], at: Location) -> Recipe:
        try:
            return changed_recipe(recipe, changes)
        except ValidationError as error:
            lines = []
            for problem in error.errors():
                key = str(problem["loc"][0]) if problem["loc"] else ""
                where = self._source.where((*at, key), key=True)
                if problem["type"] == "extra_forbidden":
                    lines.append(f"{where}: unknown key {key!r} ({nearest(key, type(recipe).model_fields)})")
                else:
                    found = f", got {problem['input']!r}" if problem["loc"] else ""
                    lines.append(f"{where}: {key or at[-1]}: {problem['msg'].removeprefix('Value error, ')}{found}")
            raise ProtocolError("\n".join(lines), hint="see docs/protocols.md, 'Recipes'") from None


def _changes(entry: Entry) -> dict[str, Mapping[str, Any]]:
    return {"method": entry.method.recipe, "enhancer": entry.enhancer.recipe if entry.enhancer else {}}


def _notes(entry: Entry) -> list[str]:
    """Training keys of an entry that differ from the protocol's training section, as shown in its id."""
    notes = ["joint"] if entry.train == "joint" else []
    notes += [f"{key}={value}" for key, value in entry.joint.items()]
    for what, learn_from in (("method", entry.methods_learn_from), ("enhancer", entry.enhancers_learn_from)):
        if learn_from is not None:
            names = learn_from if isinstance(learn_from, str) else "+".join(learn_from)
            notes.append(f"{what} from {names}")
    return notes
