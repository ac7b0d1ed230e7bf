"""``rppgbench claims``."""

from __future__ import annotations

from pathlib import Path

import click

from rppgbench.errors import RppgbenchError


@click.command(context_settings={"max_content_width": 110})
@click.argument("protocol")
@click.option("--claims", "name_or_file", default="yu2019", show_default=True, metavar="NAME|FILE",
              help="What is claimed: a file, or the name of one that comes with rppgbench.")  # fmt: skip
@click.option("--parts", is_flag=True, help="Show every contrast that a claim comes to.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("leaderboards"),
              show_default=True, help="Where leaderboards are: OUT/<protocol>/v<version>/.")  # fmt: skip
def claims(protocol: str, name_or_file: str, parts: bool, out: Path) -> None:
    """Judge a paper's claims on finished results: supported, not supported, or undecided.

    PROTOCOL is a protocol that was run (a name or a file), or a folder with results such as
    leaderboards/synthetic_compressed/v1. A claim is supported when every contrast it consists of differs from
    nothing in the claimed direction, after correction for all claims that could be tested; it is not supported when
    one of them is the opposite; it is undecided otherwise, and the reason says what is wanting: entries, conditions,
    subjects, or a clear effect. Subjects, not windows, are what is counted and compared, each with itself.

    Verdicts with all contrasts are written beside the board: claims.md and claims.json. What the built-in claims are
    and by which rules they are judged stands in protocols/claims/yu2019.yaml; copy it to ask about methods of yours.

    \b
    Examples:
      rppgbench claims synthetic_compressed
      rppgbench claims synthetic_compressed --parts
      rppgbench claims leaderboards/synthetic_compressed/v1 --claims my_claims.yaml
    """
    from rich.console import Console

    from rppgbench.claims.judge import judge
    from rppgbench.claims.library import find, load
    from rppgbench.claims.observations import Observations
    from rppgbench.claims.report import write
    from rppgbench.claims.terminal import print_judgement
    from rppgbench.leaderboard.results import Results

    asked = load(find(name_or_file))
    folder = _folder(protocol, out)
    results = Results.load(folder)
    judgement = judge(asked, Observations(results.rows, results.about["resolved"]["conditions"]))
    print_judgement(Console(), judgement, parts=parts)
    try:
        written = write(judgement, results.about, folder)
    except OSError as error:
        raise RppgbenchError(
            f"{folder}: cannot be written: {error.strerror}", hint="copy the folder to where you may write"
        ) from None
    click.echo(f"written to {' and '.join(map(str, written))}", err=True)


def _folder(protocol: str, out: Path) -> Path:
    """Where the results are that are meant.

    Raises:
        RppgbenchError: there are none yet.
    """
    from rppgbench.leaderboard.results import RESULTS
    from rppgbench.protocol import document
    from rppgbench.protocol.library import find

    if Path(protocol).is_dir():
        if not (Path(protocol) / RESULTS).is_file():
            raise RppgbenchError(
                f"{protocol}: no results there (expected {RESULTS})",
                hint="name the folder of one board, such as leaderboards/synthetic_compressed/v1",
            )
        return Path(protocol)
    path = find(protocol)
    declared = document.read(path).tree
    missing = [key for key in ("name", "version") if key not in declared]
    if missing:
        raise RppgbenchError(f"{path}: not a protocol: no value for {', '.join(missing)}")
    folder = out / str(declared["name"]) / f"v{declared['version']}"
    if not (folder / RESULTS).is_file():
        raise RppgbenchError(f"{folder}: no results yet", hint=f"run 'rppgbench run {protocol}' first, or say --out")
    return folder
