"""``rppgbench lock``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from rppgbench.cli.shared_options import data_option, protocol_argument, store_option
from rppgbench.errors import RppgbenchError

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.protocol.lock import Lock
    from rppgbench.protocol.lock_diff import LockDiff

DIFFERENT = 3


@click.command(context_settings={"max_content_width": 110})
@protocol_argument
@store_option
@data_option
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False),
              help="The lock's file. [default: beside the protocol, NAME.lock.json]")  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; say where the lock and what is here differ.")
@click.option("--force", is_flag=True, help="Replace a lock that says otherwise.")
def lock(
    protocol: str, store_path: Path | None, data: tuple[str, ...], out: Path | None, check: bool, force: bool
) -> None:
    """Write down what PROTOCOL came to, or --check whether it comes to the same here.

    A lock holds the protocol's meaning and its digest, the subjects of each fold, SHA-256 sums of the dataset's files,
    the builds of the encoders, and the sums of the videos that a run has encoded, as far as they are here. What is not
    here stays as an earlier lock had it. --check finds whether other data are the same bits.

    \b
    Examples:
      rppgbench lock smoke --check
      rppgbench lock protocols/obf_compressed.yaml --data obf=/data/OBF

    \b
    Exit codes: 0 nothing differs; 3 something does (the lines say what: locked | here).
    """
    from rppgbench.protocol.lock import lock_path, read_lock
    from rppgbench.protocol.protocol_library import find_protocol

    source = find_protocol(protocol)
    path = out or lock_path(source)
    locked = read_lock(path) if check or path.exists() else None
    here = _build_lock(source, store_path, data)
    if locked is not None and locked.protocol != here.protocol:
        raise RppgbenchError(
            f"{path}: is the lock of protocol {locked.protocol!r}, not of {here.protocol!r}", hint="name another --out"
        )
    if check and locked is not None:
        _report(path, locked, here)
    else:
        _write(path, source, locked, here, force)


def _build_lock(source: Path, store_path: Path | None, data: Sequence[str]) -> Lock:
    from rppgbench.pipeline.lock_builder import build_lock
    from rppgbench.pipeline.open_plan import known_roots, open_protocol, open_store

    loaded = open_protocol(source)
    return build_lock(loaded, open_store(store_path), known_roots(loaded, data), _show_progress)


def _show_progress(recordings: Sequence[Recording], dataset: str) -> Iterable[Recording]:
    from rich.progress import track

    return track(recordings, f"reading {dataset}", console=Console(stderr=True), transient=True)


def _report(path: Path, locked: Lock, here: Lock) -> None:
    from rppgbench.protocol.lock_diff import diff_locks

    agreement = diff_locks(locked, here)
    console = Console(highlight=False, soft_wrap=True)
    _lines(console, "same", agreement.same, "green")
    _lines(console, "not compared", [*agreement.unknown, *_unlocked(locked, here)], "yellow")
    _lines(console, "different (locked | here)", agreement.different, "red")
    if agreement.different:
        console.print(f"{path}: {len(agreement.different)} differences")
        raise SystemExit(DIFFERENT)
    console.print(f"{path}: nothing that could be compared differs")


def _unlocked(locked: Lock, here: Lock) -> list[str]:
    """A line if the lock has no bitstreams and the store has some."""
    n_here, n_locked = (
        sum(len(streams) for of in lock.bitstreams.values() for streams in of.values()) for lock in (here, locked)
    )
    return [f"bitstreams: the lock has none of the {n_here} that are here"] if n_here and not n_locked else []


def _write(path: Path, source: Path, locked: Lock | None, here: Lock, force: bool) -> None:
    from rppgbench.protocol.lock_diff import diff_locks, merge_locks

    if locked is not None and not force:
        if locked.digest != here.digest and here.version <= locked.version:
            raise RppgbenchError(
                f"{source}: means something else than version {locked.version} in {path}:\n  "
                + "\n  ".join(diff_locks(locked, here).different),
                hint=f"raise 'version:' to {locked.version + 1} and run it again; "
                "results of the old meaning stay comparable with each other",
            )
        _refuse_contradiction(path, diff_locks(locked, here))
        here = merge_locks(locked, here)
    try:
        path.write_text(here.text(), encoding="utf-8")
    except OSError as error:
        raise RppgbenchError(f"{path}: cannot be written: {error.strerror}", hint="name another --out") from None
    _summary(path, here)


def _refuse_contradiction(path: Path, agreement: LockDiff) -> None:
    """Refuse to replace a lock of the whole data by that of a sample or of other encoders."""
    contradictions = [line for line in agreement.different if not line.startswith("meaning")]
    if contradictions:
        shown = [*contradictions[:10], *([f"and {len(contradictions) - 10} more"] if len(contradictions) > 10 else [])]
        raise RppgbenchError(
            f"{path}: says otherwise (locked | here):\n  " + "\n  ".join(shown),
            hint="--out writes beside it, --force replaces it, --check shows all",
        )


def _summary(path: Path, lock: Lock) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{path}: {lock.protocol} v{lock.version}, digest {lock.digest[:12]}")
    contents = [f"{len(lock.folds)} folds"] if lock.folds is not None else []
    for name, facts in lock.datasets.items():
        if facts is not None:
            part = "" if facts.complete else ", not all that were published"
            contents.append(f"{len(facts.recordings)} recordings of {name}{part}")
    contents += [f"{sum(build is not None for build in lock.encoders.values())} encoder builds"]
    contents += [f"{sum(len(s) for of in lock.bitstreams.values() for s in of.values())} bitstreams"]
    _lines(console, "holds", contents, "green")
    _lines(console, "does not know", [f"{what}: {why}" for what, why in lock.not_here], "yellow")


def _lines(console: Console, title: str, lines: Sequence[str], style: str) -> None:
    if lines:
        console.print(title, style=style)
    for line in lines:
        console.print(f"  {line}", markup=False)
