"""Where artefacts come from: what they are called, what they were made from, and why two of a kind differ."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rppgbench.errors import UnknownName
from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task
from rppgbench.registry import Registry
from rppgbench.runs.events import EVENTS, EventFile, text
from rppgbench.runs.store_contents import StoredArtefact
from rppgbench.store.file_tree import names_in
from rppgbench.store.store import Store

Preimage = Mapping[str, Any]
# The inputs that lead to the recording an artefact is about, the nearest way first.
_WAYS = ("video", "traces", "crops", "waves", "truth", "labels", "boxes", "reference")


@dataclass(frozen=True)
class Difference:
    """A leaf in which two preimages differ, JSON on both sides; None where one has none.

    ``path`` leads through the inputs: ``traces > video > core``.
    """

    path: str
    wanted: str | None
    found: str | None

    @property
    def by_version(self) -> bool:
        """Whether it tells of other code, libraries or files, and not of something else that was asked for."""
        name = self.path.rpartition(" > ")[2]
        return (
            name.startswith("code.")
            or name.rpartition(".")[2] in ("build", "version")
            or any(side is not None and side.startswith('"file:') for side in (self.wanted, self.found))
        )


class ArtefactHistory:
    """What is known of keys: from the artefacts ``found``, from ``tasks`` of plans, from the events of runs.

    ``registry`` are the installed components, by which an artefact is stale.
    """

    def __init__(
        self,
        store: Store,
        found: Iterable[StoredArtefact],
        tasks: Mapping[str, Task] | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._store, self._registry = store, registry
        self._entries = {entry.key: entry for entry in found}
        self._tasks = tasks or {}
        self._stale: dict[str, bool] = {}

    @property
    def keys(self) -> set[str]:
        """All keys that are known of, whether or not there is an artefact."""
        read = {key for entry in self._entries.values() for key in entry.inputs.values() if isinstance(key, str)}
        return {*self._entries, *self._tasks, *self._told, *(key for key in read if not key.startswith("file:"))}

    def preimage(self, key: str) -> Preimage | None:
        if key in self._tasks:
            return self._tasks[key].preimage
        entry = self._entries.get(key)
        return entry.preimage if entry is not None and entry.preimage else None

    def name(self, key: str) -> str:
        """What people call it: as its run did, else its stage and recording, else the path of the user's file."""
        if key.startswith("file:"):
            return self._files.get(key, "a file that was here")
        if key in self._tasks:
            return self._tasks[key].label
        if key in self._told:
            return self._told[key]
        preimage = self.preimage(key)
        if preimage is None:
            return "of unknown origin"
        return " ".join([str(preimage.get("stage", "?")), self.recording(preimage), *_means(preimage)]).strip()

    def recording(self, preimage: Preimage) -> str:
        """Whose it is: a recording, or the file of one; empty where it is nobody's, or nobody can tell."""
        if isinstance(preimage.get("recording"), str):
            return str(preimage["recording"])
        inputs = preimage.get("inputs", {})
        for role in _WAYS:
            key = inputs.get(role)
            if isinstance(key, str) and key.startswith("file:"):
                return " ".join(
                    [
                        self._files.get(key, key),
                        *([str(frames)] if (frames := preimage.get("frames", [0, None])) != [0, None] else []),
                    ]
                )
            above = self.preimage(key) if isinstance(key, str) else None
            if above is not None and (recording := self.recording(above)):
                return recording
        return ""

    def readers(self, key: str) -> list[StoredArtefact]:
        """The artefacts that were made from this one."""
        return [entry for entry in self._entries.values() if key in entry.inputs.values()]

    def is_stale(self, key: str) -> bool:
        """Whether what is installed makes this artefact, or one that it was made from, no more."""
        if key not in self._stale:
            entry = self._entries.get(key)
            self._stale[key] = entry is not None and (
                self._is_outdated(entry.preimage) or any(self.is_stale(above) for above in entry.inputs.values())
            )
        return self._stale[key]

    def nearest(self, key: str) -> tuple[StoredArtefact, list[Difference]] | None:
        """Of the other artefacts of its stage and recording the most alike, and in what they differ."""
        wanted = self.preimage(key)
        if wanted is None:
            return None
        stage, recording = wanted.get("stage"), self.recording(wanted)
        ranked = [
            (sum(not one.by_version for one in differences), len(differences), entry.key, entry, differences)
            for entry in self._entries.values()
            if entry.key != key and entry.stage == stage and self.recording(entry.preimage) == recording
            for differences in [list(self.differences(wanted, entry.preimage))]
        ]
        return min(ranked, key=lambda one: one[:3])[3:] if ranked else None

    def differences(self, wanted: Preimage, found: Preimage) -> Iterator[Difference]:
        """The leaves in which two preimages differ, each once; inputs are followed as far as they are known."""
        return self._differences(wanted, found, "", set())

    def _differences(
        self, wanted: Preimage, found: Preimage, where: str, seen: set[tuple[str, str]]
    ) -> Iterator[Difference]:
        ours, theirs = _leaves(wanted), _leaves(found)
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                yield Difference(where + name, ours.get(name), theirs.get(name))
        ours, theirs = wanted.get("inputs", {}), found.get("inputs", {})
        for role in sorted(ours.keys() | theirs.keys()):
            pair = (ours.get(role, ""), theirs.get(role, ""))
            if pair[0] == pair[1] or pair in seen:
                continue
            seen.add(pair)
            above = (self.preimage(pair[0]), self.preimage(pair[1]))
            if above[0] is not None and above[1] is not None:
                yield from self._differences(above[0], above[1], f"{where}{role} > ", seen)
            else:
                yield Difference(f"{where}{role}", *(json.dumps(key) if key else None for key in pair))

    def _is_outdated(self, preimage: Preimage) -> bool:
        stage, code = stages().get(str(preimage.get("stage"))), preimage.get("code")
        if stage is None or self._registry is None:
            return False
        if not isinstance(code, dict):  # an older version made it
            return True
        try:
            specs = [self._registry.spec(*name.split(" ", 1)) for name in code.get("components", {})]
        except UnknownName:
            return False
        return code_versions(stage.module, specs).described() != code

    @cached_property
    def _told(self) -> dict[str, str]:
        """What the runs called the tasks, by key."""
        return {
            text(event, "key"): text(event, "task")
            for run in names_in(self._store.root / "runs")
            for event in EventFile(self._store.root / "runs" / run / EVENTS).new()
            if text(event, "key") and text(event, "task")
        }

    @cached_property
    def _files(self) -> dict[str, str]:
        """Where the user's files lay, by key."""
        found = {}
        for name in names_in(self._store.root / "sources"):
            try:
                memo = json.loads((self._store.root / "sources" / name).read_bytes())
                found[str(memo["key"])] = str(memo["path"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found


def _means(preimage: Preimage) -> list[str]:
    """The components that it was made with, and their numbers and names that were chosen."""
    told = []
    for role in ("codec", "method", "enhancer"):
        component = preimage.get(role)
        if isinstance(component, dict) and isinstance(component.get("use"), str):
            told.append(component["use"])
            params = component.get("params")
            told += [f"{n}={v}" for n, v in params.items() if isinstance(v, int | float | str)] if params else []
    return told


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """A tree's leaves as JSON, by dotted path; a list is a leaf."""
    if not isinstance(value, Mapping):
        return {path: json.dumps(value, ensure_ascii=False)}
    found: dict[str, str] = {}
    for name, below in value.items():
        found |= leaves(below, f"{path}.{name}" if path else str(name))
    return found


def _leaves(preimage: Preimage) -> dict[str, str]:
    return leaves({name: value for name, value in preimage.items() if name != "inputs"})
