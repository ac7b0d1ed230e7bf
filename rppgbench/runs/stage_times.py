"""Where the time of a run went."""

from __future__ import annotations

from dataclasses import dataclass

from rppgbench.runs.snapshot import Snapshot


@dataclass(frozen=True)
class StageTime:
    """A stage's share: core-seconds of the tasks done in this run, the mean and the longest of them, peak memory."""

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
    """The stages, the dearest first, and how busy the slots of the workers were: shares of 1 that add up to it.

    ``lost`` went into tries that failed, ``idle`` passed with no task ready to start, ``overhead`` is the rest:
    starting workers, handing over, loading code. ``bound`` is the stage that the run's wall time went into most, and
    ``bound_s`` how much of it; the time of each moment is shared out among the tasks that ran then.
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
    """None for a run that computed nothing."""
    worked = [stage for stage in snapshot.stages if stage.done or stage.lost_s]
    if not worked:
        return None
    core_s, lost_s = sum(stage.core_s for stage in worked), sum(stage.lost_s for stage in worked)
    # A task may tell of more seconds than its slot had, by another clock: no share is below 0 or sums to above 1.
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
