"""Figure of a recording: face, skin colour, contact sensor with beats, heart rates."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.media.skin import skin_mask
from rppgbench.signal.beats import PASSBAND
from rppgbench.signal.filters import bandpass
from rppgbench.signal.heart_rate import BAND_HZ
from rppgbench.text import pluralise_are

if TYPE_CHECKING:
    from pathlib import Path

    from rppgbench.contracts import ByteArray, FloatArray
    from rppgbench.datasets.recording_overview import RecordingOverview
    from rppgbench.media.box import Box

_PULSE, _GREEN, _SENSOR, _FAINT, _INK = "#c8102e", "#2e8b57", "#1f4e9c", "#9a9a9a", "#222222"
_FLAGGED = "#d9822b"
_SENSORS = {
    "ecg": "ECG; R-peaks dotted",
    "bvp": "BVP; beats dotted, at the maxima of the wave about its own rate (grey)",
    "hr": "heart rate, bpm; it gave no wave",
}
_EXCERPT_S = 12.0
_LINE = 150  # characters under the figure


def draw_overview(overview: RecordingOverview, target: Path, *, title: str, footnotes: tuple[str, ...] = ()) -> None:
    """Draw the figure into ``target``; its suffix determines the format."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    notes = [line for note in footnotes for line in textwrap.wrap(note, _LINE)]
    figure = Figure(figsize=(11, 7.2 + 0.16 * len(notes)), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(3, 3, width_ratios=(1.35, 1, 1), height_ratios=(1, 1, 0.9))
    _draw_face(figure.add_subplot(grid[:2, 0]), overview)
    colour, sensor = figure.add_subplot(grid[0, 1:]), figure.add_subplot(grid[1, 1:])
    start_s = _excerpt_start_s(overview)
    beats_s = overview.beats_s(start_s, start_s + _EXCERPT_S)
    _draw_colour(colour, overview, start_s, beats_s)
    _draw_sensor(sensor, overview, start_s, beats_s)
    _draw_rates(figure.add_subplot(grid[2, :]), overview)
    for axes in figure.axes[1:]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.suptitle(title, fontsize=11, color=_INK)
    if notes:
        figure.supxlabel("\n".join(notes), fontsize=8, color=_PULSE, ha="center")
    figure.savefig(target, dpi=130, metadata={"Software": None} if target.suffix == ".png" else None)


def _draw_face(axes: Any, overview: RecordingOverview) -> None:
    from matplotlib.patches import Rectangle

    axes.imshow(overview.picture)
    axes.set_axis_off()
    found = "no face found"
    if overview.recording.frames_are_skin:
        found = "every pixel is skin"
    elif overview.box is not None and overview.track is not None:
        box = overview.box
        axes.add_patch(Rectangle((box.x, box.y), box.width, box.height, fill=False, lw=1.8, ec=_PULSE))
        mask = _mask(overview.picture, box)
        axes.contour(mask, levels=[0.5], colors="white", linewidths=0.8)
        found = f"face found in {overview.track.found_share:.0%} of the seconds, skin outlined"
    axes.set_title(f"frame at {overview.picture_s:.1f} s\n{found}", fontsize=9, color=_INK)


def _mask(picture: ByteArray, box: Box) -> FloatArray:
    """``(H, W)`` mask, 1 for skin pixels inside the box."""
    H, W, _ = picture.shape
    inside = box.clamped(W, H)
    left, top = round(inside.x), round(inside.y)
    right, bottom = round(inside.x + inside.width), round(inside.y + inside.height)
    mask = np.zeros((H, W))
    mask[top:bottom, left:right] = skin_mask(picture[top:bottom, left:right])
    return mask


def _excerpt_start_s(overview: RecordingOverview) -> float:
    """Start of the first window with a label, else 0, so that the excerpt fits."""
    usable = [start_s for start_s, label in zip(overview.starts_s, overview.labels, strict=False) if label.rate]
    last_s = max(len(overview.skin) / overview.fps_hz - _EXCERPT_S, 0.0)
    return min(float(usable[0]), last_s) if usable else 0.0


def _draw_colour(axes: Any, overview: RecordingOverview, start_s: float, beats_s: FloatArray) -> None:
    systole = "" if overview.truth.kind == "hr" else ": systole is up in both"
    axes.set_title(f"colour of the skin, band-passed{systole}", fontsize=9, color=_INK)
    axes.set_ylabel("relative change, %", fontsize=8)
    axes.set_xlim(start_s, start_s + _EXCERPT_S)
    axes.tick_params(labelbottom=False)
    if not np.isfinite(overview.pulse).all():
        missing_s = float(np.sum(~np.isfinite(overview.pulse))) / overview.fps_hz
        _annotate(axes, f"no skin to be seen for {missing_s:.1f} s")
        if not np.isfinite(overview.pulse).any():
            return
    shown = (overview.times_s >= start_s) & (overview.times_s < start_s + _EXCERPT_S)
    for values, colour, label in (
        (-np.log(overview.skin[:, 1]), _GREEN, "-ln G"),
        (overview.pulse, _PULSE, "ln R - ln G"),
    ):
        finite = np.isfinite(values)
        filled = np.interp(overview.times_s, overview.times_s[finite], values[finite])
        wave = np.where(finite, bandpass(filled, overview.fps_hz, *BAND_HZ), np.nan)
        axes.plot(overview.times_s[shown], 100 * wave[shown], color=colour, lw=1.1, label=label)
    for beat_s in beats_s:
        axes.axvline(beat_s, color=_SENSOR, lw=0.7, ls=":")
    _draw_legend(axes)


def _draw_sensor(axes: Any, overview: RecordingOverview, start_s: float, beats_s: FloatArray) -> None:
    truth, end_s = overview.truth, start_s + _EXCERPT_S
    shown = (truth.times_s >= start_s) & (truth.times_s < end_s)
    axes.set_xlim(start_s, end_s)
    axes.set_xlabel("time on the video's clock, s", fontsize=8)
    axes.set_title(f"contact sensor: {_SENSORS[truth.kind]}", fontsize=9, color=_INK)
    if not shown.any():
        _annotate(axes, "the sensor has no samples here")
        return
    axes.plot(truth.times_s[shown], truth.samples[shown], color=_SENSOR, lw=1.0)
    for beat_s in beats_s:
        axes.axvline(beat_s, color=_SENSOR, lw=0.7, ls=":")
    if truth.kind == "hr":
        return
    axes.set_yticks([])
    if truth.kind == "bvp" and len(beats_s):
        _draw_band_passed(axes, overview, start_s, beats_s)


def _draw_band_passed(axes: Any, overview: RecordingOverview, start_s: float, beats_s: FloatArray) -> None:
    """Draw the band-passed wave, whose maxima the beats are, scaled to the height of the raw wave."""
    inside = (overview.times_s >= start_s) & (overview.times_s < start_s + _EXCERPT_S)
    if overview.wave is None or len(beats_s) < 2 or not np.isfinite(overview.wave[inside]).all():
        return
    wave, rate_hz = overview.wave[inside], 1 / float(np.median(np.diff(beats_s)))
    low, high = (edge * rate_hz for edge in PASSBAND)
    smooth = bandpass(wave, overview.fps_hz, low, high)
    level, height = float(np.median(wave)), float(np.ptp(wave)) / max(float(np.ptp(smooth)), 1e-12)
    drawn = level + 0.6 * height * smooth
    axes.plot(overview.times_s[inside], drawn, color=_FAINT, lw=1.0)
    axes.plot(beats_s, np.interp(beats_s, overview.times_s[inside], drawn), "o", color=_SENSOR, ms=3.5)


def _draw_rates(axes: Any, overview: RecordingOverview) -> None:
    middle_s = overview.starts_s + overview.window_s / 2
    rated = [(x, label.rate) for x, label in zip(middle_s, overview.labels, strict=False) if label.rate is not None]
    video = [(x, rate) for x, rate in zip(middle_s, overview.video_bpm(), strict=True) if rate is not None]
    axes.plot([x for x, _ in video], [rate for _, rate in video], "x", color=_PULSE, ms=4, label="video, ln R - ln G")
    sensor = {"mfc": "none", "color": _SENSOR, "ms": 5.5, "ls": "none"}
    if overview.truth.kind == "hr":
        axes.plot(overview.truth.times_s, overview.truth.samples, color=_SENSOR, lw=0.9, label="sensor")
    else:
        spectrum, beats = ([getattr(rate, of) for _, rate in rated] for of in ("spectrum_bpm", "beats_bpm"))
        axes.plot([x for x, _ in rated], spectrum, marker="o", label="sensor, spectrum", **sensor)
        axes.plot([x for x, _ in rated], beats, marker="+", label="sensor, beats", **sensor)
    half_s = 0.5 * (overview.starts_s[1] - overview.starts_s[0]) if len(overview.starts_s) > 1 else 0.5
    for x, label in zip(middle_s, overview.labels, strict=False):
        if label.excluded or label.flags:
            shade = _PULSE if label.excluded else _FLAGGED
            axes.axvspan(x - half_s, x + half_s, color=shade, alpha=0.2, lw=0)
    axes.set_xlim(0, max(len(overview.skin) / overview.fps_hz, 1.0))
    rates = [rate for _, rate in video] + [r for _, rate in rated for r in (rate.spectrum_bpm, rate.beats_bpm) if r]
    if rates:
        axes.set_ylim(min(rates) - 10, max(rates) + 10)
    axes.set_xlabel("middle of the window, s", fontsize=8)
    axes.set_ylabel("bpm", fontsize=8)
    n_excluded = sum(label.excluded is not None for label in overview.labels)
    n_flagged = sum(bool(label.flags) for label in overview.labels)
    axes.set_title(
        f"heart rate in windows of {overview.window_s:.0f} s: of {len(overview.labels)}, {n_excluded} "
        f"cannot be scored (red) and {pluralise_are(n_flagged)} flagged (orange)",
        fontsize=9, color=_INK,
    )  # fmt: skip
    _draw_legend(axes)


def _draw_legend(axes: Any) -> None:
    """Draw the legend beside the axes."""
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _annotate(axes: Any, text: str) -> None:
    axes.text(0.01, 0.02, text, color=_FAINT, fontsize=8, transform=axes.transAxes, va="bottom")
