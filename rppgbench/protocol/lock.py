"""Protocol locks: resolved protocol, folds, the dataset's files, encoder builds and SHA-256 sums of bitstreams.

A lock lies beside its protocol as ``<name>.lock.json``. Owners of a dataset compare their files with it, and tests
detect a protocol that changed without a new version. It holds no path, and of a recording only id, subject, frame
rate, duration and SHA-256 sums.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError, model_serializer

from rppgbench.errors import RppgbenchError
from rppgbench.protocol.protocol_file import Frozen

SUFFIX = ".lock.json"


class RecordingFacts(Frozen):
    """Facts on one recording. A sum is the first 40 digits of a file's SHA-256, or that of several names and sums.

    ``video`` is the sum of the video or its source files, ``truth`` of the contact sensor's files, ``clock`` of the
    files with frame times; ``truth_details`` is what the ground truth depends on besides files. None: there is no such
    file or detail.
    """

    subject: str
    fps_hz: float
    duration_s: float
    video: str | None = None
    truth: str | None = None
    truth_details: str | None = None
    clock: str | None = None

    @model_serializer
    def _without_none(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


class DatasetFacts(Frozen):
    """Facts on the recordings here; ``complete``: all published ones; ``digest``: SHA-256 of all ``recordings``."""

    complete: bool
    digest: str
    recordings: Mapping[str, RecordingFacts]

    @classmethod
    def of(cls, recordings: Mapping[str, RecordingFacts], complete: bool) -> DatasetFacts:
        text = json.dumps({name: facts.model_dump() for name, facts in recordings.items()}, sort_keys=True)
        return cls(complete=complete, digest=hashlib.sha256(text.encode()).hexdigest(), recordings=recordings)


class Bitstream(Frozen):
    sha256: str
    bitrate_bps: float


# By condition, then by recording.
Bitstreams = Mapping[str, Mapping[str, Bitstream]]


class Lock(Frozen):
    """A protocol's lock; ``folds`` are the test subjects of each fold, ``bitstreams`` are by dataset.

    ``resolved`` is all that ``digest`` covers. A value of None was not known on the machine that wrote the lock.
    """

    lock: Literal[1] = 1
    protocol: str
    version: int
    digest: str
    resolved: Mapping[str, Any]
    folds: tuple[tuple[str, ...], ...] | None = None
    datasets: Mapping[str, DatasetFacts | None]
    encoders: Mapping[str, str | None]
    bitstreams: Mapping[str, Bitstreams]

    def described_dataset(self, name: str) -> Mapping[str, Any] | None:
        """Name, version and params of a dataset that the protocol uses; None for any other."""
        training = self.resolved["training"]
        used = (self.resolved["dataset"], training.get("methods_learn_on"), training.get("enhancers_learn_on"))
        return next((described for described in used if described and described["use"] == name), None)

    def described_condition(self, name: str) -> Mapping[str, Any] | None:
        """Codec, version and params of a test or training condition; None for any other."""
        conditions = (*self.resolved["conditions"], *self.resolved["training"].get("conditions", ()))
        return next((described for described in conditions if described["id"] == name), None)

    @property
    def not_here(self) -> Iterator[tuple[str, str]]:
        """Pairs of a key without a value and the reason."""
        without = [name for name, facts in self.datasets.items() if facts is None]
        if self.folds is None:
            yield "folds", f"they depend on the subjects of {self.resolved['dataset']['use']}"
        for name in without:
            yield f"datasets.{name}", "its files were not here"
        for name, build in self.encoders.items():
            if build is None:
                yield f"encoders.{name}", "there was no such encoder here"
        if any(self.encoders.values()) and not any(self.bitstreams.values()):
            yield "bitstreams", "nothing was encoded here yet"

    def text(self) -> str:
        """The lock as JSON with sorted keys: equal locks give equal texts."""
        tree = {**self.model_dump(mode="json"), "not_here": dict(self.not_here)}
        return json.dumps(tree, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def lock_path(protocol: Path) -> Path:
    """Path of the lock of the protocol file ``protocol``."""
    return protocol.with_name(protocol.stem + SUFFIX)


def read_lock(path: Path) -> Lock:
    """The lock at ``path``.

    Raises:
        RppgbenchError: the file is missing, or is no lock of this format.
    """
    again = "write it anew with 'rppgbench lock PROTOCOL'"
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(tree, dict):
            tree.pop("not_here", None)  # follows from the rest
        return Lock.model_validate(tree)
    except FileNotFoundError:
        raise RppgbenchError(f"{path}: no such lock", hint=again) from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RppgbenchError(f"{path}: {where or 'the file'}: {first['msg']}", hint=again) from None
    except (OSError, ValueError) as error:
        raise RppgbenchError(f"{path}: cannot be read: {error}", hint=again) from None
