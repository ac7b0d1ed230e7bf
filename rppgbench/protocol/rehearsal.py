"""Rehearsal of a protocol at toy size: the same dataset, folds, conditions and entries, barely trained."""

from __future__ import annotations

from typing import Any

from rppgbench.contracts import CodecSpec, EnhancerSpec, Kind, MethodSpec, Spec
from rppgbench.errors import UnknownName
from rppgbench.protocol.protocol_file import Entry, EntryComponent, GridItem, ProtocolFile
from rppgbench.protocol.resolved_entry import learns_by_gradients
from rppgbench.registry import Registry

CLIP_SIZE = (32, 32)
RECIPE = {"iterations": 8, "frames": 32}
DRAWS = 1000


def to_rehearsal(model: ProtocolFile, registry: Registry) -> ProtocolFile:
    """The protocol file with small clips, one seed, few bootstrap draws, and the rehearsal params of each component.

    Running it checks dataset, store and entries before a run of days. Its scores mean nothing.
    """
    return model.model_copy(
        update={
            "conditions": model.conditions.model_copy(update={"grid": _fast_grid(model.conditions.grid, registry)}),
            "clips": model.clips.model_copy(update={"size": CLIP_SIZE}),
            "training": model.training.model_copy(
                update={
                    "seeds": model.training.seeds[:1],
                    "conditions": _fast_grid(model.training.conditions, registry),
                }
            ),
            "evaluation": model.evaluation.model_copy(
                update={"interval": model.evaluation.interval.model_copy(update={"bootstrap": DRAWS})}
            ),
            "entries": tuple(_small_entry(entry, registry) for entry in model.entries),
        }
    )


def _fast_grid(items: tuple[GridItem, ...], registry: Registry) -> tuple[GridItem, ...]:
    """The same codecs and sweeps with their rehearsal params."""
    fast = []
    for item in items:
        spec = _spec("codec", item.use, registry)
        params = {**item.params, **spec.rehearsal} if isinstance(spec, CodecSpec) else item.params
        fast.append(
            GridItem(use=item.use, sweep=item.sweep, **{k: v for k, v in params.items() if k not in item.sweep})
        )
    return tuple(fast)


def _small_entry(entry: Entry, registry: Registry) -> Entry:
    update: dict[str, Any] = {"method": _small_component("method", entry.method, registry)}
    if entry.enhancer is not None:
        update["enhancer"] = _small_component("enhancer", entry.enhancer, registry)
    if entry.train == "joint":
        update["joint"] = RECIPE
    return entry.model_copy(update=update)


def _small_component(kind: Kind, component: EntryComponent, registry: Registry) -> EntryComponent:
    spec = _spec(kind, component.use, registry)
    if not isinstance(spec, MethodSpec | EnhancerSpec) or not learns_by_gradients(spec):
        return component
    return EntryComponent(use=component.use, recipe=RECIPE, **{**component.params, **spec.rehearsal})


def _spec(kind: Kind, name: str, registry: Registry) -> Spec | None:
    """The spec; None for an unknown name, which the resolver reports with its place in the file."""
    try:
        return registry.spec(kind, name)
    except UnknownName:
        return None
