"""A protocol at toy size: the same dataset, folds, conditions and entries, with nothing learnt to speak of."""

from __future__ import annotations

from typing import Any

from rppgbench.contracts import EnhancerSpec, Kind, MethodSpec
from rppgbench.errors import UnknownName
from rppgbench.protocol.contestant import learns_by_gradients
from rppgbench.protocol.model import Entry, ProtocolFile, Trainee
from rppgbench.registry import Registry

CLIP_SIZE = (32, 32)
RECIPE = {"iterations": 8, "frames": 32}
DRAWS = 1000


def rehearsed(model: ProtocolFile, registry: Registry) -> ProtocolFile:
    """The protocol with small clips, one seed, few bootstrap draws, and learners as small and quick as they come.

    It shows whether a dataset, a store and the entries are ready for a run of days. Its numbers mean nothing.
    """
    return model.model_copy(
        update={
            "clips": model.clips.model_copy(update={"size": CLIP_SIZE}),
            "training": model.training.model_copy(update={"seeds": model.training.seeds[:1]}),
            "evaluation": model.evaluation.model_copy(
                update={"interval": model.evaluation.interval.model_copy(update={"bootstrap": DRAWS})}
            ),
            # Sizes of one learner are one at toy size.
            "entries": tuple({repr(entry): entry for entry in (_quick(e, registry) for e in model.entries)}.values()),
        }
    )


def _quick(entry: Entry, registry: Registry) -> Entry:
    update: dict[str, Any] = {"method": _small("method", entry.method, registry)}
    if entry.enhancer is not None:
        update["enhancer"] = _small("enhancer", entry.enhancer, registry)
    if entry.train == "joint":
        update["joint"] = RECIPE
    return entry.model_copy(update=update)


def _small(kind: Kind, trainee: Trainee, registry: Registry) -> Trainee:
    try:
        spec = registry.spec(kind, trainee.use)
    except UnknownName:
        return trainee  # named with its place in the file when it is looked up
    if not isinstance(spec, MethodSpec | EnhancerSpec) or not learns_by_gradients(spec):
        return trainee
    return Trainee(use=trainee.use, recipe=RECIPE, **{**trainee.params, **spec.rehearsal})
