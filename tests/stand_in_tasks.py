"""Tasks of real stages with settings of a test's own: for what schedules and counts tasks and never does them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from rppgbench.contracts import Recording
from rppgbench.pipeline.provenance import code_versions
from rppgbench.pipeline.stage_settings import StageSettings, TaskCost
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.task import Task


class StandInSettings(StageSettings):
    values: dict[str, Any] = Field(default_factory=dict)
    on: str | None = None

    @property
    def device(self) -> str | None:
        return self.on


def stand_in(
    stage: str,
    label: str = "",
    inputs: Mapping[str, str] | None = None,
    *,
    recording: str = "",
    device: str | None = None,
    bytes_out: float = 0.0,
    scratch_bytes: float = 0.0,
    **values: Any,
) -> Task:
    """A task of a stage that differs from others by its label and its values."""
    return Task(
        stage,
        StandInSettings(values={"label": label, **values}, on=device),
        inputs or {},
        code_versions(stages()[stage].module),
        label,
        TaskCost(seconds=0.0, bytes_out=bytes_out, scratch_bytes=scratch_bytes),
        a_recording(recording) if recording else None,
    )


def a_recording(name: str) -> Recording:
    """A recording of 30 s that is nowhere."""
    return Recording(id=name, subject=name, session="rest", fps_hz=30.0, duration_s=30.0, dataset="nowhere")
