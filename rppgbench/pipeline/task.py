"""A task: a pure function of its preimage and inputs, known by its key before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rppgbench.pipeline.stage_settings import DeviceKind, StageSettings, TaskCost
from rppgbench.store.keys import key_of

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.provenance import CodeVersions


@dataclass(frozen=True)
class Task:
    """A stage applied to settings and inputs.

    ``inputs`` maps a role to the key of another task's artefact, or to ``file:<sha256>`` for a file of the user's.
    ``code`` holds the versions of all code that makes the artefact's bytes. Not in the key: ``recording``, which
    travels with the task so that no worker lists a dataset again; ``local``, which differs between machines (the path
    of a file, a dataset's root); ``label`` for people; ``cost`` for estimates and limits.
    """

    stage: str
    settings: StageSettings
    inputs: Mapping[str, str]
    code: CodeVersions
    label: str
    cost: TaskCost
    recording: Recording | None = None
    local: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def preimage(self) -> dict[str, Any]:
        """Stage, settings, code versions and inputs, the plain data whose digest is the key."""
        return {
            "stage": self.stage,
            **self.settings.model_dump(mode="json"),
            "code": self.code.described(),
            "inputs": dict(self.inputs),
        }

    @cached_property
    def key(self) -> str:
        return key_of(self.preimage)

    @property
    def recording_id(self) -> str:
        """Id of the recording; empty for a task of several."""
        return self.recording.id if self.recording else ""

    @property
    def bytes_out(self) -> float:
        """Expected bytes of the artefact on disk."""
        return self.cost.bytes_out

    @property
    def device(self) -> DeviceKind | None:
        """Kind of device on which the task trains or runs a network; None for a task without one."""
        return self.settings.device
