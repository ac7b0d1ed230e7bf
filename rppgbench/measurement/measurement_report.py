"""Measurements as records for JSON and CSV, and as lines of text."""

from __future__ import annotations

import csv
import io
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from rppgbench.errors import RppgbenchError
    from rppgbench.measurement.measure_video import MeasuredWindow, Measurement

SCHEMA = 1
COLUMNS = ("file", "start_s", "end_s", "spectrum_bpm", "beats_bpm", "snr_db", "rival_bpm", "reliable", "doubt")


def measurement_record(measured: Measurement) -> dict[str, Any]:
    """One measured video for JSON; numbers that do not exist are null."""
    info, verdict = measured.info, measured.verdict
    return {
        "file": str(info.path),
        "status": "measured",
        "hr_bpm": _rounded(measured.hr_bpm, 2),
        "method": measured.settings.method,
        "roi": measured.settings.roi,
        "video": {
            "container": info.container,
            "codec": info.codec,
            "pix_fmt": info.pix_fmt,
            "width": info.width,
            "height": info.height,
            "rotation_deg": info.rotation_deg,
            "fps_hz": _rounded(info.fps_hz, 3),
            "duration_s": _rounded(info.duration_s, 3),
            "bitrate_bps": _rounded(info.bitrate_bps, 0),
            "color_matrix": info.color_matrix,
            "color_range": info.color_range,
            "color_assumed": info.color_assumed,
        },
        "compression": {
            "bits_per_pixel": _rounded(verdict.bits_per_pixel, 4),
            "effect": verdict.effect,
            "confidence": verdict.confidence,
            "text": verdict.text,
        },
        "face": {"detector": measured.track.detector, "found_share": _rounded(measured.track.found_share, 3)},
        "windows": [_window_record(window) for window in measured.windows],
        "notes": list(measured.notes),
    }


def failure_record(path: Path, error: RppgbenchError, frame_png: Path | None) -> dict[str, Any]:
    """One video that could not be measured, for JSON."""
    return {
        "file": str(path),
        "status": "failed",
        "error": error.message,
        "hint": error.hint,
        "frame_png": None if frame_png is None else str(frame_png),
    }


def csv_text(measured: Iterable[Measurement]) -> str:
    """One line for each window of each video, under a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for one in measured:
        for window in one.windows:
            writer.writerow({"file": str(one.info.path), **_window_record(window)})
    return text.getvalue()


def summary_lines(measured: Measurement) -> list[str]:
    """Summary of one measured video, one fact a line."""
    info, verdict = measured.info, measured.verdict
    turned = f", turned by {info.rotation_deg} degrees" if info.rotation_deg else ""
    lines = [
        f"{info.codec} in {info.container.split(',')[0]}, {info.width} x {info.height}{turned}, "
        f"{info.fps_hz:.4g} frames/s, {info.duration_s:.1f} s, {_bitrate(info.bitrate_bps)}, "
        f"{verdict.bits_per_pixel:.3g} bit per pixel",
        f"compression: {verdict.text}",
    ]
    if measured.track.found_share < 1:
        lines.append(f"face found in {measured.track.found_share:.0%} of the sampled frames")
    lines += [f"note: {note}" for note in measured.notes]
    rivals = [window for window in measured.windows if window.reliable and window.rival_bpm is not None]
    if measured.hr_bpm is None:
        lines.append("heart rate: no reliable pulse")
    else:
        n_reliable = sum(window.reliable for window in measured.windows)
        lines.append(
            f"heart rate: {measured.hr_bpm:.1f} bpm ({n_reliable} of {len(measured.windows)} windows reliable)"
        )
    if rivals:
        rates = f"{rivals[0].spectrum_bpm:.0f} or {rivals[0].rival_bpm:.0f} bpm"
        lines.append(f"ambiguous: in {len(rivals)} windows half or double the rate is nearly as strong ({rates})")
    return lines


def window_cells(window: MeasuredWindow) -> tuple[str, ...]:
    """A window as the cells of a table: time, by spectrum, by beats, SNR, remark."""
    remark = window.doubt and f"no reliable pulse: {window.doubt}"
    if window.reliable and window.rival_bpm is not None:
        remark = f"or {window.rival_bpm:.1f} bpm: nearly as strong"
    numbers = (window.spectrum_bpm, window.beats_bpm, window.snr_db)
    return (f"{window.start_s:.0f}-{window.end_s:.0f}", *map(_number, numbers), remark or "")


HEADINGS = ("window, s", "spectrum, bpm", "beats, bpm", "SNR, dB", "")


def plain_table(windows: Sequence[MeasuredWindow]) -> list[str]:
    """The windows as aligned lines of plain text, under headings."""
    rows = [HEADINGS, *map(window_cells, windows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    return [
        "  ".join([*(cell.rjust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]


def _window_record(window: MeasuredWindow) -> dict[str, Any]:
    return {
        "start_s": _rounded(window.start_s, 3),
        "end_s": _rounded(window.end_s, 3),
        "spectrum_bpm": _rounded(window.spectrum_bpm, 2),
        "beats_bpm": _rounded(window.beats_bpm, 2),
        "snr_db": _rounded(window.snr_db, 2),
        "rival_bpm": _rounded(window.rival_bpm, 2),
        "reliable": window.reliable,
        "doubt": window.doubt,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, digits)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _bitrate(bitrate_bps: float) -> str:
    return f"{bitrate_bps / 1e6:.2f} Mbit/s" if bitrate_bps >= 1e6 else f"{bitrate_bps / 1e3:.0f} kbit/s"
