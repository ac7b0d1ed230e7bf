"""Rows of results from the store: every window of the plan, scored or not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rppgbench.contracts import Recording
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.pipeline.plan import Plan, Trial
from rppgbench.pipeline.stage_settings import SLACK_S, count_windows
from rppgbench.pipeline.stages import stages
from rppgbench.pipeline.stages.label_stage import NO_VIDEO
from rppgbench.pipeline.task import Task
from rppgbench.pipeline.task_result import TaskFailure
from rppgbench.protocol.resolved_component import ResolvedComponent
from rppgbench.protocol.resolved_entry import ResolvedEntry, TrainingSpec
from rppgbench.store.store import Store

Row = dict[str, Any]
UNSCORED: Row = {column.name: None for column in COLUMNS}


def result_rows(plan: Plan, store: Store, failures: Mapping[str, TaskFailure]) -> list[Row]:
    """One row a window of every trial, in the plan's order; a window without a score has a reason."""
    length_s = plan.protocol.clips.length_s
    collected: list[Row] = []
    for trial, identity in _identified(plan, store):
        scores = _scores(trial, store, failures)
        collected += _windows(identity, scores, trial.n_windows, length_s)
    return collected


def joined_rows(plan: Plan, store: Store, failures: Mapping[str, TaskFailure]) -> list[Row]:
    """One row a joined window of every trial; empty if the protocol joins none."""
    wanted_s = plan.protocol.evaluation.joined_windows_s
    if not wanted_s:
        return []
    length_s = plan.protocol.clips.length_s
    collected: list[Row] = []
    for trial, identity in _identified(plan, store):
        for joined_s in wanted_s:
            scores = _scores(trial, store, failures, joined_s)
            collected += _windows(identity, scores, int(trial.n_windows * length_s / joined_s + 1e-9), joined_s)
    return collected


def _identified(plan: Plan, store: Store) -> Iterator[tuple[Trial, Row]]:
    """Trials with the columns that all of their rows share."""
    digest = plan.protocol.digest
    achieved: dict[str, float | None] = {}
    delays_s: dict[str, float | None] = {}
    for trial in plan.trials:
        identity = _identity(plan, trial, digest, _achieved(trial, store, achieved))
        identity["truth_delay_s"] = _delay_s(trial, store, delays_s)
        yield trial, identity


def _windows(identity: Row, scores: Callable[[int], Row], n_windows: int, length_s: float) -> Iterator[Row]:
    for window in range(n_windows):
        span = {"window": window, "start_s": window * length_s, "end_s": (window + 1) * length_s}
        yield {**UNSCORED, **identity, **span, **scores(window)}


def encoding_rows(plan: Plan, store: Store) -> list[Row]:
    """One row an encoded recording: target and achieved bitrate, PSNR, encoder build, digest of the bitstream."""
    collected = []
    seen: set[str] = set()
    for trial in plan.trials:
        if trial.encode is None or trial.encode.key in seen or not store.has(trial.encode.key):
            continue
        seen.add(trial.encode.key)
        manifest = store.manifest(trial.encode.key)
        facts = manifest["facts"]
        collected.append(
            {
                "recording": trial.recording.id,
                "condition": trial.condition.id,
                "target_bps": facts["target_bps"],
                "bitrate_bps": facts["bitrate_bps"],
                "psnr_y_db": facts["psnr_y_db"],
                "n_frames": facts["n_frames"],
                "pix_fmt": facts["pix_fmt"],
                "encoder_build": facts["encoder_build"],
                "sha256": manifest["files"][facts["file"]]["sha256"],
            }
        )
    return collected


def missing_data(plan: Plan) -> dict[str, Any]:
    """Subjects and recordings that are not here, or too short for a window; empty for a narrowed plan."""
    if plan.narrowed:
        return {}
    tested, length_s = plan.datasets[0], plan.protocol.clips.length_s
    found: dict[str, Any] = {}
    if tested.inventory is not None:
        found = {
            "subjects": len(tested.inventory.subjects),
            "subjects_not_here": [name for name in tested.inventory.subjects if name not in tested.by_subject],
            "recordings": tested.inventory.n_recordings,
            "absent": {absent.id: absent.reason for absent in tested.inventory.absent},
        }
    short = {r.id: r.duration_s for r in tested.recordings if not count_windows(r.duration_s, length_s)}
    return {**found, **({"too_short_s": short} if short else {})}


def _identity(plan: Plan, trial: Trial, digest: str, achieved_bps: float | None) -> Row:
    protocol = plan.protocol
    return {
        "protocol": protocol.name,
        "version": protocol.version,
        "digest": digest,
        "fold": trial.fold.index,
        "condition": trial.condition.id,
        "codec": trial.condition.codec.name,
        "nominal_bitrate_bps": trial.condition.nominal_bps,
        "achieved_bitrate_bps": achieved_bps,
        "entry": trial.entry.id,
        "seed": trial.seed,
        **_training(trial),
        "method": trial.entry.method.name,
        "enhancer": trial.entry.enhancer.name if trial.entry.enhancer else None,
        "control": trial.entry.method_spec.control,
        "enhancer_control": trial.entry.enhancer_spec.control if trial.entry.enhancer_spec else None,
        "dataset": protocol.dataset.name,
        "subject": trial.recording.subject,
        "recording": trial.recording.id,
        "source": trial.recording.source,
        "tags": json.dumps(dict(trial.recording.tags), sort_keys=True),
    }


def _training(trial: Trial) -> Row:
    """Columns on the entry's params and training."""
    entry = trial.entry
    params = {kind: component.params.model_dump(mode="json") for kind, component in _parts(entry).items()}
    return {
        "train": entry.train,
        "methods_learn_from": _learns_from(entry.method_training, trial.condition.id),
        "enhancers_learn_from": _learns_from(entry.enhancer_training, trial.condition.id),
        "params": json.dumps(params, sort_keys=True),
    }


def _parts(entry: ResolvedEntry) -> dict[str, ResolvedComponent]:
    return {"method": entry.method, **({"enhancer": entry.enhancer} if entry.enhancer else {})}


def _learns_from(training: TrainingSpec | None, tested: str) -> str | None:
    return None if training is None else ",".join(training.conditions(tested))


def _achieved(trial: Trial, store: Store, known: dict[str, float | None]) -> float | None:
    if trial.encode is None:
        return None
    key = trial.encode.key
    if key not in known:
        known[key] = float(store.facts(key)["bitrate_bps"]) if store.has(key) else None
    return known[key]


def _delay_s(trial: Trial, store: Store, known: dict[str, float | None]) -> float | None:
    key = trial.score.inputs["alignment"]
    if key not in known:
        known[key] = store.facts(key)["delay_s"] if store.has(key) else None
    return known[key]


def _scores(
    trial: Trial, store: Store, failures: Mapping[str, TaskFailure], joined_s: float | None = None
) -> Callable[[int], Row]:
    """A function from window number to the computed columns of its row, or of that of a window joined to ``joined_s``.

    A window without a score has a status and a reason.
    """
    if store.has(trial.score.key):
        name = "rows.json" if joined_s is None else "joined.json"
        rows = json.loads((store.path(trial.score.key) / name).read_text(encoding="utf-8"))
        if joined_s is not None:
            rows = [row for row in rows if abs(row["end_s"] - row["start_s"] - joined_s) < SLACK_S]
        by_window = {row.pop("window"): row for row in rows}
        missing: Row = {"status": "excluded", "reason": NO_VIDEO}
    else:
        by_window = {}
        failure = failures.get(trial.score.key)
        missing = {"status": "failed", "reason": "not run"}
        if failure is not None:
            cause = failure.cause or failure.task
            # A failure on the recording itself excludes the window for all entries. One that no code foresaw is a bug,
            # and counts as a failure.
            foreseen = failures.get(cause.key, failure).details is None
            of_recording = foreseen and not stages()[cause.stage].entry_fault and _is_of(cause, trial.recording)
            status = "excluded" if of_recording else "failed"
            missing = {"status": status, "reason": f"{cause.label}: {failure.message}"}
    return lambda window: by_window.get(window, missing)


def _is_of(task: Task, recording: Recording) -> bool:
    return task.recording is not None and (task.recording.dataset, task.recording.id) == (
        recording.dataset,
        recording.id,
    )
