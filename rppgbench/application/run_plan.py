"""A plan with the tasks still to do: the result of `rppgbench.plan`, and the start of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING

from rppgbench.errors import PluginError
from rppgbench.pipeline.open_plan import OpenPlan
from rppgbench.pipeline.task import Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from rppgbench.pipeline.plan import Plan
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.store.store import Store

# Columns of `RunPlan.costs`: name, unit, meaning.
COST_COLUMNS = (
    ("stage", "", "stage of the pipeline, in the order of a video's way"),
    ("tasks", "", "tasks of the stage"),
    ("to_do", "", "tasks whose results are not in the store yet"),
    ("core_s", "s", "core time of the tasks to do: measured on their like in the store, else a rule of thumb"),
    ("read_bytes", "B", "bytes that the tasks to do read"),
    ("written_bytes", "B", "bytes that the tasks to do leave"),
)


@dataclass(frozen=True)
class RunPlan:
    """A protocol's plan on a store, and the tasks still to do, each after its inputs.

    ``str()`` is one line: protocol, digest, and the number of tasks to do.
    """

    opened: OpenPlan
    to_do: Sequence[Task]

    @classmethod
    def of(cls, opened: OpenPlan) -> RunPlan:
        """The run plan of an opened protocol."""
        return cls(opened, opened.plan.wanted(opened.store))

    @property
    def protocol(self) -> Protocol:
        return self.opened.protocol

    @property
    def store(self) -> Store:
        return self.opened.store

    @property
    def plan(self) -> Plan:
        return self.opened.plan

    @cached_property
    def costs(self) -> pd.DataFrame:
        """A row a stage: tasks, tasks to do, and estimates of core seconds and bytes; units in ``attrs``."""
        import pandas as pd

        from rppgbench.pipeline.cost_model import estimate_costs

        rows = [
            (stage.stage, stage.total, stage.to_do, stage.seconds, stage.bytes_in, stage.bytes_out)
            for stage in estimate_costs(self.plan, self.store, self.to_do)
        ]
        frame = pd.DataFrame(rows, columns=[name for name, _, _ in COST_COLUMNS])
        frame.attrs = {
            "units": {name: unit for name, unit, _ in COST_COLUMNS},
            "meanings": {name: meaning for name, _, meaning in COST_COLUMNS},
        }
        return frame

    @cached_property
    def expected_s(self) -> Mapping[str, float]:
        """Expected core seconds of each task to do, by key."""
        from rppgbench.pipeline.cost_model import task_seconds

        return task_seconds(self.plan, self.store, self.to_do)

    @property
    def state(self) -> str:
        """``all cached``, or the number of tasks to run."""
        return f"{len(self.to_do)} of {len(self.plan.tasks)} tasks to run" if self.to_do else "all cached"

    def check_learning(self, device: str) -> None:
        """Refuse early an error that every training would end with.

        Raises:
            PluginError: entries learn and torch is not installed, or there is no such ``device``.
        """
        if all(trial.seed is None for trial in self.plan.trials):
            return
        if find_spec("torch") is None:
            raise PluginError(
                "entries of this protocol learn, and torch is not installed",
                hint="pip install 'rppgbench[learn]'; or run the others alone with --only method=NAME",
            )
        if device != "auto":
            from rppgbench.learning.reproducibility import find_device

            find_device(device)

    def __str__(self) -> str:
        return f"{self.protocol.name} v{self.protocol.version} ({self.protocol.digest[:12]}): {self.state}"

    __repr__ = __str__
