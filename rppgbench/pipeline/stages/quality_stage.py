"""Quality: difference of a video from its reference, window by window, in pixels and in pulse."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_context import load_arrays
from rppgbench.pipeline.stage_settings import (
    CLIP_BYTES_PER_PIXEL,
    FOLDER_BYTES,
    QUALITY_SECONDS_PER_PIXEL,
    WORKER_BYTES,
    TaskCost,
    WindowedSettings,
)
from rppgbench.pipeline.stages.label_stage import labels_of_video
from rppgbench.pipeline.stages.traces_stage import skin_windows
from rppgbench.quality.clip import clip_quality
from rppgbench.quality.pulse import pulse_fidelity

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.resolve import Protocol
    from rppgbench.protocol.resolved_component import Condition

Record = dict[str, float | None]
SECONDS_PER_WINDOW = 0.02
# Metrics of pixels: a protocol that names one has face clips, whether or not an entry takes them.
PIXEL_METRICS = frozenset(
    {"psnr_db", "psnr_sd_db", "ssim", "psnr_hvs_m_db"}
    | {"delta_psnr_db", "psnr_sd_change_db", "delta_ssim", "delta_psnr_hvs_m_db"}
)


class QualitySettings(WindowedSettings):
    """Windows."""


def plan(graph: TaskBuilder, recording: Recording, condition: Condition) -> Task | None:
    """Task that compares the recording under the condition with the reference; None under the reference."""
    if condition.is_reference:
        return None
    protocol, windows = graph.protocol, graph.windows(recording)
    inputs = {
        "traces": graph.need("traces", recording, condition).key,
        "reference traces": graph.need("traces", recording, protocol.reference).key,
        "labels": graph.need("label", recording).key,
        "alignment": graph.need("align", recording).key,
    }
    seconds, memory = SECONDS_PER_WINDOW * max(windows.n_windows, 1), WORKER_BYTES
    if _compares_pixels(protocol):
        inputs["crops"] = graph.need("crop", recording, condition).key
        inputs["reference"] = graph.need("crop", recording, protocol.reference).key
        height, width = protocol.clips.size
        seconds = QUALITY_SECONDS_PER_PIXEL * windows.duration_s * windows.fps_hz * height * width
        memory += CLIP_BYTES_PER_PIXEL * windows.n_frames * height * width
    return graph.task(
        STAGE,
        QualitySettings(windows=windows),
        inputs,
        TaskCost(seconds=seconds, bytes_out=FOLDER_BYTES + 1e3 * windows.n_windows, memory_bytes=memory),
        recording=recording,
        details=condition.id,
    )


def _compares_pixels(protocol: Protocol) -> bool:
    """Whether any entry or metric of the whole protocol needs clips; the same for a narrowed run."""
    sees = (entry.enhancer is not None or entry.method_spec.input == "video" for entry in protocol.entries)
    return any(sees) or not PIXEL_METRICS.isdisjoint(protocol.evaluation.metrics)


def run(context: StageContext[QualitySettings]) -> Facts:
    """Write ``quality.json``: a record a window, with None for unknown values.

    A video without measurable quality is no error, because its scores do not need one; reasons are in the facts.
    """
    n_windows = context.settings.windows.n_windows
    records: list[Record] = [{**_pixels("in"), **_pulse("in")} for _ in range(n_windows)]
    reasons = []
    for measure in (_measure_pulse, _measure_pixels):
        try:
            measure(context, records)
        except SignalError as error:
            reasons.append(error.message)
    (context.folder / "quality.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    known = {name: sum(record[name] is not None for record in records) for name in ("psnr_in_db", "pulse_gain_in_db")}
    return {"n_windows": n_windows, "known": known, "unknown_because": reasons}


def _measure_pulse(context: StageContext[QualitySettings], records: list[Record]) -> None:
    windows = context.settings.windows
    compressed, references = (_skin_clips(context, role) for role in ("traces", "reference traces"))
    for record, rate_bpm, skin, reference in zip(
        records, _label_rates_bpm(context), compressed, references, strict=False
    ):
        record |= _pulse("in", skin, reference, windows.fps_hz, rate_bpm)


def _measure_pixels(context: StageContext[QualitySettings], records: list[Record]) -> None:
    if not context.has_input("crops"):
        return
    windows = context.settings.windows
    pairs = zip(windows.slices(context.crops("crops")), windows.slices(context.crops("reference")), strict=False)
    for record, ((_, clip), (_, reference)) in zip(records, pairs, strict=False):
        near = clip_quality(clip, reference, windows.fps_hz)
        record |= _pixels("in", near.psnr_db, near.ssim, near.psnr_hvs_m_db)


def window_qualities(context: StageContext[WindowedSettings], n_windows: int) -> list[Record]:
    """Qualities of the windows of a score task: of its video, and of the enhanced video, if there is one.

    Records are empty under the reference.
    """
    if not context.has_input("quality"):
        return [{} for _ in range(n_windows)]
    before = json.loads((context.input("quality") / "quality.json").read_text(encoding="utf-8"))
    after = _enhanced_qualities(context, n_windows)
    return [{**one, **other} for one, other in zip(before[:n_windows], after, strict=True)]


def _enhanced_qualities(context: StageContext[WindowedSettings], n_windows: int) -> Sequence[Record]:
    path = context.input("waves") / "quality.npz"
    if not path.is_file():
        return [{} for _ in range(n_windows)]
    windows, arrays = context.settings.windows, load_arrays(path)
    references = _skin_clips(context, "reference traces")[:n_windows]
    rates = _label_rates_bpm(context)[:n_windows]
    names = ("psnr_out_db", "ssim_out", "psnr_hvs_m_out_db")
    return [
        {
            **_pixels("out", *(arrays[name][window] for name in names)),
            **_pulse("out", arrays["skin_out"][window], reference, windows.fps_hz, rate_bpm),
        }
        for window, (reference, rate_bpm) in enumerate(zip(references, rates, strict=True))
    ]


def _label_rates_bpm(context: StageContext[WindowedSettings]) -> list[float | None]:
    """The contact sensor's spectral rate in each window; None if it has none, or the window cannot be scored."""
    rates = (label.rate for label in labels_of_video(context))
    return [None if rate is None else float(rate.spectrum_bpm) for rate in rates]


def _skin_clips(context: StageContext[WindowedSettings], role: str) -> list[FloatArray]:
    return [clip for _, clip in skin_windows(context, role, context.settings.windows)]


def _pixels(
    side: str, psnr_db: FloatArray | None = None, ssim: float = math.nan, psnr_hvs_m_db: float = math.nan
) -> Record:
    """The columns of pixels; None for a value that is unknown, or infinite because a frame is the reference's."""
    ratios_db = np.full(1, np.nan) if psnr_db is None else np.where(np.isfinite(psnr_db), psnr_db, np.nan)
    return {
        f"psnr_{side}_db": _finite(np.mean(ratios_db)),
        f"psnr_sd_{side}_db": _finite(np.std(ratios_db)),
        f"ssim_{side}": _finite(ssim),
        f"psnr_hvs_m_{side}_db": _finite(psnr_hvs_m_db),
    }


def _pulse(
    side: str,
    skin: FloatArray | None = None,
    reference: FloatArray | None = None,
    fps_hz: float = math.nan,
    rate_bpm: float | None = None,
) -> Record:
    """The columns of the pulse; None for a value that is unknown, or infinite because the pulse is unchanged."""
    found = None if skin is None or reference is None else pulse_fidelity(skin, reference, fps_hz, rate_bpm)
    return {
        f"pulse_fidelity_{side}_db": None if found is None else _finite(found.fidelity_db),
        f"pulse_gain_{side}_db": None if found is None else _finite(found.gain_db),
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


STAGE = Stage(name="quality", position=110, settings=QualitySettings, plan=plan, run=run)
