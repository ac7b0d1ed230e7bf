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
# Between the middles of two waves that each reach from -1 to 1.
_APART = 2.6


def draw_waves(specimen: ExampleWindow, settings: HeartRateSettings, target: Path) -> list[Path]:
    """Waves of one height, one under the other, each with its heart rate by the protocol's estimator."""
    waves = _waves(specimen)
    psnr = _psnr(specimen)
    time_s = np.arange(len(specimen.truth_wave)) / specimen.fps_hz
    with house_style():
        figure = Figure(figsize=(11, 5.4 if psnr else 3.6), layout="constrained")
        heights = [1.7, 1] if psnr else [1]
        panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        _draw_waves(panels[0], time_s, waves, specimen.fps_hz, settings)
        if psnr:
            _draw_psnr(panels[1], time_s, psnr)
        panels[-1].set_xlabel("time in the window (s)")
        set_title(figure, specimen.label)
        return save(figure, list(_rows(time_s, waves, psnr)), target)


def _waves(specimen: ExampleWindow) -> dict[str, FloatArray]:
    """What there is, in the order of the panel, as it was predicted."""
    if specimen.enhanced is None:
        return {CONTACT: specimen.truth_wave, METHOD: specimen.wave}
    alone = {} if specimen.wave_without is None else {WITHOUT: specimen.wave_without}
    return {CONTACT: specimen.truth_wave, **alone, WITH: specimen.wave}


def _psnr(specimen: ExampleWindow) -> dict[str, FloatArray]:
    """Per frame, before and after the enhancer; nothing where the clip is its own reference and stays it."""
    before = WITHOUT if specimen.enhanced is not None else COMPRESSED
    clips = {before: specimen.video, WITH: specimen.enhanced}
    found = {name: psnr_db(clip, specimen.reference) for name, clip in clips.items() if clip is not None}
    return found if any(np.isfinite(values).any() for values in found.values()) else {}


def _levelled(wave: FloatArray) -> FloatArray:
    """About 0, nearly all of it within 1: a network's first and last frames may lie far off the others."""
    low, high = np.quantile(wave, [0.02, 0.98])
    return np.asarray((wave - (low + high) / 2) / ((high - low) / 2 if high > low else 1.0))


def _draw_waves(
    panel: Axes, time_s: FloatArray, waves: Mapping[str, FloatArray], fps_hz: float, settings: HeartRateSettings
) -> None:
    found = estimate_each(np.stack(list(waves.values())), fps_hz, settings.band_hz, use=settings.use)
    rates = [ranked_rate_bpm(rate, settings) for rate in found]
    for place, ((name, wave), rate) in enumerate(zip(waves.items(), rates, strict=True)):
        told = "no heart rate" if rate is None else f"{rate:.1f} bpm"
        panel.plot(time_s, _levelled(wave) - place * _APART, color=_COLOURS[name], linewidth=1.1)
        panel.annotate(
            f"{name}\n{told}", (1.005, -place * _APART), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=_COLOURS[name],
        )  # fmt: skip
    panel.set_ylim(-_APART * (len(waves) - 0.5), _APART / 2)
    panel.set_yticks([])
    panel.set_ylabel("pulse wave, systole up")
    panel.margins(x=0)


def _draw_psnr(panel: Axes, time_s: FloatArray, psnr: Mapping[str, FloatArray]) -> None:
    means = {name: _mean(values) for name, values in psnr.items()}
    # The higher line's text stands higher.
    heights = dict(zip(sorted(psnr, key=lambda name: -means[name]), (0.75, 0.25), strict=False))
    for name, values in psnr.items():
        known = values[np.isfinite(values)]
        told = f"{means[name]:.2f} dB, SD {known.std():.2f}" if len(known) else "no difference"
        panel.plot(time_s, np.where(np.isfinite(values), values, np.nan), color=_COLOURS[name], linewidth=1)
        panel.annotate(
            f"{name}\n{told}", (1.005, heights[name]), xycoords="axes fraction", va="center", fontsize=8,
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
