"""``rppgbench claims``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from rppgbench.cli.shared_options import out_option, protocol_argument
from rppgbench.errors import ProtocolError, RppgbenchError

if TYPE_CHECKING:
    from rppgbench.claims.claims_file import ClaimsFile
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.results.results import Results


@click.command(context_settings={"max_content_width": 110})
@protocol_argument
@click.option("--claims", "name_or_file", metavar="NAME|FILE",
              help="What is claimed: a file, or the name of one that comes with rppgbench. [default: those of the "
                   "paper that the protocol's report follows]")  # fmt: skip
@click.option("--parts", is_flag=True, help="Show every contrast that a claim comes to.")
@out_option
def claims(protocol: str, name_or_file: str | None, parts: bool, out: Path) -> None:
    """Judge a paper's claims on finished results: supported, not supported, or undecided.

    PROTOCOL is a protocol that was run (a name or a file), or a folder with results such as
    leaderboards/synthetic_compressed/v2. A claim is supported when every contrast it consists of differs from
    nothing in the claimed direction, after correction for all claims that could be tested; it is not supported when
    one of them is the opposite; it is undecided otherwise, and the reason says what is wanting: entries, conditions,
    subjects, or a clear effect. Subjects, not windows, are what is counted and compared, each with itself.

    Verdicts with all contrasts, and the entry that each name means, are written beside the board: claims_NAME.md and
    claims_NAME.json, by the name in the claims file. What the built-in claims are and by which rules they are judged
    stands in the files in protocols/claims; copy one under a name of its own to ask about methods of yours.

    \b
    Examples:
      rppgbench claims synthetic_compressed
      rppgbench claims synthetic_compressed --parts
      rppgbench claims leaderboards/synthetic_compressed/v2 --claims my_claims.yaml
    """
    from rich.console import Console

    from rppgbench.api import open_results
    from rppgbench.claims.claims_report import write_claims
    from rppgbench.claims.claims_table import print_judgement
    from rppgbench.claims.judge import judge_claims
    from rppgbench.claims.observations import Observations

    named = _find_claims(name_or_file) if name_or_file else None
    found = open_results(protocol, out=out)
    results, folder = found.content, found.folder or out
    claims_file = named or _find_claims(_papers_claims(results, found.protocol))
    judgement = judge_claims(claims_file, Observations(results.rows, results.about["resolved"]["conditions"]))
    print_judgement(Console(), judgement, parts=parts)
    try:
        written = write_claims(judgement, results.about, folder)
    except OSError as error:
        raise RppgbenchError(
            f"{folder}: cannot be written: {error.strerror}", hint="copy the folder to where you may write"
        ) from None
    click.echo(f"written to {' and '.join(map(str, written))}", err=True)


def _papers_claims(results: Results, protocol: Protocol | None) -> str:
    """Name of the claims of the paper behind the protocol.

    Raises:
        RppgbenchError: there is no such paper, or it has no claims.
    """
    from rppgbench.report.paper import find_paper

    name = str(results.about["protocol"])
    paper = find_paper(name, protocol.path if protocol else None)
    if paper is None or paper.claims is None:
        raise RppgbenchError(f"no paper behind {name} has claims", hint="name what is claimed with --claims FILE")
    return paper.claims


def _find_claims(name_or_file: str) -> ClaimsFile:
    """The claims of that name or file.

    Raises:
        ProtocolError: the file has an error, or other claims than the built-in ones of its name.
    """
    from rppgbench.claims.claims_library import builtin_claims, find_claims, load_claims

    path, known = find_claims(name_or_file), builtin_claims()
    loaded = load_claims(path)
    if loaded.name in known and loaded != load_claims(known[loaded.name]):
        raise ProtocolError(
            f"{path}: other claims than those that come with rppgbench as {loaded.name!r}",
            hint="give the file a name of its own: its verdicts are written to claims_<name>.md",
        )
    return loaded
