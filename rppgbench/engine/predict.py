"""The predict stage: clips of a recording under a condition, through an enhancer or none, to pulse waves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rppgbench.contracts import FittedMethod
from rppgbench.engine.job import Job, load_arrays, window_starts_s
from rppgbench.engine.store import Facts
from rppgbench.engine.task import SLACK_S
from rppgbench.errors import PluginError
from rppgbench.media.fidelity import psnr_db

STATE = "state.safetensors"


def predict(job: Job) -> Facts:
    """Write ``waves.npz`` and, where an enhancer stands before the method, how near it came to the reference."""
    clips, starts_s = windows(job, _crops_or_traces(job))
    enhanced = None
    if "enhancer" in job.task.settings and len(clips):
        enhanced = _enhanced(job, clips)
        _write_quality(job, clips, enhanced)
    waves = np.empty((0, 0), np.float32)
    if len(clips):
        clips = _seen_by_method(job, clips, enhanced)
        waves = np.asarray(trained(job, "method").predict(clips, job.setting("fps_hz")), dtype=np.float32)
        if waves.shape != clips.shape[:2]:
            raise PluginError(
                f"method {job.setting('method')['use']!r} gave waves of shape {waves.shape}, expected {clips.shape[:2]}"
            )
    np.savez(job.folder / "waves.npz", waves=waves, starts_s=np.asarray(starts_s))
    return {"n_clips": len(starts_s)}


def trained(job: Job, role: str) -> Any:
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

    from rppgbench.learning.determinism import find_device, settle

    settle()
    component.module.load_state_dict(load_tensors(path))
    component.module.to(find_device(job.device)).eval()
    return component


def _crops_or_traces(job: Job) -> Any:
    if "crops" in job.task.inputs:
        return job.crops("crops")
    return uniform_traces(job)


def uniform_traces(job: Job) -> Any:
    """``(T, 3)`` mean colour of the method's region on the clips' clock."""
    from rppgbench.media.clock import to_uniform

    traces = load_arrays(job.input("traces") / "traces.npz")
    _, values = to_uniform(
        traces["times_s"],
        traces[job.setting("region")],
        job.setting("fps_hz"),
        duration_s=job.setting("duration_s"),
    )
    return values


def windows(job: Job, values: Any) -> tuple[Any, list[float]]:
    """``(B, T, ...)`` windows of a whole recording's ``(T, ...)`` values, and where each starts."""
    length_s, fps_hz = job.setting("length_s"), job.setting("fps_hz")
    n = round(length_s * fps_hz)
    clips, starts = [], []
    for start_s in window_starts_s(job.setting("duration_s"), length_s):
        first = round(start_s * fps_hz)
        clip = np.asarray(values[first : first + n])
        missing = n - len(clip)
        if missing <= math.ceil(SLACK_S * fps_hz) and len(clip):
            # A frame or so short at the very end, as at 29.97 frames/s: its last sample is held.
            clips.append(np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]))
            starts.append(start_s)
    return (np.stack(clips) if clips else np.empty((0, n, 3))), starts


def _enhanced(job: Job, clips: Any) -> Any:
    enhanced = np.asarray(trained(job, "enhancer").enhance(clips))
    if enhanced.shape != clips.shape:
        raise PluginError(
            f"enhancer {job.setting('enhancer')['use']!r} gave shape {enhanced.shape}, expected {clips.shape}"
        )
    return enhanced


def _seen_by_method(job: Job, clips: Any, enhanced: Any | None) -> Any:
    """What the method is given: clips as they are, enhanced ones, or the colour of the skin in either."""
    if enhanced is None:
        return clips
    if job.setting("input") == "video":
        return enhanced
    # The colour was measured on whole frames, before any rounding. What the enhancer did to the face is added to it,
    # so that one that does nothing changes nothing.
    traces, _ = windows(job, uniform_traces(job))
    return traces + _change_of_skin_colour(job, clips, enhanced)


def _change_of_skin_colour(job: Job, clips: Any, enhanced: Any) -> Any:
    """``(B, T, 3)`` in grey levels: the enhancer's change, averaged over the skin of the clip it was given."""
    from rppgbench.media.skin import SkinSettings
    from rppgbench.media.traces import skin_means

    settings = None if job.setting("frames_are_skin") else SkinSettings(threshold=job.setting("skin_threshold"))
    fps_hz = job.setting("fps_hz")
    changes = []
    for clip, better in zip(clips, enhanced, strict=True):
        patches = (
            (index / fps_hz, np.concatenate([before, 255 * after - before], axis=-1, dtype=np.float32))
            for index, (before, after) in enumerate(zip(clip, better, strict=True))
        )
        changes.append([mean[3:] for mean, _ in skin_means(patches, settings)])
    # Where the small clip shows no skin, the enhancer changed none.
    return np.nan_to_num(np.array(changes))


def _write_quality(job: Job, clips: Any, enhanced: Any) -> None:
    """PSNR of every frame against the reference's, before and after; nothing where the clip is the reference."""
    if "reference" not in job.task.inputs:
        return
    reference, _ = windows(job, job.crops("reference"))
    np.savez(
        job.folder / "quality.npz",
        psnr_in_db=psnr_db(clips, reference),
        psnr_out_db=psnr_db(enhanced, reference),
    )
