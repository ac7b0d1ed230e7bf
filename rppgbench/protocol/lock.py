"""What a protocol came to, written down: its meaning, folds, the dataset's files, encoder builds, sums of bitstreams.

A lock lies beside its protocol, ``<name>.lock.json``. Two owners of a dataset learn from it whether they have the same
bits, and a change of meaning without a new version is found out. It holds no path and nothing of a recording but its
id, subject, frame rate, length, and SHA-256 sums.
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
    """Of one recording. A sum is the first 40 digits of the file's SHA-256, or of names and sums of several files.

    ``video`` is that of the video, or of what it is made from; ``truth`` of the contact sensor's files, ``clock`` of
    those that say when each frame was taken. ``truth_details`` is what no file says of the truth. None is what there is
    nothing of.
    """

    subject: str
    fps_hz: float
    duration_s: float
    video: str | None = None
    truth: str | None = None
    truth_details: str | None = None
    clock: str | None = None

    @model_serializer
    def _what_there_is(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if value is not None}


class DatasetFacts(Frozen):
    """``complete`` says that all that was published is here; ``digest`` is the SHA-256 of all ``recordings``."""

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
    """``folds`` are the subjects that each tests; None, of a fold or a dataset or a build, is what was not here to say.

    ``resolved`` is all that ``digest`` covers; ``bitstreams`` are by dataset.
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

    def described_dataset(self, name: str) -> Any:
        """Version and params of a dataset that the protocol uses."""
        training = self.resolved["training"]
        used = (self.resolved["dataset"], training.get("methods_learn_on"), training.get("enhancers_learn_on"))
        return next((described for described in used if described and described["use"] == name), None)

    def described_condition(self, name: str) -> Any:
        """Codec, version and params of a condition, tested or only learnt from."""
        conditions = (*self.resolved["conditions"], *self.resolved["training"].get("conditions", ()))
        return next((described for described in conditions if described["id"] == name), None)

    @property
    def not_here(self) -> Iterator[tuple[str, str]]:
        """What this lock cannot say, and why."""
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
        """JSON with sorted keys: equal locks are equal texts."""
        tree = {**self.model_dump(mode="json"), "not_here": dict(self.not_here)}
        return json.dumps(tree, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def lock_path(protocol: Path) -> Path:
    """Where the lock of the protocol in that file lies."""
    return protocol.with_name(protocol.stem + SUFFIX)


def read_lock(path: Path) -> Lock:
    """The lock in a file.

    Raises:
        RppgbenchError: there is none, or it is no lock of this format.
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
