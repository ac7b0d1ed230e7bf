"""The origin of artefacts: their names, inputs and readers, and the differences between two of a stage."""

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
# Roles of inputs that lead to the recording of an artefact, the nearest first.
_RECORDING_ROLES = ("video", "traces", "crops", "waves", "truth", "labels", "boxes", "reference")


@dataclass(frozen=True)
class Difference:
    """A leaf in which two preimages differ, JSON on both sides; None on a side that lacks it.

    ``path`` leads through the inputs: ``traces > video > core``.
    """

    path: str
    wanted: str | None
    found: str | None

    @property
    def by_version(self) -> bool:
        """Whether it is a difference of code, libraries or files, and not of settings."""
        name = self.path.rpartition(" > ")[2]
        return (
            name.startswith("code.")
            or name.rpartition(".")[2] in ("build", "version")
            or any(side is not None and side.startswith('"file:') for side in (self.wanted, self.found))
        )


class ArtefactHistory:
    """Names, preimages and relations of keys: from the artefacts ``found``, ``tasks`` of plans, and event logs.

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
        """All known keys, with or without an artefact."""
        read = {key for entry in self._entries.values() for key in entry.inputs.values() if isinstance(key, str)}
        return {*self._entries, *self._tasks, *self._labels, *(key for key in read if not key.startswith("file:"))}

    def preimage(self, key: str) -> Preimage | None:
        if key in self._tasks:
            return self._tasks[key].preimage
        entry = self._entries.get(key)
        return entry.preimage if entry is not None and entry.preimage else None

    def name(self, key: str) -> str:
        """A readable name: the label in its run, else stage, recording and components; the path of a user's file."""
        if key.startswith("file:"):
            return self._files.get(key, "a file that was here")
        if key in self._tasks:
            return self._tasks[key].label
        if key in self._labels:
            return self._labels[key]
        preimage = self.preimage(key)
        if preimage is None:
            return "of unknown origin"
        return " ".join([str(preimage.get("stage", "?")), self.recording(preimage), *_components(preimage)]).strip()

    def recording(self, preimage: Preimage) -> str:
        """The recording of an artefact, or the file of one; empty if it has none or it is unknown."""
        if isinstance(preimage.get("recording"), str):
            return str(preimage["recording"])
        inputs = preimage.get("inputs", {})
        for role in _RECORDING_ROLES:
            key = inputs.get(role)
            if isinstance(key, str) and key.startswith("file:"):
                return " ".join(
                    [
                        self._files.get(key, key),
                        *([str(part)] if (part := preimage.get("frames", [0, None])) != [0, None] else []),
                    ]
                )
            source = self.preimage(key) if isinstance(key, str) else None
            if source is not None and (recording := self.recording(source)):
                return recording
        return ""

    def readers(self, key: str) -> list[StoredArtefact]:
        """Artefacts that have this key as an input."""
        return [entry for entry in self._entries.values() if key in entry.inputs.values()]

    def is_stale(self, key: str) -> bool:
        """Whether this artefact, or one of its inputs, was made by other code or libraries than are installed."""
        if key not in self._stale:
            entry = self._entries.get(key)
            self._stale[key] = entry is not None and (
                self._is_outdated(entry.preimage) or any(self.is_stale(source) for source in entry.inputs.values())
            )
        return self._stale[key]

    def nearest(self, key: str) -> tuple[StoredArtefact, list[Difference]] | None:
        """The artefact of the same stage and recording with the fewest differences, and these; None without any."""
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
        """Leaves in which two preimages differ, each once; inputs are followed as far as their preimages are known."""
        return self._differences(wanted, found, "", set())

    def _differences(
        self, wanted: Preimage, found: Preimage, path: str, visited: set[tuple[str, str]]
    ) -> Iterator[Difference]:
        ours, theirs = _leaves(wanted), _leaves(found)
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                yield Difference(path + name, ours.get(name), theirs.get(name))
        ours, theirs = wanted.get("inputs", {}), found.get("inputs", {})
        for role in sorted(ours.keys() | theirs.keys()):
            pair = (ours.get(role, ""), theirs.get(role, ""))
            if pair[0] == pair[1] or pair in visited:
                continue
            visited.add(pair)
            sources = (self.preimage(pair[0]), self.preimage(pair[1]))
            if sources[0] is not None and sources[1] is not None:
                yield from self._differences(sources[0], sources[1], f"{path}{role} > ", visited)
            else:
                yield Difference(f"{path}{role}", *(json.dumps(key) if key else None for key in pair))

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
    def _labels(self) -> dict[str, str]:
        """Labels of tasks in the event logs, by key."""
        return {
            text(event, "key"): text(event, "task")
            for run in names_in(self._store.root / "runs")
            for event in EventFile(self._store.root / "runs" / run / EVENTS).new()
            if text(event, "key") and text(event, "task")
        }

    @cached_property
    def _files(self) -> dict[str, str]:
        """Paths of the user's files, by key."""
        found = {}
        for name in names_in(self._store.root / "sources"):
            try:
                memo = json.loads((self._store.root / "sources" / name).read_bytes())
                found[str(memo["key"])] = str(memo["path"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return found


def _components(preimage: Preimage) -> list[str]:
    """Names of the components of a preimage, each followed by its scalar parameters."""
    words = []
    for role in ("codec", "method", "enhancer"):
        component = preimage.get(role)
        if isinstance(component, dict) and isinstance(component.get("use"), str):
            words.append(component["use"])
            params = component.get("params")
            words += [f"{n}={v}" for n, v in params.items() if isinstance(v, int | float | str)] if params else []
    return words


def leaves(value: Any, path: str = "") -> dict[str, str]:
    """Leaves of a tree as JSON, by dotted path; a list is a leaf."""
    if not isinstance(value, Mapping):
        return {path: json.dumps(value, ensure_ascii=False)}
    found: dict[str, str] = {}
    for name, below in value.items():
        found |= leaves(below, f"{path}.{name}" if path else str(name))
    return found


def _leaves(preimage: Preimage) -> dict[str, str]:
    return leaves({name: value for name, value in preimage.items() if name != "inputs"})
