"""All figures, with the data that each of them needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rppgbench.errors import RppgbenchError
from rppgbench.figures import (
    bland_altman,
    critical_differences,
    degradation,
    delta_psnr,
    error_by_bitrate,
    error_by_enhancer,
    face_frames,
    hrv_scatter,
    loss_curves,
    quality_error,
    train_rate,
    wave_plots,
)
from rppgbench.figures.bitrate_axis import middle_rate
from rppgbench.figures.run_artefacts import RunArtefacts
from rppgbench.figures.selection import Selection
from rppgbench.pipeline.example_window import ExampleWindow
from rppgbench.results.board import Board
from rppgbench.signal.heart_rate import HeartRateSettings


@dataclass(frozen=True)
class FigureOutcome:
    """A figure's files, or the reason why there are none."""

    name: str
    files: list[Path]
    reason: str = ""


@dataclass(frozen=True)
class FigureSet:
    """The figures of one set of results. ``selection`` is the window to show, or the error that left none.

    ``condition`` is that of the second Bland-Altman plot; None for the middle rate of the first codec. ``prefixes``
    are beginnings of file names, such as ``fig5``, by figure.
    """

    board: Board
    run: RunArtefacts
    selection: Selection | RppgbenchError
    condition: str | None = None
    prefixes: Mapping[str, str] = field(default_factory=dict)

    def draw(self, folder: Path) -> Iterator[FigureOutcome]:
        """Outcomes of all figures in ``folder``, one after the other, each drawn or skipped with a reason."""
        for figure, draw in self._figures().items():
            name = self.file_name(figure)
            try:
                yield FigureOutcome(name, draw(folder / name))
            except RppgbenchError as error:
                yield FigureOutcome(name, [], error.message)

    def file_name(self, figure: str) -> str:
        """``fig5_error_by_bitrate``: the figure's name behind its prefix, if it has one."""
        return f"{self.prefixes[figure]}_{figure}" if figure in self.prefixes else figure

    def _figures(self) -> Mapping[str, Callable[[Path], list[Path]]]:
        board = self.board
        return {
            error_by_bitrate.NAME: lambda target: error_by_bitrate.draw_error_by_bitrate(board, target),
            delta_psnr.NAME: lambda target: delta_psnr.draw_delta_psnr(board, target),
            error_by_enhancer.NAME: lambda target: error_by_enhancer.draw_error_by_enhancer(board, target),
            face_frames.NAME: lambda target: face_frames.draw_faces(self._example, target),
            wave_plots.NAME: lambda target: wave_plots.draw_waves(self._example, self._heart_rate, target),
            loss_curves.NAME: lambda target: loss_curves.draw_losses(board.results, self.run.loss_curves(), target),
            train_rate.NAME: lambda target: train_rate.draw_train_rate_by_test_rate(board, target),
            bland_altman.NAME: lambda target: bland_altman.draw_bland_altman(board, None, target),
            bland_altman.COMPRESSED: lambda target: bland_altman.draw_bland_altman(
                board, self.condition or middle_rate(board), target
            ),
            degradation.ERROR.name: lambda target: degradation.draw_degradation(board, degradation.ERROR, target),
            degradation.SNR.name: lambda target: degradation.draw_degradation(board, degradation.SNR, target),
            critical_differences.NAME: lambda target: critical_differences.draw_critical_differences(board, target),
            quality_error.NAME: lambda target: quality_error.draw_error_by_quality(board, target),
            hrv_scatter.NAME: lambda target: hrv_scatter.draw_hrv_scatter(board, target),
        }

    @property
    def _heart_rate(self) -> HeartRateSettings:
        return HeartRateSettings.model_validate(self.board.results.evaluation["heart_rate"])

    @cached_property
    def _example(self) -> ExampleWindow:
        if isinstance(self.selection, RppgbenchError):
            raise self.selection
        return self.run.example(self.selection)
