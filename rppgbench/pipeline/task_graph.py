"""The graph of tasks behind a plan: what entries learn and predict, and the scoring of it, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rppgbench.contracts import Recording
from rppgbench.errors import ProtocolError
from rppgbench.pipeline import artefact_sizes
from rppgbench.pipeline.local_dataset import LocalDataset
from rppgbench.pipeline.provenance import LIBRARIES, TORCH
from rppgbench.pipeline.recording_tasks import RecordingTasks
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.training_tasks import TrainingTasks
from rppgbench.protocol.folds import Fold
from rppgbench.protocol.resolve import Protocol
from rppgbench.protocol.resolved_component import Condition
from rppgbench.protocol.resolved_entry import ResolvedEntry
from rppgbench.store.store import Store


class TaskGraph(RecordingTasks):
    """Tasks of a protocol by key, each after its inputs; what several cells need is there once.

    Of the ``collections`` the first is tested, the others are only learnt from.
    """

    def __init__(self, protocol: Protocol, collections: Sequence[LocalDataset], store: Store) -> None:
        super().__init__(protocol, collections, store)
        self._collections = {collection.dataset.name: collection for collection in collections}
        self._lessons = TrainingTasks(self, protocol)

    def score(
        self, recording: Recording, fold: Fold, condition: Condition, entry: ResolvedEntry, seed: int | None
    ) -> Task:
        """The scoring of one cell, and with it everything that it needs."""
        settings: dict[str, Any] = {**self.windows(), "heart_rate": self.heart_rate()}
        if joined_s := self._protocol.evaluation.joined_windows_s:
            settings["joined_s"] = list(joined_s)
        inputs = {
            "waves": self._predict(recording, fold, condition, entry, seed).key,
            "labels": self.label(recording).key,
        }
        if (stranger := self._stranger(recording)) is not None:
            inputs["stranger"] = self.truth(stranger).key
        if (quality := self.quality(recording, condition)) is not None:
            inputs["quality"] = quality.key
            if entry.enhancer is not None:
                settings["duration_s"] = recording.duration_s
                inputs["reference traces"] = self.traces(recording, self._protocol.reference).key
        details = f"{condition.id} {entry.id}" + ("" if seed is None else f" seed {seed}")
        return self.task(
            "score", settings, inputs, recording, details, bytes_out=artefact_sizes.score(self.n_windows(recording))
        )

    def _stranger(self, recording: Recording) -> Recording | None:
        """The first recording of the next subject: what correlates with that one's contact sensor does so by chance."""
        by_subject = self._collections[self._protocol.dataset.name].by_subject
        subjects = list(by_subject)
        following = subjects[(subjects.index(recording.subject) + 1) % len(subjects)]
        return None if following == recording.subject else by_subject[following][0]

    def _predict(
        self, recording: Recording, fold: Fold, condition: Condition, entry: ResolvedEntry, seed: int | None
    ) -> Task:
        spec = entry.method_spec
        settings: dict[str, Any] = {
            "method": self.described(entry.method),
            "input": spec.input,
            "region": spec.region,
            "duration_s": recording.duration_s,
            **self.windows(),
        }
        inputs = {}
        if spec.input == "trace":
            inputs["traces"] = self.traces(recording, condition).key
        if spec.input == "video" or entry.enhancer is not None:
            inputs["crops"] = self.crop(recording, condition).key
        if entry.enhancer is not None:
            settings["enhancer"] = self._lessons.described_enhancer(entry)
            settings["skin_threshold"] = self._protocol.clips.skin.threshold
            settings["frames_are_skin"] = recording.frames_are_skin
            if not condition.is_reference:
                inputs["reference"] = self.crop(recording, self._protocol.reference).key
                inputs["traces"] = self.traces(recording, condition).key
        if spec.learns and entry.method_training is None:
            inputs["method state"] = self._fit_in_closed_form(fold, entry).key
        bytes_out = artefact_sizes.waves(
            recording, self._protocol.clips.fps_hz, self.n_windows(recording), enhanced=entry.enhancer is not None
        )
        if seed is None:
            details = f"{condition.id} {entry.id}"
            return self.task("predict", settings, inputs, recording, details, bytes_out=bytes_out)
        inputs |= self._lessons.states(fold, condition, entry, seed)
        details = f"{condition.id} {entry.id} seed {seed}"
        libraries = (*LIBRARIES, *TORCH)
        return self.task("predict", settings, inputs, recording, details, bytes_out=bytes_out, libraries=libraries)

    def training(self, fold: Fold, elsewhere: str | None = None) -> list[Recording]:
        """All that any fit of the fold may see: its training subjects' recordings, or those of a dataset ``elsewhere``.

        Raises:
            ProtocolError: the fold tests one of them, or there is nobody else.
        """
        if elsewhere is not None:
            return list(self._collections[elsewhere].recordings)
        leaked = sorted(set(fold.train) & set(fold.test))
        if leaked:
            raise ProtocolError(f"fold {fold.index} would learn from subjects it tests: {', '.join(leaked)}")
        if not fold.train:
            raise ProtocolError(
                f"fold {fold.index} tests all subjects that are here: nobody is left to learn from",
                hint="point to more of the dataset, or run what learns nothing: --only entry=NAME",
            )
        tested = self._collections[self._protocol.dataset.name]
        return [recording for subject in fold.train for recording in tested.by_subject[subject]]

    def _fit_in_closed_form(self, fold: Fold, entry: ResolvedEntry) -> Task:
        training = self.training(fold)
        settings = {
            "method": self.described(entry.method),
            "durations_s": {recording.id: recording.duration_s for recording in training},
            **self.windows(),
            "heart_rate": self.heart_rate(),
        }
        inputs = {recording.id: self.truth(recording).key for recording in training}
        bytes_out = artefact_sizes.FOLDER + artefact_sizes.INPUT * len(inputs)
        return self.task("fit", settings, inputs, None, f"{entry.id} fold {fold.index}", bytes_out=bytes_out)
