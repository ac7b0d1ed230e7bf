"""Every figure there is, and what each of them needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rppgbench.engine.specimen import Specimen
from rppgbench.errors import RppgbenchError
from rppgbench.figures import delta_psnr, error_by_enhancer, faces, losses, train_rate, waves
from rppgbench.figures.choice import Chosen
from rppgbench.figures.run import Run
from rppgbench.leaderboard.board import Board
from rppgbench.signal.heart_rate import HeartRateSettings


@dataclass(frozen=True)
class Outcome:
    """A figure's files, or why there are none."""

    name: str
    files: list[Path]
    reason: str = ""


@dataclass(frozen=True)
class Gallery:
    """The figures of one set of results. ``chosen`` is the window to show, or why there is none."""

    board: Board
    run: Run
    chosen: Chosen | RppgbenchError

    def draw(self, folder: Path) -> Iterator[Outcome]:
        """Each figure in ``folder``, one after the other; what lacks its material says so."""
        for name, draw in self._figures().items():
            try:
                yield Outcome(name, draw(folder / name))
            except RppgbenchError as error:
                yield Outcome(name, [], error.message)

    def _figures(self) -> Mapping[str, Callable[[Path], list[Path]]]:
        board = self.board
        return {
            delta_psnr.NAME: lambda target: delta_psnr.draw_delta_psnr(board, target),
            error_by_enhancer.NAME: lambda target: error_by_enhancer.draw_error_by_enhancer(board, target),
            faces.NAME: lambda target: faces.draw_faces(self._specimen, target),
            waves.NAME: lambda target: waves.draw_waves(self._specimen, self._heart_rate, target),
            losses.NAME: lambda target: losses.draw_losses(board.results, self.run.loss_curves(), target),
            train_rate.NAME: lambda target: train_rate.draw_train_rate_by_test_rate(board, target),
        }

    @property
    def _heart_rate(self) -> HeartRateSettings:
        return HeartRateSettings.model_validate(self.board.results.evaluation["heart_rate"])

    @cached_property
    def _specimen(self) -> Specimen:
        if isinstance(self.chosen, RppgbenchError):
            raise self.chosen
        return self.run.specimen(self.chosen)
