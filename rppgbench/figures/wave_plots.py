"""A window's wave without and with enhancement beside the contact sensor's, above the PSNR of each frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rppgbench.figures.style import grid_lines, house_style, save, set_title
from rppgbench.pipeline.example_window import ExampleWindow
from rppgbench.quality.pixels import psnr_db
from rppgbench.results.board_figure import COLOURS
from rppgbench.signal.heart_rate import HeartRateSettings, estimate_each, ranked_rate_bpm

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

NAME = "waves"
CONTACT, WITHOUT, WITH = "contact sensor", "without enhancement", "with enhancement"
METHOD, COMPRESSED = "method", "compressed"
_COLOURS = {CONTACT: "black", WITHOUT: COLOURS[1], WITH: COLOURS[0], METHOD: COLOURS[0], COMPRESSED: COLOURS[1]}
# Vertical distance of waves that each span -1 to 1.
_SPACING = 2.6


def draw_waves(example: ExampleWindow, settings: HeartRateSettings, target: Path) -> list[Path]:
    """Files written: waves of one height, one under the other, each with its heart rate by the protocol's estimator."""
    waves = _waves(example)
    psnr = _psnr(example)
    time_s = np.arange(len(example.truth_wave)) / example.fps_hz
    with house_style():
        figure = Figure(figsize=(11, 5.4 if psnr else 3.6), layout="constrained")
        heights = [1.7, 1] if psnr else [1]
        panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        _draw_waves(panels[0], time_s, waves, example.fps_hz, settings)
        if psnr:
            _draw_psnr(panels[1], time_s, psnr)
        panels[-1].set_xlabel("time in the window (s)")
        set_title(figure, example.label)
        return save(figure, list(_rows(time_s, waves, psnr)), target)


def _waves(example: ExampleWindow) -> dict[str, FloatArray]:
    """The window's waves by name, in the order of the panel."""
    if example.enhanced is None:
        return {CONTACT: example.truth_wave, METHOD: example.wave}
    alone = {} if example.wave_without is None else {WITHOUT: example.wave_without}
    return {CONTACT: example.truth_wave, **alone, WITH: example.wave}


def _psnr(example: ExampleWindow) -> dict[str, FloatArray]:
    """PSNR of each frame before and after the enhancer, empty if all clips equal the reference."""
    before = WITHOUT if example.enhanced is not None else COMPRESSED
    clips = {before: example.video, WITH: example.enhanced}
    found = {name: psnr_db(clip, example.reference) for name, clip in clips.items() if clip is not None}
    return found if any(np.isfinite(values).any() for values in found.values()) else {}


def _levelled(wave: FloatArray) -> FloatArray:
    """The wave with its 2nd and 98th percentiles at -1 and 1: a network's first and last frames may be outliers."""
    low, high = np.quantile(wave, [0.02, 0.98])
    return np.asarray((wave - (low + high) / 2) / ((high - low) / 2 if high > low else 1.0))


def _draw_waves(
    panel: Axes, time_s: FloatArray, waves: Mapping[str, FloatArray], fps_hz: float, settings: HeartRateSettings
) -> None:
    found = estimate_each(np.stack(list(waves.values())), fps_hz, settings.band_hz, use=settings.use)
    rates = [ranked_rate_bpm(rate, settings) for rate in found]
    for place, ((name, wave), rate) in enumerate(zip(waves.items(), rates, strict=True)):
        label = "no heart rate" if rate is None else f"{rate:.1f} bpm"
        panel.plot(time_s, _levelled(wave) - place * _SPACING, color=_COLOURS[name], linewidth=1.1)
        panel.annotate(
            f"{name}\n{label}", (1.005, -place * _SPACING), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=_COLOURS[name],
        )  # fmt: skip
    panel.set_ylim(-_SPACING * (len(waves) - 0.5), _SPACING / 2)
    panel.set_yticks([])
    panel.set_ylabel("pulse wave, systole up")
    panel.margins(x=0)


def _draw_psnr(panel: Axes, time_s: FloatArray, psnr: Mapping[str, FloatArray]) -> None:
    means = {name: _mean(values) for name, values in psnr.items()}
    # The text of the higher line is above the other.
    heights = dict(zip(sorted(psnr, key=lambda name: -means[name]), (0.75, 0.25), strict=False))
    for name, values in psnr.items():
        known = values[np.isfinite(values)]
        label = f"{means[name]:.2f} dB, SD {known.std():.2f}" if len(known) else "no difference"
        panel.plot(time_s, np.where(np.isfinite(values), values, np.nan), color=_COLOURS[name], linewidth=1)
        panel.annotate(
            f"{name}\n{label}", (1.005, heights[name]), xycoords="axes fraction", va="center", fontsize=8,
            color=_COLOURS[name],
        )  # fmt: skip
    panel.set_ylabel("PSNR of the frame (dB)")
    panel.margins(x=0)
    grid_lines(panel)


def _mean(psnr: FloatArray) -> float:
    known = psnr[np.isfinite(psnr)]
    return float(known.mean()) if len(known) else np.inf


def _rows(
    time_s: FloatArray, waves: Mapping[str, FloatArray], psnr: Mapping[str, FloatArray]
) -> Iterator[dict[str, Any]]:
    columns = {f"wave, {name}": values for name, values in waves.items()}
    columns |= {f"psnr_db, {name}": values for name, values in psnr.items()}
    for index, second in enumerate(time_s):
        yield {"time_s": float(second), **{name: float(values[index]) for name, values in columns.items()}}
