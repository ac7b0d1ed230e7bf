"""One figure of a measured video: the face, its wave, its spectrum, and the heart rate over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.media.decode import frames
from rppgbench.media.face_detection import WHOLE_FRAME
from rppgbench.signal.filters import bandpass
from rppgbench.signal.heart_rate import BAND_HZ
from rppgbench.signal.spectrum import power_spectrum

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from rppgbench.measurement.measure_video import MeasuredWindow, Measurement

    FloatArray = NDArray[np.floating[Any]]

_PULSE, _DOUBTED, _INK = "#c8102e", "#9a9a9a", "#222222"
_WAVE_S = 12.0


def draw_measurement(measured: Measurement, target: Path) -> None:
    """Write the figure to ``target``, in the format of its suffix."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.2), layout="constrained")
    FigureCanvasAgg(figure)
    face, wave, spectrum, rates = _panels(figure, measured.info.height > measured.info.width)
    _draw_face(face, measured)
    best = _best(measured)
    if best is None:
        for axes in (wave, spectrum):
            axes.text(0.5, 0.5, "no wave", ha="center", va="center", color=_DOUBTED, transform=axes.transAxes)
    else:
        window, samples = best
        _draw_wave(wave, samples, measured.fps_hz, window)
        _draw_spectrum(spectrum, samples, measured.fps_hz, window)
    _draw_rates(rates, measured)
    hr = "no reliable pulse" if measured.hr_bpm is None else f"{measured.hr_bpm:.1f} bpm"
    figure.suptitle(
        f"{measured.info.path.name}: {hr} ({measured.settings.method})\n{measured.verdict.text}",
        fontsize=11,
        color=_INK,
    )
    figure.savefig(target, dpi=130)


def _panels(figure: Figure, portrait: bool) -> tuple[Axes, Axes, Axes, Axes]:
    grid = figure.add_gridspec(2, 3, width_ratios=(0.75 if portrait else 1.2, 1, 1))
    face = figure.add_subplot(grid[:, 0] if portrait else grid[0, 0])
    wave = figure.add_subplot(grid[0, 1:])
    spectrum = figure.add_subplot(grid[1, 1] if portrait else grid[1, 0])
    rates = figure.add_subplot(grid[1, 2] if portrait else grid[1, 1:])
    for axes in (wave, spectrum, rates):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return face, wave, spectrum, rates


def _draw_face(axes: Axes, measured: Measurement) -> None:
    from matplotlib.patches import Rectangle

    track = measured.track
    for frame in frames(measured.info.path):
        box = track.at(frame.time_s)
        if box is not None or frame.time_s > 5:
            axes.imshow(frame.rgb())
            if box is not None and track.detector != WHOLE_FRAME:
                corner = (box.x, box.y)
                axes.add_patch(Rectangle(corner, box.width, box.height, fill=False, lw=1.8, ec=_PULSE))
            axes.set_title(f"frame at {frame.time_s:.1f} s", fontsize=9, color=_INK)
            break
    axes.set_axis_off()


def _draw_wave(axes: Axes, samples: FloatArray, fps_hz: float, window: MeasuredWindow) -> None:
    smooth = bandpass(samples, fps_hz, *BAND_HZ) if fps_hz > 2 * BAND_HZ[1] else samples
    shown = smooth[: round(_WAVE_S * fps_hz)]
    axes.plot(window.start_s + np.arange(len(shown)) / fps_hz, shown, color=_colour(window), lw=1.3)
    axes.set_yticks([])
    axes.margins(x=0)
    axes.set_xlabel("time, s", fontsize=8)
    axes.set_title("pulse wave, systole up", fontsize=9, color=_INK)


def _draw_spectrum(axes: Any, samples: FloatArray, fps_hz: float, window: MeasuredWindow) -> None:
    found = power_spectrum(samples[None], fps_hz)
    shown = found.freq_hz <= BAND_HZ[1] + 0.5
    power = found.power[0] / found.power[0][(found.freq_hz >= BAND_HZ[0]) & shown].max()
    axes.plot(60 * found.freq_hz[shown], power[shown], color=_INK, lw=1)
    axes.axvspan(60 * BAND_HZ[0], 60 * BAND_HZ[1], color=_DOUBTED, alpha=0.12, lw=0)
    axes.axvline(window.spectrum_bpm, color=_colour(window), lw=1.5)
    axes.annotate(
        f"{window.spectrum_bpm:.1f} bpm\n{window.snr_db:.1f} dB", (window.spectrum_bpm, 1), xytext=(4, -4),
        textcoords="offset points", va="top", fontsize=8, color=_colour(window),
    )  # fmt: skip
    if window.rival_bpm is not None:
        axes.axvline(window.rival_bpm, color=_colour(window), lw=1, ls=":")
    axes.set_ylim(0, 1.08)
    axes.set_yticks([])
    axes.margins(x=0)
    axes.set_xlabel("frequency, beats per minute; the band searched is shaded", fontsize=8)
    axes.set_title(f"spectrum, {window.start_s:.0f}-{window.end_s:.0f} s", fontsize=9, color=_INK)


def _draw_rates(axes: Any, measured: Measurement) -> None:
    windows = [window for window in measured.windows if window.spectrum_bpm is not None]
    for reliable, colour, label in ((True, _PULSE, "reliable"), (False, _DOUBTED, "not reliable")):
        selected = [window for window in windows if window.reliable is reliable]
        if not selected:
            continue
        middle_s = [(window.start_s + window.end_s) / 2 for window in selected]
        axes.plot(middle_s, [w.spectrum_bpm for w in selected], "o", color=colour, ms=5, label=f"{label}, spectrum")
        axes.plot(middle_s, [w.beats_bpm for w in selected], "+", color=colour, ms=7, label=f"{label}, beats")
        for window, x in zip(selected, middle_s, strict=True):
            axes.annotate(
                f"{window.snr_db:.0f} dB", (x, window.spectrum_bpm), xytext=(0, 6), textcoords="offset points",
                ha="center", fontsize=6.5, color=colour,
            )  # fmt: skip
    if windows:
        axes.legend(fontsize=7, frameon=False)
        rates = [rate for w in windows for rate in (w.spectrum_bpm, w.beats_bpm) if rate is not None]
        axes.set_ylim(min(rates) - 15, max(rates) + 20)
    axes.set_xlim(0, max(measured.windows[-1].end_s, 1))
    axes.set_xlabel("middle of the window, s", fontsize=8)
    axes.set_title("heart rate over time, bpm", fontsize=9, color=_INK)


def _best(measured: Measurement) -> tuple[MeasuredWindow, FloatArray] | None:
    pairs = [(window, wave) for window, wave in zip(measured.windows, measured.waves, strict=True) if wave is not None]
    rated = [(window, wave) for window, wave in pairs if window.snr_db is not None]
    return max(rated, key=lambda pair: pair[0].snr_db or 0.0) if rated else None


def _colour(window: MeasuredWindow) -> str:
    return _PULSE if window.reliable else _DOUBTED
