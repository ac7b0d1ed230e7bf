"""Artefacts of a run, for figures that show more than its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rppgbench.figures.selection import Selection
from rppgbench.figures.style import NothingToDraw
from rppgbench.pipeline import example_window
from rppgbench.pipeline.example_window import ExampleWindow, LossCurve
from rppgbench.pipeline.open_plan import DEVICE_KINDS, open_plan
from rppgbench.pipeline.plan import Plan, Trial
from rppgbench.protocol.resolve import Protocol
from rppgbench.registry import Registry
from rppgbench.store.store import Store, default_root


@dataclass(frozen=True)
class RunArtefacts:
    """Artefacts of a protocol's run, read from the store on demand.

    ``protocol`` is None where only a folder of results is known; ``store_root`` None stands for the usual store.
    """

    protocol: Protocol | None
    registry: Registry
    store_root: Path | None = None
    data: Iterable[str] = ()

    def example(self, selection: Selection) -> ExampleWindow:
        """The selected window with its artefacts.

        Raises:
            NothingToDraw: the protocol or the store is not at hand, or the protocol does not have that trial.
            ArtefactError: one of its artefacts is no longer in the store.
        """
        plan, store = self._opened
        return example_window.example_window(plan, store, self.registry, _trial(plan, selection))

    def loss_curves(self) -> list[LossCurve]:
        """Loss curves of every fit that is in the store.

        Raises:
            NothingToDraw: the protocol or the store is not at hand.
        """
        plan, store = self._opened
        return example_window.loss_curves(plan, store)

    @cached_property
    def _opened(self) -> tuple[Plan, Store]:
        if self.protocol is None:
            raise NothingToDraw("a folder of results has no videos, waves or weights; name the protocol that made it")
        root = self.store_root or default_root()
        if not (root / "objects").is_dir():
            raise NothingToDraw(f"{root} is no store; say with --store where the run kept its artefacts")
        hint = "the other figures need the results alone"
        opened = open_plan(self.protocol, store=root, data=self.data, hint=hint)
        for device in DEVICE_KINDS if self.protocol.trains else ():  # that the run may have been made on
            if not any(opened.store.has(trial.score.key) for trial in opened.plan.trials if trial.seed is not None):
                opened = open_plan(self.protocol, store=root, data=self.data, device=device, hint=hint)
        return opened.plan, opened.store


def _trial(plan: Plan, selection: Selection) -> Trial:
    wanted = (selection.recording, selection.condition, selection.entry)
    for trial in plan.trials:
        if (trial.recording.id, trial.condition.id, trial.entry.id) == wanted:
            return trial
    raise NothingToDraw(f"{', '.join(wanted)}: in the results, but not in {plan.protocol.path}")
