"""A protocol at toy size: the same dataset, folds, conditions and entries, with nothing learnt to speak of."""

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


def rehearsed(model: ProtocolFile, registry: Registry) -> ProtocolFile:
    """The protocol with small clips, one seed, few draws, and codecs and learners as small and quick as they come.

    It shows whether a dataset, a store and the entries are ready for a run of days. Its numbers mean nothing.
    """
    return model.model_copy(
        update={
            "conditions": model.conditions.model_copy(update={"grid": _grid(model.conditions.grid, registry)}),
            "clips": model.clips.model_copy(update={"size": CLIP_SIZE}),
            "training": model.training.model_copy(
                update={
                    "seeds": model.training.seeds[:1],
                    "conditions": _grid(model.training.conditions, registry),
                }
            ),
            "evaluation": model.evaluation.model_copy(
                update={"interval": model.evaluation.interval.model_copy(update={"bootstrap": DRAWS})}
            ),
            "entries": tuple(_quick(entry, registry) for entry in model.entries),
        }
    )


def _grid(items: tuple[GridItem, ...], registry: Registry) -> tuple[GridItem, ...]:
    """The same codecs at the same rates, as quick as they come."""
    quick = []
    for item in items:
        spec = _spec("codec", item.use, registry)
        params = {**item.params, **spec.rehearsal} if isinstance(spec, CodecSpec) else item.params
        quick.append(
            GridItem(use=item.use, sweep=item.sweep, **{k: v for k, v in params.items() if k not in item.sweep})
        )
    return tuple(quick)


def _quick(entry: Entry, registry: Registry) -> Entry:
    update: dict[str, Any] = {"method": _small("method", entry.method, registry)}
    if entry.enhancer is not None:
        update["enhancer"] = _small("enhancer", entry.enhancer, registry)
    if entry.train == "joint":
        update["joint"] = RECIPE
    return entry.model_copy(update=update)


def _small(kind: Kind, trainee: EntryComponent, registry: Registry) -> EntryComponent:
    spec = _spec(kind, trainee.use, registry)
    if not isinstance(spec, MethodSpec | EnhancerSpec) or not learns_by_gradients(spec):
        return trainee
    return EntryComponent(use=trainee.use, recipe=RECIPE, **{**trainee.params, **spec.rehearsal})


def _spec(kind: Kind, name: str, registry: Registry) -> Spec | None:
    """None for an unknown name: that is told with its place in the file when it is looked up."""
    try:
        return registry.spec(kind, name)
    except UnknownName:
        return None
