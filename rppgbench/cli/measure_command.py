"""The command ``measure``: heart rate from any video of a face."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from rppgbench.errors import NoFaceFound, RppgbenchError

if TYPE_CHECKING:
    from rppgbench.measurement.measure_video import Measurement, MeasureSettings, Roi

EXIT_SOME_FAILED = 3
PLOT_ENDINGS = (".png", ".svg", ".pdf")


@click.command()
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--method", help="Trace method; see 'rppgbench list methods'. [default: the one that a plugin suggests]")
@click.option("--window", "window_s", default=30.0, show_default=True, type=click.FloatRange(8.0), help="Seconds.")
@click.option("--step", "step_s", default=10.0, show_default=True, type=click.FloatRange(0.5), help="Seconds.")
@click.option(
    "--roi",
    default="face",
    show_default=True,
    type=click.Choice(["face", "full"]),
    help="Find a face, or take every pixel for skin.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of tables.")
@click.option("--csv", "csv_target", metavar="FILE", help="Write one line per window; '-' prints them.")
@click.option("--plot", "plot_target", type=click.Path(path_type=Path), help="Draw a figure (.png, .svg, .pdf).")
def measure(
    videos: tuple[Path, ...],
    method: str | None,
    window_s: float,
    step_s: float,
    roi: str,
    as_json: bool,
    csv_target: str | None,
    plot_target: Path | None,
) -> None:
    """Heart rate from any video of a face; no ground truth needed.

    For each window: the rate by spectrum and by beats, the pulse's signal-to-noise ratio, and whether it is reliable.
    What a file's codec and bitrate are known to do to a pulse is said too. A window is "no reliable pulse" unless its
    SNR is one that less than 1 % of noise windows reach (0 dB at 30 s) and both rates agree within 5 bpm.

    \b
    JSON: {"schema": 1, "videos": [...]}; each video has
      file, status "measured": hr_bpm (median of reliable windows, or null), method, roi,
        video {container, codec, pix_fmt, width, height, rotation_deg, fps_hz, duration_s,
               bitrate_bps, color_matrix, color_range, color_assumed},
        compression {bits_per_pixel, effect "kept" | "weakened" | "destroyed" | "unknown",
                     confidence "known" | "likely" | "unknown", text},
        face {detector, found_share}, notes [...],
        windows [{start_s, end_s, spectrum_bpm, beats_bpm, snr_db, rival_bpm, reliable, doubt}]
      file, status "failed": error, hint, frame_png (a frame in which no face was found, or null)

    \b
    Exit codes: 0 all videos were measured (a pulse need not be found); 2 none could be, or the
    command line is wrong; 3 some could not be.
    """
    if as_json and csv_target == "-":
        raise click.UsageError("--json and --csv - both want standard output")
    if not (math.isfinite(window_s) and math.isfinite(step_s)):
        raise click.UsageError("--window and --step must be finite")
    _check_targets(csv_target, plot_target)
    from rppgbench.measurement.measure_video import make_measure_settings

    run = _Run(make_measure_settings(method, cast("Roi", roi), window_s, step_s))
    for number, video in enumerate(videos):
        run.measure(video, _numbered(plot_target, number, len(videos)), quiet=as_json or csv_target == "-")
    if as_json:
        click.echo(json.dumps({"schema": 1, "videos": run.records}, indent=1, allow_nan=False))
    if csv_target is not None:
        run.write_csv(csv_target)
    if run.n_failed:
        click.echo(f"{len(run.measured)} of {len(videos)} videos measured, {run.n_failed} failed", err=True)
        sys.exit(EXIT_SOME_FAILED if run.n_failed < len(videos) else RppgbenchError.exit_code)


def _check_targets(csv_target: str | None, plot_target: Path | None) -> None:
    """Refuse targets that cannot be written, before anything is measured."""
    for option, target in (("--csv", csv_target), ("--plot", plot_target)):
        if target is not None and target != "-" and not Path(target).absolute().parent.is_dir():
            raise click.UsageError(f"{option} {target}: there is no folder {Path(target).parent}")
    if plot_target is not None and plot_target.suffix.lower() not in PLOT_ENDINGS:
        raise click.UsageError(f"--plot {plot_target}: expected a name that ends in {', '.join(PLOT_ENDINGS)}")


@dataclass
class _Run:
    settings: MeasureSettings
    measured: list[Measurement] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    n_failed: int = 0

    def measure(self, video: Path, plot_target: Path | None, *, quiet: bool) -> None:
        """Measure one video and print the result; a failure is printed and recorded, and not raised."""
        from rppgbench.measurement import measurement_report
        from rppgbench.measurement.measure_video import measure_video

        try:
            with _Progress(video) as progress:
                measured = measure_video(video, self.settings, progress.update)
            if plot_target is not None:
                from rppgbench.measurement.measurement_figure import draw_measurement

                draw_measurement(measured, plot_target)
        except RppgbenchError as error:
            self.n_failed += 1
            frame_png = _saved_frame(video, error)
            _print_error(error, frame_png)
            self.records.append(measurement_report.failure_record(video, error, frame_png))
            return
        self.measured.append(measured)
        self.records.append(measurement_report.measurement_record(measured))
        if not quiet:
            _show(measured)

    def write_csv(self, target: str) -> None:
        from rppgbench.measurement.measurement_report import csv_text

        text = csv_text(self.measured)
        if target == "-":
            click.echo(text, nl=False)
        else:
            Path(target).write_text(text, encoding="utf-8")


class _Progress:
    """A line on standard error that counts the seconds read of a long video, on a terminal only."""

    def __init__(self, video: Path) -> None:
        self._video, self._shown = video, False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def update(self, time_s: float) -> None:
        if sys.stderr.isatty():
            self._shown = True
            click.echo(f"\r{self._video.name}: {time_s:.0f} s read", err=True, nl=False)


def _show(measured: Measurement) -> None:
    from rppgbench.measurement import measurement_report

    click.secho(str(measured.info.path), bold=True)
    for line in measurement_report.summary_lines(measured):
        click.echo(f"  {line}")
    if not sys.stdout.isatty():
        for line in measurement_report.plain_table(measured.windows):
            click.echo(f"  {line}")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*measurement_report.HEADINGS, header_style="bold")
    for window in measured.windows:
        table.add_row(*measurement_report.window_cells(window), style=None if window.reliable else "dim")
    Console().print(table)


def _print_error(error: RppgbenchError, frame_png: Path | None) -> None:
    click.secho(f"error: {error.message}", fg="red", err=True)
    if frame_png is not None:
        click.echo(f"  -> a frame that was looked at: {frame_png}", err=True)
    if error.hint:
        click.echo(f"  -> {error.hint}", err=True)


def _saved_frame(video: Path, error: RppgbenchError) -> Path | None:
    if not isinstance(error, NoFaceFound) or error.frame_png is None:
        return None
    target = Path(f"{video.stem}-no-face.png")
    try:
        target.write_bytes(error.frame_png)
    except OSError:
        return None  # a folder that cannot be written must not hide the error itself
    return target


def _numbered(target: Path | None, number: int, n_videos: int) -> Path | None:
    """``out.png`` for one video, ``out-1.png``, ``out-2.png``, ... for several."""
    if target is None or n_videos == 1:
        return target
    return target.with_name(f"{target.stem}-{number + 1}{target.suffix}")
