"""Training losses of every fit: a panel a fit, thin lines its folds and seeds, a thick one their mean."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.style import NothingToDraw, grid_lines, heading, house_style, save, set_title
from rppgbench.pipeline.example_window import LossCurve
from rppgbench.results.board_figure import COLOURS
from rppgbench.results.results import Results

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

NAME = "losses"
TOTAL = "total"
COLUMNS = 3
_TITLE = 52  # characters that fit above a panel
# Points of a drawn line, each the mean over its share of the steps: single steps are mostly noise.
POINTS = 64
_CAPTION = (
    f"Training losses, each line the mean over one {POINTS}th of the steps; thin: a fold and seed, thick: their mean"
)

Line = tuple["FloatArray", Mapping[str, "FloatArray"]]


def draw_losses(results: Results, curves: Sequence[LossCurve], target: Path) -> list[Path]:
    """Files written: total and parts of every fit, on a logarithmic scale where all are above 0.

    Raises:
        NothingToDraw: nothing was fitted by gradients.
    """
    fits = _by_fit(curves)
    if not fits:
        raise NothingToDraw("no entry was trained, or no training log is in the store")
    with house_style():
        n_rows = -(-len(fits) // COLUMNS)
        n_columns = min(COLUMNS, len(fits))
        figure = Figure(figsize=(4.6 * n_columns, 2.9 * n_rows + 0.5), layout="constrained")
        panels = figure.subplots(n_rows, n_columns, squeeze=False)
        for panel in panels.flat[len(fits) :]:
            panel.set_axis_off()
        for number, (panel, own) in enumerate(zip(panels.flat, fits, strict=False), 1):
            _draw(panel, own)
            panel.set_title(_title(number, own), fontsize=8)
        for panel in panels[-1]:
            panel.set_xlabel("optimiser step")
        set_title(figure, heading(results), _CAPTION)
        return save(figure, list(_rows(fits)), target)


def _by_fit(curves: Sequence[LossCurve]) -> list[list[LossCurve]]:
    """Curves of the folds and seeds of each fit, by the fit's identity: entries of two fits may have one name."""
    fits: dict[str, list[LossCurve]] = {}
    for curve in curves:
        fits.setdefault(curve.fit, []).append(curve)
    return list(fits.values())


def _title(number: int, curves: Sequence[LossCurve]) -> str:
    name = textwrap.fill(f"{number}. {curves[0].entry}", _TITLE)
    return f"{name}\n{curves[0].part}, {len(curves)} fit{'s' * (len(curves) > 1)}"


def _draw(panel: Axes, curves: Sequence[LossCurve]) -> None:
    lines = [_thinned(curve) for curve in curves]
    names = _names(curves)
    for index, name in enumerate(names):
        own = [(steps, losses[name]) for steps, losses in lines if name in losses]
        style: Any = {"color": "black" if name == TOTAL else COLOURS[(index - 1) % len(COLOURS)]}
        for steps, values in own:
            panel.plot(steps, values, linewidth=0.5, alpha=0.35, **style)
        # Fits of different lengths have no mean: an empty line for the legend.
        equal = own if len({len(steps) for steps, _ in own}) == 1 else []
        mean = np.mean([values for _, values in equal], axis=0) if equal else []
        panel.plot(equal[0][0] if equal else [], mean, linewidth=2.8 if name == TOTAL else 1.3, label=name, **style)
    if all((values > 0).all() for _, losses in lines for values in losses.values()):
        panel.set_yscale("log")
    panel.set_xlim(left=0)
    grid_lines(panel)
    panel.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1, 1), frameon=False)


def _names(curves: Sequence[LossCurve]) -> list[str]:
    """Names of losses, the total first."""
    names = dict.fromkeys(name for curve in curves for name in curve.losses)
    return [*(name for name in names if name == TOTAL), *(name for name in names if name != TOTAL)]


def _thinned(curve: LossCurve) -> Line:
    """Steps and losses of a curve, averaged to at most ``POINTS``."""
    edges = np.linspace(0, len(curve.steps), min(POINTS, len(curve.steps)) + 1).round().astype(int)[:-1]
    counts = np.diff([*edges, len(curve.steps)])

    def means(values: Any) -> FloatArray:
        return np.asarray(np.add.reduceat(np.asarray(values, dtype=np.float64), edges) / counts)

    return means(curve.steps), {name: means(values) for name, values in curve.losses.items()}


def _rows(fits: Sequence[Sequence[LossCurve]]) -> Iterator[dict[str, Any]]:
    numbered = [(number, curve) for number, own in enumerate(fits, 1) for curve in own]
    names = _names([curve for _, curve in numbered])
    for number, curve in numbered:
        steps, losses = _thinned(curve)
        fit = {"panel": number, "entry": curve.entry, "part": curve.part, "fold": curve.fold, "seed": curve.seed}
        for index, step in enumerate(steps):
            yield {
                **fit,
                "step": float(step),
                **{name: float(losses[name][index]) if name in losses else "" for name in names},
            }
