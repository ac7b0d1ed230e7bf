"""Differences between two locks of one protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from rppgbench.protocol.lock import Bitstreams, DatasetFacts, Lock

_ABSENT = "(absent)"


@dataclass(frozen=True)
class LockDiff:
    """Lines to print; of two values in one line the locked one comes first: ``locked | here``."""

    same: list[str] = field(default_factory=list)
    different: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def diff_locks(locked: Lock, here: Lock) -> LockDiff:
    """The differences in resolved protocol, folds, dataset files, encoder builds and bitstreams.

    Datasets and conditions that the two locks declare differently are not compared further. Another encoder build is
    no difference if its bitstreams are the same.
    """
    diff = LockDiff()
    _compare_meaning(locked, here, diff)
    _compare_folds(locked, here, diff)
    for name in locked.datasets:
        if _same_dataset(locked, here, name):
            _compare_dataset(name, locked.datasets[name], here.datasets[name], diff)
    for condition in locked.encoders:
        if _same_condition(locked, here, condition):
            _compare_condition(condition, locked, here, diff)
    return diff


def merge_locks(locked: Lock, here: Lock) -> Lock:
    """``here``, completed by the facts of ``locked`` on the same folds, datasets and conditions."""
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
    """Lines such as ``clips.length_s: 30.0 | 20.0`` for each leaf that differs between two trees of plain data."""
    left, right = dict(_flat(one)), dict(_flat(other))
    for key in [*left, *(key for key in right if key not in left)]:
        if left.get(key) != right.get(key):
            yield f"{key}: {left.get(key, _ABSENT)} | {right.get(key, _ABSENT)}"


def _compare_meaning(locked: Lock, here: Lock, diff: LockDiff) -> None:
    if locked.digest == here.digest:
        diff.same.append(f"meaning: {here.protocol} v{here.version}, digest {here.digest[:12]}")
    else:
        lines = list(differing(locked.resolved, here.resolved))
        diff.different.extend(f"meaning: {line}" for line in lines or [f"digest: {locked.digest} | {here.digest}"])


def _compare_folds(locked: Lock, here: Lock, diff: LockDiff) -> None:
    if not _same_folds(locked, here):
        return
    if locked.folds is None or here.folds is None:
        diff.unknown.append(f"folds: {_side(locked.folds is None)} does not know the subjects")
        return
    if locked.folds == here.folds:
        diff.same.append(f"folds: {len(here.folds)}")
    for index, (one, other) in enumerate(zip_longest(locked.folds, here.folds, fillvalue=(_ABSENT,))):
        if one != other:
            diff.different.append(f"fold {index}: tests {', '.join(one)} | {', '.join(other)}")


def _compare_dataset(name: str, locked: DatasetFacts | None, here: DatasetFacts | None, diff: LockDiff) -> None:
    if locked is None or here is None:
        diff.unknown.append(f"dataset {name}: {_side(locked is None)} has none of its files")
        return
    before = len(diff.different)
    shared = [recording for recording in locked.recordings if recording in here.recordings]
    for recording in shared:
        one, other = locked.recordings[recording].model_dump(), here.recordings[recording].model_dump()
        for key in [key for key in one if key in other]:
            if one[key] != other[key]:
                diff.different.append(f"dataset {name}, {recording}: {key}: {one[key]} | {other[key]}")
    for recording in here.recordings:
        if recording not in locked.recordings and locked.complete:
            diff.different.append(f"dataset {name}, {recording}: {_ABSENT} | here")
    if len(diff.different) == before and shared:
        diff.same.append(f"dataset {name}: {len(shared)} of {len(locked.recordings)} locked recordings")
    if absent := len(locked.recordings) - len(shared):
        diff.unknown.append(f"dataset {name}: {absent} of {len(locked.recordings)} locked recordings are not here")


def _compare_condition(condition: str, locked: Lock, here: Lock, diff: LockDiff) -> None:
    different, n_same, n_locked = [], 0, 0
    for dataset in locked.bitstreams:
        if not _same_dataset(locked, here, dataset):
            continue
        streams = locked.bitstreams[dataset].get(condition, {})
        here_streams = here.bitstreams.get(dataset, {}).get(condition, {})
        n_locked += len(streams)
        for recording in streams.keys() & here_streams.keys():
            one, other = streams[recording], here_streams[recording]
            if one.sha256 == other.sha256:
                n_same += 1
            else:
                rates = f"{one.bitrate_bps:.0f} bit/s | {other.sha256} {other.bitrate_bps:.0f} bit/s"
                different.append(f"bitstream of {recording} ({dataset}), {condition}: {one.sha256} {rates}")
    diff.different.extend(sorted(different))
    build, here_build = locked.encoders[condition], here.encoders[condition]
    if build is None or here_build is None:
        diff.unknown.append(f"encoder of {condition}: {_side(build is None)} does not know its build")
    elif build == here_build:
        diff.same.append(f"encoder of {condition}: {build}")
    elif n_same and not different:
        diff.same.append(f"encoder of {condition}: another build, the same bits: {build} | {here_build}")
    else:
        diff.different.append(f"encoder of {condition}: {build} | {here_build}")
    if n_same:
        diff.same.append(f"bitstreams of {condition}: {n_same} of {n_locked} locked")
    if absent := n_locked - n_same - len(different):
        diff.unknown.append(f"bitstreams of {condition}: {absent} of {n_locked} locked are not in this store")


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
    left, right = one.described_condition(name), other.described_condition(name)
    if left is None or right is None:
        return False
    return all(left[key] == right[key] for key in ("use", "version", "params"))


def _side(locked: bool) -> str:
    return "the lock" if locked else "this machine"


def _flat(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Pairs of dotted path and leaf; list items with an id are addressed by it, others by index."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, Sequence) and any(isinstance(value, Mapping) for value in node):
        for index, value in enumerate(node):
            yield from _flat(value, f"{path}[{value.get('id', index) if isinstance(value, Mapping) else index}]")
    else:
        yield path, node
