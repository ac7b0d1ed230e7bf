"""The predict stage: clips of a recording under a condition, through an enhancer or none, to pulse waves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import FittedMethod
from rppgbench.errors import PluginError
from rppgbench.pipeline.stage_context import StageContext, load_arrays, window_starts_s
from rppgbench.pipeline.task import SLACK_S
from rppgbench.quality.clip import clip_quality
from rppgbench.store.store import Facts

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray

STATE = "state.safetensors"


def predict(job: StageContext) -> Facts:
    """Write ``waves.npz`` and, where an enhancer stands before the method, how near it came to the reference."""
    method = trained(job, "method")
    if "crops" in job.task.inputs:
        waves, starts_s = _predict_from_clips(job, method)
    else:
        traces, starts_s = windows(job, uniform_traces(job))
        waves = _waves(job, method, traces) if starts_s else np.empty((0, 0), np.float32)
    np.savez(job.folder / "waves.npz", waves=waves, starts_s=np.asarray(starts_s))
    return {"n_clips": len(starts_s), **_where(method)}


def _predict_from_clips(job: StageContext, method: Any) -> tuple[FloatArray, list[float]]:
    """Waves ``(B, T)`` and where they start; one window's pixels are in memory at a time."""
    enhancer = trained(job, "enhancer") if "enhancer" in job.task.settings else None
    references = each_window(job, job.crops("reference")) if "reference" in job.task.inputs else None
    traces = each_window(job, uniform_traces(job)) if job.setting("input") == "trace" else None
    skins = each_window(job, uniform_traces(job, region="skin")) if references is not None else None
    waves, starts_s = [], []
    quality: dict[str, list[Any]] = {"psnr_out_db": [], "ssim_out": [], "psnr_hvs_m_out_db": [], "skin_out": []}
    for start_s, clip in each_window(job, job.crops("crops")):
        seen = clip[None]
        if enhancer is not None:
            enhanced = _enhanced(job, enhancer, seen)
            seen = enhanced
            # Colours are measured on whole frames, before any rounding. What the enhancer did to the face is added to
            # them, so that one that does nothing changes nothing.
            change = _change_of_skin_colour(job, clip, enhanced[0]) if traces is not None or skins is not None else 0.0
            if references is not None and skins is not None:
                near = clip_quality(enhanced[0], next(references)[1], job.setting("fps_hz"))
                told = (near.psnr_db, near.ssim, near.psnr_hvs_m_db, next(skins)[1] + change)
                for values, value in zip(quality.values(), told, strict=True):
                    values.append(value)
            if traces is not None:
                seen = next(traces)[1][None] + change
        waves.append(_waves(job, method, seen)[0])
        starts_s.append(start_s)
    if quality["skin_out"]:
        arrays: dict[str, Any] = {name: np.stack(values) for name, values in quality.items()}
        np.savez(job.folder / "quality.npz", **arrays)
    return (np.stack(waves) if waves else np.empty((0, 0), np.float32)), starts_s


def _waves(job: StageContext, method: Any, clips: Any) -> FloatArray:
    waves = np.asarray(method.predict(clips, job.setting("fps_hz")), dtype=np.float32)
    if waves.shape != clips.shape[:2]:
        raise PluginError(
            f"method {job.setting('method')['use']!r} gave waves of shape {waves.shape}, expected {clips.shape[:2]}"
        )
    return waves


def _where(method: Any) -> dict[str, str]:
    """The device a network ran on; nothing for what has none."""
    module = getattr(method, "module", None)
    if module is None:
        return {}
    from rppgbench.learning.inference import device_of

    return {"device": str(device_of(module))}


def trained(job: StageContext, role: str) -> Any:
    """The method or enhancer with what it learnt, on the job's device."""
    described = job.setting(role)
    local = {"n_conditions": described["n_conditions"]} if "n_conditions" in described else {}
    component = job.component(role, **local)
    state = f"{role} state"
    if state not in job.task.inputs:
        return component
    path = job.input(state) / STATE
    if isinstance(component, FittedMethod):
        from safetensors.numpy import load_file

        component.load(load_file(path))
        return component
    from safetensors.torch import load_file as load_tensors

    from rppgbench.learning.reproducibility import find_device, set_inference_mode

    set_inference_mode()
    component.module.load_state_dict(load_tensors(path))
    component.module.to(find_device(job.device)).eval()
    return component


def uniform_traces(job: StageContext, role: str = "traces", *, region: str | None = None) -> Any:
    """``(T, 3)`` mean colour of the method's region, or of another one, on the clips' clock."""
    from rppgbench.media.clock import to_uniform

    traces = load_arrays(job.input(role) / "traces.npz")
    _, values = to_uniform(
        traces["times_s"],
        traces[region or job.setting("region")],
        job.setting("fps_hz"),
        duration_s=job.setting("duration_s"),
    )
    return values


def each_window(job: StageContext, values: Any) -> Iterator[tuple[float, Any]]:
    """Where each window of a recording starts, and what of its ``(T, ...)`` values lies in it."""
    length_s, fps_hz = job.setting("length_s"), job.setting("fps_hz")
    n = round(length_s * fps_hz)
    for start_s in window_starts_s(job.setting("duration_s"), length_s):
        first = round(start_s * fps_hz)
        clip = np.asarray(values[first : first + n])
        missing = n - len(clip)
        if missing <= math.ceil(SLACK_S * fps_hz) and len(clip):
            # A frame or so short at the very end, as at 29.97 frames/s: its last sample is held.
            yield start_s, np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]) if missing else clip


def windows(job: StageContext, values: Any) -> tuple[Any, list[float]]:
    """``(B, T, ...)``: all windows at once, and where each starts."""
    found = list(each_window(job, values))
    if not found:
        return np.empty((0, round(job.setting("length_s") * job.setting("fps_hz")), 3)), []
    return np.stack([clip for _, clip in found]), [start_s for start_s, _ in found]


def _enhanced(job: StageContext, enhancer: Any, clips: Any) -> Any:
    enhanced = np.asarray(enhancer.enhance(clips))
    if enhanced.shape != clips.shape:
        raise PluginError(
            f"enhancer {job.setting('enhancer')['use']!r} gave shape {enhanced.shape}, expected {clips.shape}"
        )
    return enhanced


def _change_of_skin_colour(job: StageContext, clip: Any, enhanced: Any) -> Any:
    """``(T, 3)`` in grey levels: the enhancer's change, averaged over the skin of the clip it was given."""
    from rppgbench.media.skin import SkinSettings
    from rppgbench.media.traces import skin_means

    settings = None if job.setting("frames_are_skin") else SkinSettings(threshold=job.setting("skin_threshold"))
    patches = (
        (index / job.setting("fps_hz"), np.concatenate([before, 255 * after - before], axis=-1, dtype=np.float32))
        for index, (before, after) in enumerate(zip(clip, enhanced, strict=True))
    )
    # Where the small clip shows no skin, the enhancer changed none.
    return np.nan_to_num(np.array([mean[3:] for mean, _ in skin_means(patches, settings)]))
