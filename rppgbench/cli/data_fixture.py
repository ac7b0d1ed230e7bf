"""``rppgbench data fixture``."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.data_folder import dataset_spec
from rppgbench.text import pluralise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rppgbench.contracts import DatasetSpec
    from rppgbench.registry import Registry
    from rppgbench.testing.rendered_cohort import RenderedRecording


@click.command()
@click.argument("name")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--subjects", default=3, show_default=True, type=click.IntRange(1, 100), help="How many people.")
@click.option(
    "--seconds", default=32.0, show_default=True, type=click.FloatRange(2.0, 3600.0), help="Of each recording."
)
@click.option("--sessions", type=click.IntRange(1), help="Of each subject at most; the rest is missing then.")
@click.option("--size", default="128x96", show_default=True, metavar="WxH", help="Of the pictures, in pixels.")
def fixture(name: str, path: Path, subjects: int, seconds: float, sessions: int | None, size: str) -> None:
    """Write a small copy of dataset NAME into PATH.

    Rendered faces in the layout that was published. File names, formats, rates, codecs and oddities are the
    dataset's; faces, pulses and sensors are simulated, so the heart rates are known. To try a protocol before the
    data have come, or a loader of your own. PATH must be empty or not be there.

    \b
    Examples:
      rppgbench data fixture pure /tmp/pure
      rppgbench data fixture mahnob_hci /tmp/mahnob --subjects 9 --seconds 64
    """
    from rich.console import Console

    from rppgbench.datasets.fixture import AnnouncedCohort, write_fixture
    from rppgbench.registry import load_registry

    registry = load_registry()
    width_height = _size(registry, size)
    spec = dataset_spec(registry, name)
    console = Console(stderr=True)
    with console.status(f"writing {subjects} subjects of {name}") as status:
        cohort = AnnouncedCohort(
            registry,
            lambda n: status.update(f"writing subject {n} of {subjects} of {name}"),
            size=width_height,
            n_sessions=sessions,
        )
        rendered = write_fixture(spec, path, cohort, n_subjects=subjects, duration_s=seconds)
    _print_heart_rates(rendered)
    click.echo("next:")
    click.echo(f"  rppgbench data check {name} --path {path} --partial")
    if spec.protocol:
        short = _too_short(registry, spec, path, seconds)
        click.echo(f"  {short or f'rppgbench run {spec.protocol} --data {name}={path} --rehearse'}")


def _too_short(registry: Registry, spec: DatasetSpec, root: Path, seconds: float) -> str | None:
    """A note if the fixture is too short for the dataset's protocol, else None."""
    from rppgbench.datasets.open_dataset import open_dataset
    from rppgbench.errors import RppgbenchError
    from rppgbench.pipeline.stage_settings import count_windows
    from rppgbench.protocol.protocol_library import find_protocol
    from rppgbench.protocol.resolve import load_protocol

    try:
        length_s = load_protocol(find_protocol(spec.protocol), registry).clips.length_s
    except RppgbenchError:
        return None  # running the protocol reports its errors
    longest_s = max(recording.duration_s for recording in open_dataset(registry, spec, root).recordings())
    if count_windows(longest_s, length_s):
        return None
    enough = math.ceil(seconds + length_s - longest_s)
    return (
        f"(too short for 'rppgbench run {spec.protocol}': {longest_s:.1f} s, its windows are of {length_s:g} s; "
        f"write another one with --seconds {enough} or more to try it)"
    )


def _print_heart_rates(rendered: Mapping[str, RenderedRecording]) -> None:
    rates = "its heart rate" if len(rendered) == 1 else "their heart rates"
    click.echo(f"{pluralise(len(rendered), 'recording')} of rendered faces; {rates}:")
    width = max((len(name) for name in rendered), default=0)
    for name, one in rendered.items():
        click.echo(f"  {name:<{width}}  {one.hr_bpm:6.2f} bpm  {one.duration_s:g} s at {one.fps_hz:g} frames/s")


def _size(registry: Registry, text: str) -> tuple[int, int]:
    """Width and height in pixels, within the limits of the dataset that renders the faces."""
    from pydantic import ValidationError

    from rppgbench.testing.rendered_cohort import cohort_spec

    width, x, height = text.lower().partition("x")
    if not (x and width.isdecimal() and height.isdecimal()):
        raise click.UsageError(f"--size {text}: expected width and height in pixels, such as 128x96")
    size = int(width), int(height)
    try:
        cohort_spec(registry).params.model_validate({"size": size})
    except ValidationError as error:
        why = str(error.errors()[0].get("ctx", {}).get("error", error.errors()[0]["msg"]))
        raise click.UsageError(f"--size {text}: expected {why.partition(', found')[0]}") from None
    return size
