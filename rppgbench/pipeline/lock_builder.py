"""The lock of a protocol on this machine: its datasets' files, its encoder builds, its bitstreams in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from rppgbench.contracts import CodecSpec, DatasetSpec, Recording
from rppgbench.errors import EncodingError
from rppgbench.pipeline.local_dataset import LocalDataset, open_local_dataset
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_graph import TaskGraph
from rppgbench.protocol.folds import folds_of
from rppgbench.protocol.lock import Bitstream, DatasetFacts, Lock, RecordingFacts
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import Condition, ResolvedComponent
from rppgbench.registry import make
from rppgbench.store.source_digests import SourceDigests
from rppgbench.store.store import Store

DIGITS = 40  # of a file's SHA-256, as in the store's keys

# Wraps the recordings that are read, to show progress.
Watch = Callable[[Sequence[Recording], str], Iterable[Recording]]


def build_lock(
    protocol: Protocol,
    store: Store,
    roots: Mapping[str, Path],
    watch: Watch = lambda recordings, dataset: recordings,
) -> Lock:
    """The protocol's lock on this machine; of datasets that need files, those in ``roots``.

    Raises:
        DatasetUnavailable: a root does not hold that dataset.
        MediaError: one of its files cannot be read.
    """
    here = [
        open_local_dataset(choice, roots.get(choice.name)) for choice in protocol.datasets if _is_here(choice, roots)
    ]
    conditions = (*protocol.conditions, *protocol.training_conditions)
    encoders = {c.id: _build(c) for c in conditions if _encodes(c)}
    encodings = _Encodings(protocol, here, store, [c for c in conditions if encoders.get(c.id)])
    datasets: dict[str, DatasetFacts | None] = {choice.name: None for choice in protocol.datasets}
    bitstreams = {}
    for local in here:
        name = local.dataset.name
        recordings = watch(local.recordings, name)
        facts = {recording.id: _facts(recording, store, encodings) for recording in recordings}
        datasets[name] = DatasetFacts.of(facts, _is_complete(local))
        bitstreams[name] = encodings.bitstreams(local)
    return Lock(
        protocol=protocol.name,
        version=protocol.version,
        digest=protocol.digest,
        resolved=protocol.resolved(),
        folds=_folds(protocol, here),
        datasets=datasets,
        encoders=encoders,
        bitstreams=bitstreams,
    )


class _Encodings:
    """Encodings of a protocol in the store."""

    def __init__(
        self, protocol: Protocol, here: Sequence[LocalDataset], store: Store, conditions: Sequence[Condition]
    ) -> None:
        self._graph, self._store, self._conditions = TaskGraph(protocol, here, store), store, conditions

    def rendered(self, recording: Recording) -> str | None:
        """Sum of the video of a recording that its dataset rendered; None if it is not in the store."""
        for condition in self._conditions[:1]:
            task = self._graph.may_need("encode", recording, condition)
            if task is not None and self._store.has(task.inputs["video"]):
                return self._sha256(task.inputs["video"])[:DIGITS]
        return None

    def bitstreams(self, local: LocalDataset) -> dict[str, dict[str, Bitstream]]:
        """Bitstreams in the store by condition and recording."""
        found: dict[str, dict[str, Bitstream]] = {}
        for condition in self._conditions:
            for recording in local.recordings:
                task = self._graph.may_need("encode", recording, condition)
                if task is not None and self._store.has(task.key):
                    found.setdefault(condition.id, {})[recording.id] = self._bitstream(task)
        return found

    def _bitstream(self, task: Task) -> Bitstream:
        rate_bps = float(self._store.facts(task.key)["bitrate_bps"])
        return Bitstream(sha256=self._sha256(task.key), bitrate_bps=round(rate_bps, 3))

    def _sha256(self, key: str) -> str:
        manifest = self._store.manifest(key)
        return str(manifest["files"][manifest["facts"]["file"]]["sha256"])


def _is_here(choice: ResolvedComponent, roots: Mapping[str, Path]) -> bool:
    return choice.name in roots or not (isinstance(choice.spec, DatasetSpec) and choice.spec.needs_files)


def _is_complete(local: LocalDataset) -> bool:
    inventory = local.inventory
    return inventory is None or (not inventory.absent and len(local.recordings) >= inventory.n_recordings)


def _folds(protocol: Protocol, here: Sequence[LocalDataset]) -> tuple[tuple[str, ...], ...] | None:
    """Folds over all published subjects, the same for every copy of a part of the dataset."""
    for local in here:
        if local.dataset.name == protocol.dataset.name:
            subjects = [*local.published, *local.by_subject]
            return tuple(fold.test for fold in folds_of(protocol.folds, subjects, subjects))
    return protocol.folds.lists


def _facts(recording: Recording, store: Store, encodings: _Encodings) -> RecordingFacts:
    digests = SourceDigests(store)

    def total(paths: Sequence[Path]) -> str | None:
        return digests.key(*paths).removeprefix("file:") if paths else None

    sources = (recording.path,) if recording.path is not None else recording.source_files
    return RecordingFacts(
        subject=recording.subject,
        fps_hz=round(recording.fps_hz, 6),
        duration_s=round(recording.duration_s, 6),
        video=total(sources) or encodings.rendered(recording),
        truth=total(recording.truth_files),
        truth_details=recording.truth_details or None,
        clock=total(recording.clock_files),
    )


def _encodes(condition: Condition) -> bool:
    return isinstance(condition.codec.spec, CodecSpec) and condition.codec.spec.encoder is not None


def _build(condition: Condition) -> str | None:
    try:
        return str(make(condition.codec.spec, condition.codec.params).build())
    except EncodingError:
        return None
