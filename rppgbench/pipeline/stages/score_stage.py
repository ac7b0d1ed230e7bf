"""Score: a row a window, from predicted waves and the contact sensor's labels by the same code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_context import load_arrays
from rppgbench.pipeline.stage_settings import FILE_BYTES, FOLDER_BYTES, TaskCost, WindowedSettings
from rppgbench.pipeline.stages.label_stage import contact_waves, labels_of_video
from rppgbench.pipeline.stages.quality_stage import window_qualities
from rppgbench.signal.heart_rate import HeartRateSettings

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolved_component import Condition
    from rppgbench.protocol.resolved_entry import ResolvedEntry

SECONDS_PER_WINDOW = 0.02
BYTES_PER_WINDOW = 1.5e3


class ScoreSettings(WindowedSettings):
    """Windows, estimator of the heart rate, lengths of joined windows."""

    heart_rate: HeartRateSettings
    joined_s: tuple[float, ...] = ()


def plan(
    graph: TaskBuilder,
    recording: Recording,
    fold: Fold,
    condition: Condition,
    entry: ResolvedEntry,
    seed: int | None,
) -> Task:
    """Task that scores one recording under one condition by one entry."""
    evaluation, windows = graph.protocol.evaluation, graph.windows(recording)
    inputs = {
        "waves": graph.need("predict", recording, fold, condition, entry, seed).key,
        "labels": graph.need("label", recording).key,
        "alignment": graph.need("align", recording).key,
    }
    if (other := graph.other_subject(recording)) is not None:
        inputs["surrogate"] = graph.need("truth", other).key
    if (quality := graph.may_need("quality", recording, condition)) is not None:
        inputs["quality"] = quality.key
        if entry.enhancer is not None:
            inputs["reference traces"] = graph.need("traces", recording, graph.protocol.reference).key
    return graph.task(
        STAGE,
        ScoreSettings(
            windows=windows, heart_rate=evaluation.heart_rate, joined_s=tuple(evaluation.joined_windows_s or ())
        ),
        inputs,
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(windows.n_windows, 1),
            bytes_out=FOLDER_BYTES + FILE_BYTES + BYTES_PER_WINDOW * windows.n_windows,
        ),
        recording=recording,
        details=f"{condition.id} {entry.id}" + ("" if seed is None else f" seed {seed}"),
    )


def run(context: StageContext[ScoreSettings]) -> Facts:
    """Write ``rows.json``, the computed columns of a row a window, and ``joined.json``, those of joined windows."""
    from rppgbench.evaluation.joined import score_joined
    from rppgbench.evaluation.score import predicted_rates, score_windows

    settings, windows = context.settings, context.settings.windows
    waves = load_arrays(context.input("waves") / "waves.npz")
    starts_s = waves["starts_s"]
    labels = labels_of_video(context)[: len(starts_s)]
    rates = predicted_rates(waves["waves"], windows.fps_hz, labels, settings.heart_rate) if len(starts_s) else []
    truths = load_arrays(context.input("labels") / "waves.npz")["waves"][: len(starts_s)]
    # Another subject's contact sensor: a correlation with it is chance.
    surrogates = contact_waves(context, "surrogate", starts_s) if context.has_input("surrogate") else None
    scores = score_windows(
        waves["waves"],
        windows.fps_hz,
        starts_s,
        labels,
        settings.heart_rate,
        truths=truths,
        surrogate_waves=surrogates,
        rates=rates,
    )
    joined = [
        row
        for joined_s in settings.joined_s
        for row in score_joined(rates, labels, starts_s, windows.length_s, joined_s, settings.heart_rate)
    ]
    (context.folder / "joined.json").write_text(json.dumps(joined, allow_nan=False), encoding="utf-8")
    qualities = window_qualities(context, len(scores))
    rows = [{**row, **window} for row, window in zip(scores, qualities, strict=True)]
    (context.folder / "rows.json").write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")
    return {"n_rows": len(rows)}


STAGE = Stage(name="score", position=150, settings=ScoreSettings, plan=plan, run=run, entry_fault=True)
