"""Times of a run by stage, and the utilisation of its workers."""

from __future__ import annotations

from dataclasses import dataclass

from rppgbench.runs.snapshot import Snapshot


@dataclass(frozen=True)
class StageTime:
    """Core-seconds of a stage's tasks done in this run: sum, share of all stages, mean, maximum; and peak memory."""

    stage: str
    tasks: int
    core_s: float
    share: float
    mean_s: float
    longest_s: float
    longest_task: str
    memory_bytes: int


@dataclass(frozen=True)
class TimeSpent:
    """Stages by descending core-seconds, and shares of the time of the workers' slots, which sum to 1.

    ``busy``: tasks done. ``lost``: attempts that failed. ``idle``: no task ready. ``overhead``: the rest, such as
    starting workers, transport, imports. ``bound`` is the stage with the largest share of wall time, ``bound_s``
    seconds; each moment is divided equally among the tasks that run.
    """

    stages: tuple[StageTime, ...]
    wall_s: float
    slots: float
    busy: float
    lost: float
    idle: float
    overhead: float
    bound: str
    bound_s: float


def time_spent(snapshot: Snapshot) -> TimeSpent | None:
    """Times of a run; None for a run that computed nothing."""
    worked = [stage for stage in snapshot.stages if stage.done or stage.lost_s]
    if not worked:
        return None
    core_s, lost_s = sum(stage.core_s for stage in worked), sum(stage.lost_s for stage in worked)
    # A task may report more seconds than its slot had, by another clock: no share is below 0, and their sum is 1.
    slot_s = max(snapshot.slot_s, core_s + lost_s + snapshot.idle_s) or 1.0
    busy, lost, idle = core_s / slot_s, lost_s / slot_s, snapshot.idle_s / slot_s
    longest = max(snapshot.stages, key=lambda stage: stage.held_s)
    return TimeSpent(
        stages=tuple(
            StageTime(
                stage=stage.stage,
                tasks=stage.done,
                core_s=stage.core_s,
                share=stage.core_s / core_s if core_s else 0.0,
                mean_s=stage.core_s / max(stage.done, 1),
                longest_s=stage.longest_s,
                longest_task=stage.longest_task,
                memory_bytes=stage.memory_bytes,
            )
            for stage in sorted(worked, key=lambda stage: -stage.core_s)
        ),
        wall_s=snapshot.elapsed_s,
        slots=snapshot.slot_s / snapshot.elapsed_s if snapshot.elapsed_s else 0.0,
        busy=busy,
        lost=lost,
        idle=idle,
        overhead=max(1 - busy - lost - idle, 0.0),
        bound=longest.stage,
        bound_s=longest.held_s,
    )
