"""The pace of a run, and the estimate of its time left."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rppgbench.runs.snapshot import RunningTask, StageTally

RECENT_S = 300.0
LEAST_ENDS = 5


class Pace:
    """Tasks a minute, over the last ``RECENT_S`` or the last ``LEAST_ENDS`` tasks, whichever reaches further back."""

    def __init__(self, began_s: float) -> None:
        self._ends_s: deque[float] = deque([began_s])  # the first is where counting starts

    def ended(self, at_s: float) -> None:
        self._ends_s.append(at_s)
        while len(self._ends_s) > LEAST_ENDS + 1 and self._ends_s[1] < at_s - RECENT_S:
            self._ends_s.popleft()

    def per_minute(self, now_s: float) -> float | None:
        """Tasks a minute; None before the first task has ended, and in the first second."""
        ends, span_s = len(self._ends_s) - 1, now_s - self._ends_s[0]
        return 60 * ends / span_s if ends and span_s >= 1 else None


def left_s(stages: Sequence[StageTally], running: Iterable[RunningTask], elapsed_s: float, slots: int) -> float | None:
    """Seconds left: a mean of the planned and the paced estimate, weighted by progress; None without a plan."""
    total_s = sum(max(stage.planned_s, stage.expected_s) for stage in stages)
    if not total_s:
        return None
    to_go_s = sum(stage.expected_s for stage in stages)
    to_go_s -= sum(min(task.for_s, 0.95 * task.expected_s) for task in running)
    to_go_s = max(to_go_s, 0.0)
    share = 1 - to_go_s / total_s
    planned_s = to_go_s / slots
    paced_s = elapsed_s * (1 - share) / share if share > 0 else planned_s
    weight = math.sqrt(max(share, 0.0))
    return weight * paced_s + (1 - weight) * planned_s
