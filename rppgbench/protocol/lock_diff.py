"""Two locks of one protocol held against each other: what is the same, what differs, what cannot be said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from rppgbench.protocol.lock import Bitstreams, DatasetFacts, Lock

_ABSENT = "(absent)"


@dataclass(frozen=True)
class LockDiff:
    """Lines for people; where two values stand in one, the locked one comes first: ``locked | here``."""

    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def diff_locks(locked: Lock, here: Lock) -> LockDiff:
    """Meaning, folds, files of datasets, encoder builds and bitstreams.

    What belongs to a dataset or a condition that the two declare differently is not compared further. A build of
    another name is no difference where the bitstreams that it made are the same.
    """
    found = LockDiff()
    _compare_meaning(locked, here, found)
    _compare_folds(locked, here, found)
    for name in locked.datasets:
        if _same_dataset(locked, here, name):
            _compare_dataset(name, locked.datasets[name], here.datasets[name], found)
    for condition in locked.encoders:
        if _same_condition(locked, here, condition):
            _compare_condition(condition, locked, here, found)
    return found


def merge_locks(locked: Lock, here: Lock) -> Lock:
    """``here``, and beside it whatever ``locked`` knows of the same folds, datasets and conditions."""
    folds = here.folds
    if folds is None and _same_folds(locked, here):
        folds = locked.folds
    datasets, encoders, bitstreams = dict(here.datasets), dict(here.encoders), dict(here.bitstreams)
    for name in here.datasets:
        if _same_dataset(locked, here, name):
            datasets[name] = _merge_dataset(locked.datasets[name], here.datasets[name])
            bitstreams[name] = _merge_bitstreams(name, locked, here)
    for condition, build in here.encoders.items():
        if build is None and _same_condition(locked, here, condition):
            encoders[condition] = locked.encoders[condition]
    return here.model_copy(
        update={"folds": folds, "datasets": datasets, "encoders": encoders, "bitstreams": bitstreams}
    )


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Lines such as ``clips.length_s: 30.0 | 20.0`` for whatever two trees of plain data do not share."""
    left, right = dict(_flat(one)), dict(_flat(other))
    for key in [*left, *(key for key in right if key not in left)]:
        if left.get(key) != right.get(key):
            yield f"{key}: {left.get(key, _ABSENT)} | {right.get(key, _ABSENT)}"


def _compare_meaning(locked: Lock, here: Lock, found: LockDiff) -> None:
    if locked.digest == here.digest:
        found.same.append(f"meaning: {here.protocol} v{here.version}, digest {here.digest[:12]}")
    else:
        lines = list(differing(locked.resolved, here.resolved))
        found.different.extend(f"meaning: {line}" for line in lines or [f"digest: {locked.digest} | {here.digest}"])


def _compare_folds(locked: Lock, here: Lock, found: LockDiff) -> None:
    if not _same_folds(locked, here):
        return
    if locked.folds is None or here.folds is None:
        found.unknown.append(f"folds: {_which(locked.folds is None)} does not know the subjects")
        return
    if locked.folds == here.folds:
        found.same.append(f"folds: {len(here.folds)}")
    for index, (one, other) in enumerate(zip_longest(locked.folds, here.folds, fillvalue=(_ABSENT,))):
        if one != other:
            found.different.append(f"fold {index}: tests {', '.join(one)} | {', '.join(other)}")


def _compare_dataset(name: str, locked: DatasetFacts | None, here: DatasetFacts | None, found: LockDiff) -> None:
    if locked is None or here is None:
        found.unknown.append(f"dataset {name}: {_which(locked is None)} has none of its files")
        return
    before = len(found.different)
    shared = [recording for recording in locked.recordings if recording in here.recordings]
    for recording in shared:
        one, other = locked.recordings[recording].model_dump(), here.recordings[recording].model_dump()
        for key in [key for key in one if key in other]:
            if one[key] != other[key]:
                found.different.append(f"dataset {name}, {recording}: {key}: {one[key]} | {other[key]}")
    for recording in here.recordings:
        if recording not in locked.recordings and locked.complete:
            found.different.append(f"dataset {name}, {recording}: {_ABSENT} | here")
    if len(found.different) == before and shared:
        found.same.append(f"dataset {name}: {len(shared)} of {len(locked.recordings)} locked recordings")
    if absent := len(locked.recordings) - len(shared):
        found.unknown.append(f"dataset {name}: {absent} of {len(locked.recordings)} locked recordings are not here")


def _compare_condition(condition: str, locked: Lock, here: Lock, found: LockDiff) -> None:
    different, n_same, n_locked = [], 0, 0
    for dataset in locked.bitstreams:
        if not _same_dataset(locked, here, dataset):
            continue
        streams = locked.bitstreams[dataset].get(condition, {})
        rivals = here.bitstreams.get(dataset, {}).get(condition, {})
        n_locked += len(streams)
        for recording in streams.keys() & rivals.keys():
            one, other = streams[recording], rivals[recording]
            if one.sha256 == other.sha256:
                n_same += 1
            else:
                rates = f"{one.bitrate_bps:.0f} bit/s | {other.sha256} {other.bitrate_bps:.0f} bit/s"
                different.append(f"bitstream of {recording} ({dataset}), {condition}: {one.sha256} {rates}")
    found.different.extend(sorted(different))
    build, rival = locked.encoders[condition], here.encoders[condition]
    if build is None or rival is None:
        found.unknown.append(f"encoder of {condition}: {_which(build is None)} does not know its build")
    elif build == rival:
        found.same.append(f"encoder of {condition}: {build}")
    elif n_same and not different:
        found.same.append(f"encoder of {condition}: another build, the same bits: {build} | {rival}")
    else:
        found.different.append(f"encoder of {condition}: {build} | {rival}")
    if n_same:
        found.same.append(f"bitstreams of {condition}: {n_same} of {n_locked} locked")
    if absent := n_locked - n_same - len(different):
        found.unknown.append(f"bitstreams of {condition}: {absent} of {n_locked} locked are not in this store")


def _merge_dataset(locked: DatasetFacts | None, here: DatasetFacts | None) -> DatasetFacts | None:
    if locked is None or here is None:
        return here or locked
    recordings = {**locked.recordings}
    for name, facts in here.recordings.items():
        known = locked.recordings.get(name)
        recordings[name] = facts if known is None else known.model_copy(update=facts.model_dump())
    return DatasetFacts.of(recordings, locked.complete or here.complete)


def _merge_bitstreams(dataset: str, locked: Lock, here: Lock) -> Bitstreams:
    known, new = (lock.bitstreams.get(dataset, {}) for lock in (locked, here))
    kept = {condition: streams for condition, streams in known.items() if _same_condition(locked, here, condition)}
    return {condition: {**kept.get(condition, {}), **new.get(condition, {})} for condition in {**kept, **new}}


def _same_folds(one: Lock, other: Lock) -> bool:
    return all(one.resolved[key] == other.resolved[key] for key in ("folds", "dataset"))


def _same_dataset(one: Lock, other: Lock, name: str) -> bool:
    described = one.described_dataset(name)
    return described is not None and described == other.described_dataset(name)


def _same_condition(one: Lock, other: Lock, name: str) -> bool:
    if name not in one.encoders or name not in other.encoders:
        return False
    keys = ("use", "version", "params")
    described = [lock.described_condition(name) for lock in (one, other)]
    return all(described) and all(described[0][key] == described[1][key] for key in keys)


def _which(locked: bool) -> str:
    return "the lock" if locked else "this machine"


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Leaves by dotted path; items of a list that have an id by that."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, Sequence) and any(isinstance(value, Mapping) for value in node):
        for index, value in enumerate(node):
            yield from _flat(value, f"{path}[{value.get('id', index) if isinstance(value, Mapping) else index}]")
    else:
        yield path, node
