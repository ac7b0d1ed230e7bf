"""Resolution of a protocol file: components by name with their params, conditions of the grid, entries, digest."""

from __future__ import annotations

import hashlib
import itertools
import json
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from rppgbench.contracts import AS_RECORDED, EnhancerSpec, Kind, MethodSpec, Spec
from rppgbench.errors import PluginError, ProtocolError, UnknownName, nearest
from rppgbench.evaluation.metrics import METRICS
from rppgbench.learning.recipe import LearnerParams
from rppgbench.media.face_detection import DETECTORS
from rppgbench.protocol import yaml_document
from rppgbench.protocol.entry_resolver import EntryResolver
from rppgbench.protocol.estimator_override import with_estimator
from rppgbench.protocol.protocol_file import Clips, Component, Evaluation, Folds, GridItem, ProtocolFile, Training
from rppgbench.protocol.rehearsal import to_rehearsal
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
from rppgbench.protocol.resolved_entry import ResolvedEntry, learns_by_gradients
from rppgbench.protocol.yaml_document import Document, Location
from rppgbench.registry import Registry, validate_params

_ItemT = TypeVar("_ItemT", Condition, ResolvedEntry)


@dataclass(frozen=True)
class Protocol:
    """A resolved protocol, ready to plan."""

    path: Path
    name: str
    version: int
    title: str
    cite: str
    dataset: ResolvedComponent
    folds: Folds
    conditions: tuple[Condition, ...]
    clips: Clips
    training: Training
    evaluation: Evaluation
    entries: tuple[ResolvedEntry, ...]
    training_conditions: tuple[Condition, ...] = ()
    methods_learn_on: ResolvedComponent | None = None
    enhancers_learn_on: ResolvedComponent | None = None
    rehearsal: bool = False

    @property
    def datasets(self) -> tuple[ResolvedComponent, ...]:
        """The tested dataset, then those used for training only."""
        others = {other.name: other for other in (self.methods_learn_on, self.enhancers_learn_on) if other}
        return (self.dataset, *others.values())

    @property
    def trains(self) -> bool:
        """Whether any entry is trained by gradients."""
        return any(entry.seeded for entry in self.entries)

    def resolved(self) -> dict[str, Any]:
        """Everything that the digest covers, as plain data: all but entries, title and cite."""
        return {
            "rppgbench": 1,
            "name": self.name,
            "version": self.version,
            "dataset": self.dataset.described(),
            "folds": self.folds.described(),
            "conditions": [{"id": c.id, "reference": c.is_reference, **c.codec.described()} for c in self.conditions],
            "clips": self.clips.model_dump(mode="json"),
            "training": self._resolved_training(),
            "evaluation": self._resolved_evaluation(),
            **({"rehearsal": True} if self.rehearsal else {}),
        }

    def _resolved_evaluation(self) -> dict[str, Any]:
        """As `_resolved_training`. Comparisons are covered: a family of tests must not grow once results are known."""
        dumped = self.evaluation.model_dump(mode="json")
        return {k: value for k, value in dumped.items() if k not in ("joined_windows_s", "comparisons") or value}

    def _resolved_training(self) -> dict[str, Any]:
        """Training section as plain data; keys of later versions only where used, so that older digests stay valid."""
        used = {
            "conditions": [{"id": c.id, **c.codec.described()} for c in self.training_conditions],
            "methods_learn_on": self.methods_learn_on and self.methods_learn_on.described(),
            "enhancers_learn_on": self.enhancers_learn_on and self.enhancers_learn_on.described(),
        }
        always = self.training.model_dump(mode="json", exclude=set(used))
        return {**always, **{key: value for key, value in used.items() if value}}

    @property
    def digest(self) -> str:
        """SHA-256 of ``resolved()``: only results of one digest are ever ranked together."""
        text = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def reference(self) -> Condition:
        return next(condition for condition in self.conditions if condition.is_reference)


def load_protocol(path: Path, registry: Registry, *, rehearse: bool = False, estimator: str | None = None) -> Protocol:
    """The protocol in the file at ``path``; with ``rehearse`` at toy size.

    A compatibility ``estimator`` replaces the file's ranked one.

    Raises:
        ProtocolError: the file has an error; the message starts with ``file:line:column``.
    """
    model, source = yaml_document.load(path, ProtocolFile, ProtocolError, _HINT)
    if estimator is not None:
        model = with_estimator(model, estimator)
    protocol = _Resolver(source, registry).protocol(model)
    if not rehearse:
        return protocol
    small = _Resolver(source, registry, rehearsal=True).protocol(to_rehearsal(model, registry))
    # Entries keep the ids of the full-size protocol.
    entries = tuple(replace(one, id=full.id) for one, full in zip(small.entries, protocol.entries, strict=True))
    return replace(small, entries=entries)


_HINT = "'rppgbench show PROTOCOL' explains the protocols that come with rppgbench"


class _Resolver:
    """Resolves the names in a protocol file; errors carry their place in it."""

    def __init__(self, source: Document, registry: Registry, *, rehearsal: bool = False) -> None:
        self.source, self.registry, self.rehearsal = source, registry, rehearsal

    def protocol(self, model: ProtocolFile) -> Protocol:
        self._check_name(model.clips.face.detector, DETECTORS, "face detector", ("clips", "face", "detector"))
        for index, metric in enumerate(model.evaluation.metrics):
            self._check_name(metric, METRICS, "metric", ("evaluation", "metrics", index))
        self.check_joined_windows(model)
        conditions = self._unique(self.conditions(model), ("conditions",), "condition")
        extra = self.grid(model.training.conditions, ("training", "conditions"))
        all_conditions = self._unique(itertools.chain(conditions, extra), ("training", "conditions"), "condition")
        entries = self._unique(self.entries(model, all_conditions), ("entries",), "entry")
        if not self.rehearsal:  # entries of a rehearsal do not have their final ids yet
            self.check_comparisons(model, [entry.id for entry in entries], [condition.id for condition in conditions])
        return Protocol(
            path=self.source.path,
            name=model.name,
            version=model.version,
            title=model.title,
            cite=model.cite,
            dataset=self.resolve_component("dataset", model.dataset, ("dataset",)),
            folds=model.folds,
            conditions=conditions,
            clips=model.clips,
            training=model.training,
            evaluation=model.evaluation,
            entries=entries,
            training_conditions=all_conditions[len(conditions) :],
            methods_learn_on=self.other_dataset(model, "methods_learn_on"),
            enhancers_learn_on=self.other_dataset(model, "enhancers_learn_on"),
            rehearsal=self.rehearsal,
        )

    def check_joined_windows(self, model: ProtocolFile) -> None:
        length_s = model.clips.length_s
        for joined_s in model.evaluation.joined_windows_s:
            n = joined_s / length_s
            if n < 2 or abs(n - round(n)) > 1e-9:
                where = self.source.where(("evaluation", "joined_windows_s"))
                raise ProtocolError(
                    f"{where}: {joined_s:g} s is not two or more windows of clips.length_s, {length_s:g} s",
                    hint=f"a multiple of it, such as {2 * length_s:g} or {10 * length_s:g}",
                )

    def check_comparisons(self, model: ProtocolFile, entries: Sequence[str], conditions: Sequence[str]) -> None:
        for index, comparison in enumerate(model.evaluation.comparisons):
            try:
                comparison.check(entries, conditions)
            except UnknownName as error:
                where = self.source.where(("evaluation", "comparisons", index))
                raise ProtocolError(f"{where}: {error.message}", hint=error.hint) from None

    def other_dataset(self, model: ProtocolFile, key: str) -> ResolvedComponent | None:
        component: Component | None = getattr(model.training, key)
        if component is None:
            return None
        at = ("training", key)
        if component.use == model.dataset.use:
            raise ProtocolError(
                f"{self.source.where(at)}: {key}: {component.use!r} is the dataset that is tested",
                hint=f"leave {key} out: then its training subjects are learnt from",
            )
        return self.resolve_component("dataset", component, at)

    def resolve_component(
        self, kind: Kind, component: Component, at: Location, extra: Mapping[str, Any] | None = None
    ) -> ResolvedComponent:
        node = self.source.tree
        for step in at:
            node = node[step]  # type: ignore[index]
        name_at = (*at, "use") if isinstance(node, dict) else at
        try:
            spec = self.registry.spec(kind, component.use)
        except UnknownName as error:
            raise ProtocolError(f"{self.source.where(name_at)}: {error.message}", hint=error.hint) from None
        try:
            return ResolvedComponent(spec, validate_params(spec, {**component.params, **(extra or {})}))
        except PluginError as error:
            wrong = next(
                (key for key in component.params if repr(key) in error.message or f"{key}:" in error.message), None
            )
            where = self.source.where((*at, wrong), key=True) if wrong else self.source.where(at)
            raise ProtocolError(f"{where}: {error.message}", hint=f"see 'rppgbench show {component.use}'") from None

    def conditions(self, model: ProtocolFile) -> Iterator[Condition]:
        if "reference" in self.source.tree["conditions"]:
            reference = self.resolve_component("codec", model.conditions.reference, ("conditions", "reference"))
        else:
            as_recorded = self.registry.spec("codec", AS_RECORDED)
            reference = ResolvedComponent(as_recorded, as_recorded.params())
        yield Condition("reference", reference, True, None)
        yield from self.grid(model.conditions.grid, ("conditions", "grid"))

    def grid(self, items: Sequence[GridItem], at: Location) -> Iterator[Condition]:
        for index, item in enumerate(items):
            for values in itertools.product(*item.sweep.values()):
                codec = self.resolve_component("codec", item, (*at, index), dict(zip(item.sweep, values, strict=True)))
                yield Condition(_label(codec, item.sweep), codec, False, _nominal_bps(codec))

    def entries(self, model: ProtocolFile, conditions: Sequence[Condition]) -> Iterator[ResolvedEntry]:
        entries = EntryResolver(self.source, model.training, conditions)
        for index, entry in enumerate(model.entries):
            at = ("entries", index)
            method = self.resolve_component("method", entry.method, (*at, "method"))
            enhancer = self.resolve_component("enhancer", entry.enhancer, (*at, "enhancer")) if entry.enhancer else None
            for kind, component in (("method", method), ("enhancer", enhancer)):
                if component is not None:
                    self._check_fit(component, model, (*at, kind))
            yield entries.resolve_entry(entry, at, method, enhancer)

    def _check_fit(self, component: ResolvedComponent, model: ProtocolFile, at: Location) -> None:
        for objection in objections(component.spec, model):
            raise ProtocolError(f"{self.source.where(at)}: {objection}", hint=f"see 'rppgbench show {component.name}'")

    def _check_name(self, name: str, known: Mapping[str, object], what: str, at: Location) -> None:
        if name not in known:
            raise ProtocolError(f"{self.source.where(at)}: no {what} is called {name!r}", hint=nearest(name, known))

    def _unique(self, items: Iterable[_ItemT], at: Location, what: str) -> tuple[_ItemT, ...]:
        found = tuple(items)
        seen: set[str] = set()
        for item in found:
            # In a rehearsal, sizes of one learner collapse into one entry.
            if item.id in seen and not (self.rehearsal and what == "entry"):
                raise ProtocolError(f"{self.source.where(at)}: {what} {item.id!r} stands there twice", hint="keep one")
            seen.add(item.id)
        return found


def objections(spec: Spec, model: ProtocolFile) -> Iterator[str]:
    """Reasons why an entry's component does not fit the protocol; none if it does."""
    if isinstance(spec, MethodSpec | EnhancerSpec) and model.dataset.use in spec.pretrained_on:
        yield f"{spec.kind} {spec.name!r} has weights that saw dataset {model.dataset.use!r}"
    if isinstance(spec, MethodSpec):
        clips = model.clips
        demands = {
            "fps_hz": (spec.fps_hz, clips.fps_hz),
            "size": (spec.size, clips.size),
            "frames": (spec.frames, round(clips.length_s * clips.fps_hz)),
        }
        for name, (demanded, given) in demands.items():
            if demanded is not None and demanded != given:
                yield f"method {spec.name!r} demands {name} {demanded}, the clips have {given}"
    if isinstance(spec, EnhancerSpec) and not spec.blind:
        yield f"enhancer {spec.name!r} has to be told the codec, which this version cannot do yet"
    if learns_by_gradients(spec) and not issubclass(spec.params, LearnerParams):
        yield f"{spec.kind} {spec.name!r} learns, but its params are no rppgbench.learning.recipe.LearnerParams"


def _label(codec: ResolvedComponent, sweep: Mapping[str, Any]) -> str:
    """The codec's label, with every swept param that is not part of it appended."""
    template: str = getattr(codec.spec, "label", codec.name)
    params = codec.params.model_dump(mode="json")
    named = {field for _, field, _, _ in string.Formatter().parse(template) if field}
    return "-".join([template.format(**params), *(f"{name}={params[name]}" for name in sweep if name not in named)])


def _nominal_bps(codec: ResolvedComponent) -> float | None:
    rate = getattr(codec.params, "bitrate_kbps", None)
    return None if rate is None else float(rate) * 1000
