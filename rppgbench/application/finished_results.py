"""Results that a run published, found by protocol or folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rppgbench.application.run_results import RunResults
from rppgbench.errors import RppgbenchError, nearest
from rppgbench.pipeline.open_plan import ProtocolSource, open_protocol
from rppgbench.protocol.protocol_library import builtin_protocols
from rppgbench.protocol.resolve import Protocol
from rppgbench.results.results import RESULTS, Results, load_answering, merge


def find_results(named: ProtocolSource, out: Path) -> RunResults:
    """Published results of a protocol below ``out``, or those in a folder, with the protocol if it is found.

    Raises:
        RppgbenchError: there are no results.
        IncomparableResults: the results in the protocol's folder are of another question.
    """
    if not isinstance(named, Protocol):
        path = Path(named)
        if path.is_dir():
            return _in_folder(path)
        if path.parent.is_dir() and path.parent != Path() and not path.is_file():
            results = (found for below in ("*", "*/*") for found in path.parent.glob(f"{below}/{RESULTS}"))
            near = {found.relative_to(path.parent).parts[0] for found in results}
            hint = nearest(path.name, near) if near else f"no folder in {path.parent} holds results"
            raise RppgbenchError(f"{path}: no such protocol or folder of results", hint=hint)
    protocol = open_protocol(named)
    estimator = protocol.evaluation.heart_rate.compatible
    folder = out / protocol.name / f"v{protocol.version}" / (f"as_{estimator}" if estimator else "")
    name = protocol.name if isinstance(named, Protocol) else named
    if not (folder / RESULTS).is_file():
        raise RppgbenchError(
            f"{folder}: no results of {protocol.name} there",
            hint=f"'rppgbench run {name}' first, or say with --out where its leaderboards are",
        )
    hint = f"'rppgbench run {name}' again, or name the folder to see what it holds"
    return RunResults(load_answering(protocol, folder, hint), protocol, folder)


def _in_folder(path: Path) -> RunResults:
    if not (path / RESULTS).is_file():
        raise RppgbenchError(
            f"{path}: no results there (expected {RESULTS})",
            hint="name the folder of one board, such as leaderboards/synthetic_compressed/v2",
        )
    results = Results.load(path)
    return RunResults(results, _protocol_of(results), path)


def _protocol_of(results: Results) -> Protocol | None:
    """The built-in protocol with the digest of the results; None if there is none."""
    path = builtin_protocols().get(str(results.about["protocol"]))
    if path is None:
        return None
    protocol = open_protocol(path, estimator=results.compatible)
    return protocol if protocol.digest == results.about["digest"] else None


def rank_together(first: RunResults, others: Sequence[RunResults]) -> RunResults:
    """All results as one, to be ranked together.

    Raises:
        IncomparableResults: their questions differ; the message shows the differences line by line.
    """
    many = [first, *others]
    content = merge([results.content for results in many], [str(results.folder) for results in many])
    return RunResults(content, first.protocol)
