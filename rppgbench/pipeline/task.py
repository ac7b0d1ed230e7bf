"""A task: a pure function of its preimage and inputs, known by its key before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

from rppgbench.store.keys import key_of

Stage = Literal[
    "render",
    "truth",
    "clock",
    "boxes",
    "encode",
    "traces",
    "label",
    "crop",
    "skin",
    "quality",
    "fit",
    "predict",
    "score",
]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Task:
    """What to do, on which artefacts, and what for.

    ``inputs`` maps a role to the key of another task's artefact, or to ``file:<sha256>`` for a file of the user's.
    ``local`` is what differs between machines (the path of such a file, a dataset's root): never part of the key.
    ``label`` and ``recording`` are for people and for scheduling, ``bytes_out`` (about what it leaves) for estimates.
    """

    stage: Stage
    settings: Mapping[str, Any]
    inputs: Mapping[str, str]
    label: str
    recording: str = ""
    local: Mapping[str, str] = field(default_factory=dict)
    bytes_out: float = 0.0

    @cached_property
    def preimage(self) -> dict[str, Any]:
        return {"stage": self.stage, **self.settings, "inputs": dict(self.inputs)}

    @cached_property
    def key(self) -> str:
        return key_of(self.preimage)


SLACK_S = 0.05
# Why a window is excluded that the dataset says there is and the video does not show: no entry's fault.
NO_VIDEO = "the video ends before the window does"


def count_windows(duration_s: float, length_s: float) -> int:
    """How many windows a recording has, one after the other; up to 0.05 s short at the end still counts."""
    return int((duration_s + SLACK_S) / length_s)
