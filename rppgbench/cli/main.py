"""The command ``rppgbench``: sub-commands are imported only when one is called, so that ``--help`` is instant."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Any

import click

from rppgbench.errors import RppgbenchError
from rppgbench.version import __version__

# name -> (import string, one-line help). The help stands here so that listing imports no command.
COMMANDS = {
    "run": ("rppgbench.cli.run_command:run", "Run a protocol and print its leaderboard."),
    "plan": ("rppgbench.cli.run_command:plan", "Show what a run would do, what is cached, how long and how much disk."),
    "status": (
        "rppgbench.cli.status_command:status",
        "Show how a run stands, from any shell or machine that sees its store.",
    ),
    "board": ("rppgbench.cli.board_command:board", "Print the leaderboard of finished results."),
    "figures": ("rppgbench.cli.figures_command:figures", "Draw what to look at: faces, waves, gains, losses."),
    "report": (
        "rppgbench.cli.report_command:report",
        "Write the tables, figures and conclusions that a reviewer asks for.",
    ),
    "claims": ("rppgbench.cli.claims_command:claims", "Judge the paper's claims on the results at hand."),
    "data": ("rppgbench.cli.data_command:data", "Add, list, check and look at datasets; write small copies to try."),
    "measure": (
        "rppgbench.cli.measure_command:measure",
        "Heart rate from any video of a face; no ground truth needed.",
    ),
    "cache": (
        "rppgbench.cli.cache_command:cache",
        "See what the store holds, check it, free room in it, explain an artefact.",
    ),
    "lock": (
        "rppgbench.cli.lock_command:lock",
        "Write down what a protocol came to, or check that it comes to the same here.",
    ),
    "list": ("rppgbench.cli.list_command:list_", "List methods, enhancers, codecs, datasets, protocols or plugins."),
    "show": ("rppgbench.cli.list_command:show", "Explain one component or protocol: parameters, citation, licence."),
}

EPILOG = """\b
First steps, without a GPU and without data:
  rppgbench run synthetic_compressed     the main benchmark on rendered faces
  rppgbench measure my_video.mp4         the heart rate in a video of yours
  rppgbench list methods                 what can be compared

Exit codes: 0 all is well; 2 a mistake in what was asked (the message says where);
3 it ended, but some tasks failed (the summary names them), or a check found trouble."""


class LazyGroup(click.Group):
    """A group whose commands are named in ``COMMANDS`` and imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{COMMANDS[cmd_name][0]} is not a click command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from rppgbench.errors import nearest

            raise click.UsageError(f"{error.message} ({nearest(args[0], COMMANDS)})", ctx=ctx) from None


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="rppgbench")
def cli() -> None:
    """Benchmark heart rate from face video (rPPG), above all from compressed video.

    A protocol declares a dataset, subject-independent folds, codecs and bitrates, methods and metrics; a run computes
    every fold x condition x entry, resumes where it was stopped, and prints a leaderboard with intervals.
    """


def main(args: Sequence[str] | None = None) -> Any:
    """Entry point of the console script."""
    try:
        return cli(args)
    except RppgbenchError as error:
        click.secho(f"error: {error.message}", fg="red", err=True)
        if error.hint:
            click.echo(f"  -> {error.hint}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has gone (`rppgbench list | head`): nothing is left to print.
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
