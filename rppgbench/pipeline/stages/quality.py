"""The quality stage: how far a video is from its reference, window by window; and the same behind an enhancer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.pipeline.stage_context import StageContext, load_arrays, window_starts_s
from rppgbench.pipeline.stages.predict import each_window, uniform_traces
from rppgbench.quality.clip import clip_quality
from rppgbench.quality.pulse import pulse_fidelity
from rppgbench.store.store import Facts

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

Record = dict[str, float | None]


def quality(job: StageContext) -> Facts:
    """Write ``quality.json``: a record of every window, None for what cannot be told.

    What is odd about a video is never an error here: its scores need not wait for it. The facts say why.
    """
    n_windows = len(window_starts_s(job.setting("duration_s"), job.setting("length_s")))
    records: list[Record] = [{**_pixels("in"), **_pulse("in")} for _ in range(n_windows)]
    reasons = []
    for measure in (_measure_pulse, _measure_pixels):
        try:
            measure(job, records)
        except SignalError as error:
            reasons.append(error.message)
    (job.folder / "quality.json").write_text(json.dumps(records, allow_nan=False), encoding="utf-8")
    known = {name: sum(record[name] is not None for record in records) for name in ("psnr_in_db", "pulse_gain_in_db")}
    return {"n_windows": n_windows, "known": known, "unknown_because": reasons}


def _measure_pulse(job: StageContext, records: list[Record]) -> None:
    ours, theirs = (_skin_windows(job, role) for role in ("traces", "reference traces"))
    for record, rate_bpm, skin, reference in zip(records, rates_bpm(job), ours, theirs, strict=False):
        record |= _pulse("in", skin, reference, job.setting("fps_hz"), rate_bpm)


def _measure_pixels(job: StageContext, records: list[Record]) -> None:
    if "crops" not in job.task.inputs:
        return
    pairs = zip(each_window(job, job.crops("crops")), each_window(job, job.crops("reference")), strict=False)
    for record, ((_, clip), (_, reference)) in zip(records, pairs, strict=False):
        near = clip_quality(clip, reference, job.setting("fps_hz"))
        record |= _pixels("in", near.psnr_db, near.ssim, near.psnr_hvs_m_db)


def window_qualities(job: StageContext, n_windows: int) -> list[Record]:
    """Of the windows of a score task: what its video was, and what the enhancer, if there is one, made of it.

    Records are empty under the reference, which is as near to itself as can be.
    """
    if "quality" not in job.task.inputs:
        return [{} for _ in range(n_windows)]
    told = json.loads((job.input("quality") / "quality.json").read_text(encoding="utf-8"))
    behind = _behind_enhancer(job, n_windows)
    return [{**before, **after} for before, after in zip(told[:n_windows], behind, strict=True)]


def _behind_enhancer(job: StageContext, n_windows: int) -> Sequence[Record]:
    path = job.input("waves") / "quality.npz"
    if not path.is_file():
        return [{} for _ in range(n_windows)]
    arrays = load_arrays(path)
    references = _skin_windows(job, "reference traces")[:n_windows]
    rates = rates_bpm(job)[:n_windows]
    names = ("psnr_out_db", "ssim_out", "psnr_hvs_m_out_db")
    return [
        {
            **_pixels("out", *(arrays[name][window] for name in names)),
            **_pulse("out", arrays["skin_out"][window], reference, job.setting("fps_hz"), rate_bpm),
        }
        for window, (reference, rate_bpm) in enumerate(zip(references, rates, strict=True))
    ]


def rates_bpm(job: StageContext) -> list[float | None]:
    """The contact sensor's spectral rate in each window of the input in the role "labels"; None where it has none."""
    told: list[Mapping[str, Any]] = json.loads((job.input("labels") / "labels.json").read_text(encoding="utf-8"))
    rates = [label["rate"] for label in told]
    return [None if rate is None else float(rate["spectrum_bpm"]) for rate in rates]


def _skin_windows(job: StageContext, role: str) -> list[FloatArray]:
    return [clip for _, clip in each_window(job, uniform_traces(job, role, region="skin"))]


def _pixels(
    side: str, psnr_db: FloatArray | None = None, ssim: float = math.nan, psnr_hvs_m_db: float = math.nan
) -> Record:
    """The columns of pixels; None where a measure is unknown, or infinite because a frame is the reference's."""
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
    """The columns of the pulse; None where nobody can tell, or infinite because nothing was done to it."""
    found = None if skin is None or reference is None else pulse_fidelity(skin, reference, fps_hz, rate_bpm)
    return {
        f"pulse_fidelity_{side}_db": None if found is None else _finite(found.fidelity_db),
        f"pulse_gain_{side}_db": None if found is None else _finite(found.gain_db),
    }


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
