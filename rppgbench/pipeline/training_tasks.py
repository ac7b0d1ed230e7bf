"""Fits by gradients as tasks: who learns from whose clips under which conditions, alone or jointly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rppgbench.learning.recipe import Recipe
from rppgbench.pipeline import artefact_sizes
from rppgbench.pipeline.provenance import LIBRARIES, TORCH
from rppgbench.pipeline.task import Task
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
from rppgbench.protocol.resolved_entry import ResolvedEntry, TrainingSpec, component_label, recipe_changes, recipe_of

if TYPE_CHECKING:
    from rppgbench.pipeline.task_graph import TaskGraph

ALL_FOLDS = -1  # of a fit to another dataset, which no fold of this one tests


class TrainingTasks:
    """The fits behind an entry: equal ones, asked for by several entries or conditions, are one task."""

    def __init__(self, graph: TaskGraph, protocol: Protocol) -> None:
        self._graph, self._protocol = graph, protocol
        self._conditions = {c.id: c for c in (*protocol.conditions, *protocol.training_conditions)}

    def states(self, fold: Fold, tested: Condition, entry: ResolvedEntry, seed: int) -> dict[str, str]:
        """Keys of what the entry's parts have learnt when they are tested under ``tested``, by role."""
        fits: dict[str, Callable[[], Task]] = {}
        if (method := entry.method_training) is not None:
            fits["method state"] = lambda: self._method(fold, tested, entry, method, seed)
        if (lesson := entry.enhancer_training) is not None:
            fit = self._joint if entry.joint is not None else self._enhancer
            fits["enhancer state"] = lambda: fit(fold, tested, entry, lesson, seed)
        learns_from = entry.method_training.conditions(tested.id) if entry.method_training else ()
        of = (entry.id, *learns_from, str(fold.index), str(seed))
        return {role: self._graph.once(role, *of, make=make).key for role, make in fits.items()}

    def described_enhancer(self, entry: ResolvedEntry) -> dict[str, Any]:
        """The enhancer, and of how many conditions it knows, if it wants to be told."""
        if entry.enhancer is None or entry.enhancer_spec is None:
            raise ValueError(f"{entry.id} has no enhancer")
        described = self._graph.described(entry.enhancer)
        if entry.enhancer_spec.conditional and entry.enhancer_training is not None:
            described["n_conditions"] = len(entry.enhancer_training.condition_ids) + 1
        return described

    def _method(self, fold: Fold, tested: Condition, entry: ResolvedEntry, lesson: TrainingSpec, seed: int) -> Task:
        settings = {"part": "method", "method": self._graph.described(entry.method)}
        labels = self._labels(lesson.conditions(tested.id))
        wants_skin = entry.method_spec.skin_labels
        name, on = self._method_name(entry), self._protocol.methods_learn_on
        return self._fit(fold, lesson.recipe, labels, seed, settings, {}, wants_skin, name, on)

    def _enhancer(self, fold: Fold, tested: Condition, entry: ResolvedEntry, lesson: TrainingSpec, seed: int) -> Task:
        settings = {"part": "enhancer", "enhancer": self.described_enhancer(entry)}
        labels = self._labels(lesson.condition_ids)
        on = self._protocol.enhancers_learn_on
        return self._fit(fold, lesson.recipe, labels, seed, settings, {}, False, self._name(entry), on)

    def _joint(self, fold: Fold, tested: Condition, entry: ResolvedEntry, lesson: TrainingSpec, seed: int) -> Task:
        """The enhancer, trained alone first, goes on in front of the trained method, where it learnt itself."""
        if entry.joint is None or entry.method_training is None:
            raise ValueError(f"{entry.id} is not trained jointly")
        settings = {
            "part": "joint",
            "method": self._graph.described(entry.method),
            "enhancer": self.described_enhancer(entry),
        }
        states = {
            "method state": self._method(fold, tested, entry, entry.method_training, seed).key,
            "enhancer state": self._enhancer(fold, tested, entry, lesson, seed).key,
        }
        labels = self._labels(lesson.condition_ids)
        wants_skin = entry.method_spec.skin_labels
        name = f"{self._name(entry)} + {self._method_name(entry)} jointly"
        on = self._protocol.enhancers_learn_on
        return self._fit(fold, entry.joint, labels, seed, settings, states, wants_skin, name, on)

    def _fit(
        self,
        fold: Fold,
        recipe: Recipe,
        labels: Mapping[str, int],
        seed: int,
        settings: Mapping[str, Any],
        states: Mapping[str, str],
        wants_skin: bool,
        name: str,
        on: ResolvedComponent | None,
    ) -> Task:
        graph = self._graph
        recordings = graph.training(fold, on.name if on else None)
        inputs = dict(states)
        for recording in recordings:
            inputs[f"truth {recording.id}"] = graph.truth(recording).key
            inputs[f"traces {recording.id}"] = graph.traces(recording, self._protocol.reference).key
            inputs[f"reference {recording.id}"] = graph.crop(recording, self._protocol.reference).key
            for condition, label in labels.items():
                if label != 0:
                    crop = graph.crop(recording, self._conditions[condition])
                    inputs[f"crops {recording.id} {condition}"] = crop.key
            if wants_skin:
                inputs[f"skin {recording.id}"] = graph.skin(recording).key
        settings = {
            **settings,
            "recipe": recipe.model_dump(mode="json"),
            "labels": dict(labels),
            "recordings": [recording.id for recording in recordings],
            "seed": seed,
            "fold": ALL_FOLDS if on else fold.index,
            "fps_hz": self._protocol.clips.fps_hz,
        }
        where = f" on {on.name}" if on else ""
        for_fold = "" if on and not states else f" fold {fold.index}"
        details = f"{name} from {_names(labels)}{where}{for_fold} seed {seed}"
        libraries = (*LIBRARIES, *TORCH)
        bytes_out = artefact_sizes.fitted(settings, len(inputs))
        return graph.task("fit", settings, inputs, None, details, bytes_out=bytes_out, libraries=libraries)

    def _labels(self, conditions: Sequence[str]) -> dict[str, int]:
        """Number of each condition learnt from: 0 for the reference, the others from 1 in their order."""
        compressed = [name for name in conditions if not self._conditions[name].is_reference]
        numbers = {name: number for number, name in enumerate(compressed, 1)}
        return {name: numbers.get(name, 0) for name in conditions}

    @staticmethod
    def _name(entry: ResolvedEntry) -> str:
        if entry.enhancer is None or entry.enhancer_training is None:
            return ""
        return component_label(
            entry.enhancer, recipe_changes(entry.enhancer_training.recipe, recipe_of(entry.enhancer))
        )

    @staticmethod
    def _method_name(entry: ResolvedEntry) -> str:
        if entry.method_training is None:
            return entry.method.name
        return component_label(entry.method, recipe_changes(entry.method_training.recipe, recipe_of(entry.method)))


def _names(labels: Mapping[str, int]) -> str:
    names = list(labels)
    return ", ".join(names) if len(names) < 4 else f"{len(names)} conditions"
