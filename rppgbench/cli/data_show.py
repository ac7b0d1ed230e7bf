"""``rppgbench data show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.data_folder import open_by_name, wide_console
from rppgbench.text import pluralise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rppgbench.contracts import GroundTruth, Recording
    from rppgbench.datasets.open_dataset import OpenDataset
    from rppgbench.datasets.recording_overview import RecordingOverview

_OWN = "your own"  # the licence of users' own data, which needs no notice on publishing
_KINDS = {"ecg": "ECG", "bvp": "BVP", "hr": "heart rate alone"}


@click.command(context_settings={"max_content_width": 110})
@click.argument("name")
@click.argument("recording", required=False)
@click.option("--path", type=click.Path(path_type=Path), help="Where the dataset lies, if not where 'data add' said.")
@click.option("--plot", is_flag=True, help="Draw it: face, colour of the skin, contact sensor with beats, heart rates.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for the figure of --plot.")
def show(name: str, recording: str | None, path: Path | None, plot: bool, out: Path | None) -> None:
    """Show the recordings of dataset NAME, or one of them.

    Of one RECORDING all that is known and what its contact sensor said. --plot draws a frame with the face's box
    and its skin, the skin's colour and the sensor's wave with its beats on the same clock (the delay between them
    is in the title), and heart rates over time by both estimators.

    \b
    Examples:
      rppgbench data show pure
      rppgbench data show pure 01-03
      rppgbench data show pure 01-03 --plot --out figures
    """
    from rppgbench.errors import RppgbenchError

    if out is not None and not plot:
        raise click.UsageError("--out is the folder for a figure: it needs --plot")
    dataset, _ = open_by_name(name, path)
    if recording is None:
        if plot:
            raise click.UsageError("--plot draws one recording: name it")
        _print_recordings(dataset.recordings())
        return
    selected = dataset.recording(recording)
    truth = dataset.loader.ground_truth(selected)
    _print_recording(dataset, selected, truth)
    if plot:
        folder = out or Path()
        target = folder / f"{name}-{_plain(selected.id)}.png"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _draw(dataset, selected, target)
        except OSError as error:
            raise RppgbenchError(
                f"{target}: cannot be written: {error.strerror}", hint="choose another --out"
            ) from None
        click.echo(f"drawn: {target}")


def _print_recordings(recordings: Sequence[Recording]) -> None:
    from rich.markup import escape
    from rich.table import Table

    shared, sources = _sources(recordings)
    console = wide_console()
    if shared:
        console.print(f"source of all: {shared}", markup=False, soft_wrap=True)
    headings = ["recording", "subject", "session", "frames/s", "seconds", "source", "tags"]
    if not any(sources):
        headings.remove("source")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, justify="right" if heading in ("frames/s", "seconds") else "left", overflow="fold")
    for one, source in zip(recordings, sources, strict=True):
        tags = ", ".join(f"{key} {value}" for key, value in one.tags.items())
        table.add_row(
            *map(escape, (one.id, one.subject, one.session)), f"{one.fps_hz:.3f}", f"{one.duration_s:.2f}",
            *map(escape, [source, tags] if any(sources) else [tags]),
        )  # fmt: skip
    console.print(table)
    subjects = len({one.subject for one in recordings})
    console.print(f"{pluralise(len(recordings), 'recording')} of {pluralise(subjects, 'subject')}")


def _sources(recordings: Sequence[Recording]) -> tuple[str, list[str]]:
    """Source descriptions: the parts common to all recordings, and the other parts of each."""
    parts = [_source(one).split(", ") for one in recordings]
    shared = [part for part in parts[0] if len(parts) > 1 and all(part in others for others in parts)]
    return ", ".join(shared), [", ".join(part for part in own if part not in shared) for own in parts]


def _source(recording: Recording) -> str:
    return f"{recording.source}: {recording.source_details}" if recording.source_details else recording.source


def _print_recording(dataset: OpenDataset, recording: Recording, truth: GroundTruth) -> None:
    from rppgbench.datasets.truth_check import labels_of, malformation, windows_of

    for name, value in _facts(dataset, recording, truth):
        if value:
            click.echo(f"{name:<11} {value}")
    wrong = malformation(truth)
    if wrong is not None:
        click.echo(f"{'label':<11} {wrong}")
        return
    starts_s, length_s = windows_of(recording.duration_s)
    click.echo("windows     start-end s   spectrum, bpm   beats, bpm")
    for start_s, label in zip(starts_s, labels_of(truth, starts_s, length_s), strict=False):
        where = f"{start_s:.0f}-{start_s + length_s:.0f}"
        if label.rate is None:
            text = f"cannot be scored: {label.excluded}"
        else:
            beats = "-" if label.rate.beats_bpm is None else f"{label.rate.beats_bpm:.1f}"
            text = f"{label.rate.spectrum_bpm:13.1f} {beats:>12}  {'; '.join(label.flags)}".rstrip()
        click.echo(f"            {where:>11}   {text}")


def _facts(dataset: OpenDataset, recording: Recording, truth: GroundTruth) -> list[tuple[str, str]]:
    """Names and values of the facts on a recording, one per line."""
    files = [recording.path] if recording.path is not None else list(recording.source_files)
    first, end = recording.part
    part = "" if recording.part == (0, None) else f"frames {first} to {'the end' if end is None else end}"
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    sensor_s = "" if truth.video_s is None else f"; the video lasts {truth.video_s:.2f} s by its clock"
    covered = f"{truth.times_s[0]:.2f} s to {truth.times_s[-1]:.2f} s" if len(truth.times_s) else "nothing"
    leads = f"; further leads: {', '.join(truth.leads)}" if truth.leads else ""
    return [
        ("recording", recording.id),
        ("subject", recording.subject),
        ("session", recording.session),
        ("video", f"{dataset.relative(files[0])}{more}" if files else "made by the dataset itself"),
        ("part", part),
        ("source", _source(recording)),
        ("length", f"{recording.duration_s:.2f} s at {recording.fps_hz:.3f} frames/s"),
        ("frame times", ", ".join(str(dataset.relative(path)) for path in recording.clock_files)),
        ("tags", ", ".join(f"{key} {value}" for key, value in recording.tags.items())),
        ("truth", f"{truth.kind}, {len(truth.samples)} samples over {covered}{sensor_s}{leads}"),
        ("truth file", ", ".join(str(dataset.relative(path)) for path in recording.truth_files)),
        ("doubts", "; ".join(truth.doubts)),
    ]


def _draw(dataset: OpenDataset, recording: Recording, target: Path) -> None:
    from rppgbench.datasets.overview_figure import draw_overview
    from rppgbench.datasets.recording_overview import inspect_recording

    overview = inspect_recording(dataset.loader, recording)
    footnotes = list(overview.notes)
    if not dataset.spec.redistributable and dataset.spec.license != _OWN:
        footnotes.append(
            f"Images of {dataset.spec.name} may not be published: {dataset.spec.license or 'ask its authors'}"
        )
    inventory = dataset.inventory()
    footnotes += [note for note in (inventory.notes if inventory is not None else ()) if "not be published" in note]
    draw_overview(overview, target, title=_title(dataset, overview), footnotes=tuple(footnotes))


def _title(dataset: OpenDataset, overview: RecordingOverview) -> str:
    import numpy as np

    rates = [label.rate.spectrum_bpm for label in overview.labels if label.rate is not None]
    hr = (
        f"{np.median(rates):.1f} bpm by the contact sensor ({_KINDS[overview.truth.kind]})"
        if rates
        else "no heart rate"
    )
    delay = ""
    if overview.delay_s is not None:
        side = "behind" if overview.delay_s >= 0 else "ahead of"
        delay = f"; the face's pulse is {abs(overview.delay_s) * 1000:.0f} ms {side} the sensor's"
    elif overview.wave is not None:
        delay = "; the delay between face and sensor could not be found"
    return f"{dataset.spec.name} {overview.recording.id}: {hr}{delay}"


def _plain(name: str) -> str:
    """A recording's id with characters unsafe in file names replaced."""
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
