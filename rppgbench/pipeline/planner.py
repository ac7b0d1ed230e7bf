"""Planning: from a protocol and the datasets on this machine to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rppgbench.errors import ProtocolError, nearest
from rppgbench.pipeline.local_dataset import drop_duplicate_videos, open_local_dataset
from rppgbench.pipeline.plan import Plan, Trial
from rppgbench.pipeline.stage_settings import DeviceKind, count_windows
from rppgbench.pipeline.task_graph import TaskGraph
from rppgbench.pipeline.task_order import order_tasks
from rppgbench.protocol.folds import folds_of
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import ResolvedComponent
from rppgbench.protocol.resolved_entry import ResolvedEntry
from rppgbench.store.source_digests import SourceDigests
from rppgbench.store.store import Store

NARROWABLE = ("method", "enhancer", "entry", "condition", "codec", "subject", "recording", "fold")


def parse_only(narrowing: Iterable[str]) -> dict[str, set[str]]:
    """``["method=pos", "condition=x264-250k"]`` as names by kind.

    Raises:
        ProtocolError: an item is not ``what=name``, or names a kind that cannot be narrowed.
    """
    selected: dict[str, set[str]] = {}
    for item in narrowing:
        what, equals, name = item.partition("=")
        if not equals or not name:
            raise ProtocolError(f"--only {item}: expected WHAT=NAME, such as --only method=pos")
        if what not in NARROWABLE:
            raise ProtocolError(f"--only {item}: {what!r} cannot be narrowed", hint=nearest(what, NARROWABLE))
        selected.setdefault(what, set()).add(name)
    return selected


def needed_datasets(protocol: Protocol, only: Iterable[str] = ()) -> tuple[ResolvedComponent, ...]:
    """The tested dataset, then the training datasets of those entries that ``only`` selects."""
    selected = parse_only(only)
    entries = [entry for entry in protocol.entries if _matches(selected, **_names(entry))]
    others = (
        (protocol.methods_learn_on, any(entry.method_training for entry in entries)),
        (protocol.enhancers_learn_on, any(entry.enhancer_training for entry in entries)),
    )
    return (protocol.dataset, *{dataset.name: dataset for dataset, needed in others if dataset and needed}.values())


def make_plan(
    protocol: Protocol,
    store: Store,
    *,
    roots: Mapping[str, Path] | None = None,
    only: Iterable[str] = (),
    device: DeviceKind = "cpu",
) -> Plan:
    """The plan of ``protocol``, or of the part of it that ``only`` selects.

    ``roots`` are the folders of datasets by name, ``device`` is the kind of device on which networks train and run.

    Raises:
        DatasetUnavailable: the dataset's files are not here.
        ProtocolError: folds cannot be made, or ``only`` selects nothing.
    """
    digests = SourceDigests(store)
    datasets = [
        drop_duplicate_videos(open_local_dataset(dataset, (roots or {}).get(dataset.name)), digests)
        for dataset in needed_datasets(protocol, only)
    ]
    tested = datasets[0]
    folds = folds_of(protocol.folds, tested.published, tested.by_subject)
    selected = parse_only(only)
    plan = Plan(protocol, datasets, folds, narrowed=bool(selected))
    graph = TaskGraph(protocol, datasets, store, device)
    _check_names(plan, selected)
    plan.trials = list(_trials(plan, graph, selected))
    plan.tasks = order_tasks(graph.tasks, plan.trials)
    if not plan.trials:
        raise ProtocolError("nothing is left to run after --only", hint="loosen one of them")
    if not any(trial.n_windows for trial in plan.trials):
        raise ProtocolError(
            f"{protocol.path}: no recording is as long as a window: clips.length_s is {protocol.clips.length_s:g} s, "
            f"the longest recording {max(r.duration_s for r in plan.recordings):g} s"
        )
    return plan


def _check_names(plan: Plan, selected: Mapping[str, set[str]]) -> None:
    protocol = plan.protocol
    names = {
        "condition": {c.id for c in protocol.conditions},
        "codec": {c.codec.name for c in protocol.conditions},
        "method": {e.method.name for e in protocol.entries},
        "enhancer": {e.enhancer.name for e in protocol.entries if e.enhancer},
        "entry": {e.id for e in protocol.entries},
        "subject": {r.subject for r in plan.recordings},
        "recording": {r.id for r in plan.recordings},
        "fold": {str(fold.index) for fold in plan.folds},
    }
    for what, wanted in selected.items():
        for name in sorted(wanted - names[what]):
            raise ProtocolError(f"--only {what}={name}: no such {what} here", hint=nearest(name, names[what]))


def _trials(plan: Plan, graph: TaskGraph, selected: Mapping[str, set[str]]) -> Iterator[Trial]:
    """Selected trials, recording by recording, so that a worker decodes each source once."""
    fold_of = {subject: fold for fold in plan.folds for subject in fold.test}
    for recording in plan.recordings:
        fold = fold_of[recording.subject]
        if not _matches(selected, subject=recording.subject, recording=recording.id, fold=str(fold.index)):
            continue
        n_windows = count_windows(recording.duration_s, plan.protocol.clips.length_s)
        for condition in plan.protocol.conditions:
            if not _matches(selected, condition=condition.id, codec=condition.codec.name):
                continue
            for entry in plan.protocol.entries:
                if not _matches(selected, **_names(entry)):
                    continue
                for seed in plan.protocol.training.seeds if entry.seeded else (None,):
                    score = graph.need("score", recording, fold, condition, entry, seed)
                    encode = graph.may_need("encode", recording, condition)
                    yield Trial(recording, fold, condition, entry, seed, score, encode, n_windows)


def _matches(selected: Mapping[str, set[str]], **names: str) -> bool:
    return all(name in selected[what] for what, name in names.items() if what in selected)


def _names(entry: ResolvedEntry) -> dict[str, str]:
    return {"method": entry.method.name, "entry": entry.id, "enhancer": entry.enhancer.name if entry.enhancer else ""}
