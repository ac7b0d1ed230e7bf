"""Predict: pulse waves from clips or traces of a recording under a condition, behind an enhancer or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rppgbench.errors import PluginError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, component_settings
from rppgbench.pipeline.stage_settings import (
    CLIP_BYTES_PER_PIXEL,
    CORE_FLOP_PER_S,
    FILE_BYTES,
    FOLDER_BYTES,
    QUALITY_SECONDS_PER_PIXEL,
    TORCH_WORKER_BYTES,
    WORKER_BYTES,
    ComponentSettings,
    Compute,
    DeviceKind,
    TaskCost,
    WindowedSettings,
    WindowSettings,
)
from rppgbench.pipeline.stages.traces_stage import skin_windows, uniform_traces
from rppgbench.pipeline.trained_component import load_component, network_cost
from rppgbench.quality.clip import clip_quality

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.folds import Fold
    from rppgbench.protocol.resolved_component import Condition
    from rppgbench.protocol.resolved_entry import ResolvedEntry

SECONDS_PER_WINDOW = 0.01


class PredictSettings(WindowedSettings):
    """Method and enhancer, the method's input, windows, the skin classifier's threshold.

    ``compute`` is None if no network was trained.
    """

    method: ComponentSettings
    enhancer: ComponentSettings | None = None
    input: Literal["trace", "video"]
    region: Literal["skin", "background"]
    skin_threshold: float
    frames_are_skin: bool
    compute: Compute | None = None

    @property
    def device(self) -> DeviceKind | None:
        return self.compute.device_kind if self.compute else None

    @property
    def cost_group(self) -> str:
        return f"{self.method.cost_group} {self.enhancer.cost_group if self.enhancer else ''} {self.compute}"


def plan(
    graph: TaskBuilder,
    recording: Recording,
    fold: Fold,
    condition: Condition,
    entry: ResolvedEntry,
    seed: int | None,
) -> Task:
    """Task that predicts the recording's waves under the condition by one entry."""
    clips, spec, windows = graph.protocol.clips, entry.method_spec, graph.windows(recording)
    inputs = _video_inputs(graph, recording, condition, entry) | _state_inputs(graph, fold, condition, entry, seed)
    return graph.task(
        STAGE,
        PredictSettings(
            method=component_settings(entry.method),
            enhancer=component_settings(entry.enhancer, entry.n_conditions) if entry.enhancer else None,
            input=spec.input,
            region=spec.region,
            windows=windows,
            skin_threshold=clips.skin.threshold,
            frames_are_skin=recording.frames_are_skin,
            compute=None if seed is None else Compute(device_kind=graph.device),
        ),
        inputs,
        _cost(graph, entry, windows, inputs, learnt=seed is not None),
        recording=recording,
        details=f"{condition.id} {entry.id}" + ("" if seed is None else f" seed {seed}"),
        components=[component.spec for component in (entry.method, entry.enhancer) if component],
    )


def _video_inputs(
    graph: TaskBuilder, recording: Recording, condition: Condition, entry: ResolvedEntry
) -> dict[str, str]:
    """Keys of traces and clips by role."""
    inputs: dict[str, str] = {}
    if entry.method_spec.input == "trace":
        inputs["traces"] = graph.need("traces", recording, condition).key
    if entry.method_spec.input == "video" or entry.enhancer is not None:
        inputs["crops"] = graph.need("crop", recording, condition).key
    if entry.enhancer is not None and not condition.is_reference:
        inputs["reference"] = graph.need("crop", recording, graph.protocol.reference).key
        inputs["traces"] = graph.need("traces", recording, condition).key
    return inputs


def _state_inputs(
    graph: TaskBuilder, fold: Fold, condition: Condition, entry: ResolvedEntry, seed: int | None
) -> dict[str, str]:
    """Keys of fitted parameters and trained weights by role."""
    inputs: dict[str, str] = {}
    if entry.method_spec.learns and entry.method_training is None:
        inputs["method state"] = graph.need("fit", fold, entry).key
    # Training is one task for all tested conditions, unless it is on the tested one.
    tested = condition if entry.trains_on_tested_condition else graph.protocol.reference
    if seed is not None and entry.method_training is not None:
        inputs["method state"] = graph.need("train", "method", fold, tested, entry, seed).key
    if seed is not None and entry.enhancer_training is not None:
        role = "joint" if entry.joint is not None else "enhancer"
        inputs["enhancer state"] = graph.need("train", role, fold, tested, entry, seed).key
    return inputs


def _cost(
    graph: TaskBuilder, entry: ResolvedEntry, windows: WindowSettings, inputs: dict[str, str], *, learnt: bool
) -> TaskCost:
    n_samples = windows.duration_s * windows.fps_hz
    bytes_out = FOLDER_BYTES + 4 * n_samples
    if entry.enhancer is not None:  # qualities of its clips, of every frame
        bytes_out += FILE_BYTES + 28 * n_samples + 500 * windows.n_windows
    memory = TORCH_WORKER_BYTES if learnt else WORKER_BYTES
    if "crops" not in inputs:
        return TaskCost(
            seconds=SECONDS_PER_WINDOW * max(windows.n_windows, 1), bytes_out=bytes_out, memory_bytes=memory
        )
    networks = [
        network_cost(component)
        for component in (entry.method, entry.enhancer)
        if component is not None and f"{component.spec.kind} state" in inputs
    ]
    height, width = graph.protocol.clips.size
    pixels = n_samples * height * width
    flop = sum(network.inference_flop_per_pixel for network in networks) * pixels
    return TaskCost(
        seconds=flop / CORE_FLOP_PER_S + QUALITY_SECONDS_PER_PIXEL * pixels * ("reference" in inputs),
        bytes_out=bytes_out,
        memory_bytes=memory
        + CLIP_BYTES_PER_PIXEL * windows.n_frames * height * width
        + max((network.inference_bytes for network in networks), default=0.0),
    )


def run(context: StageContext[PredictSettings]) -> Facts:
    """Write ``waves.npz`` and, with an enhancer, ``quality.npz``, the quality of its clips beside the reference."""
    settings = context.settings
    method = load_component(context, settings.method)
    if context.has_input("crops"):
        waves, starts_s = _predict_from_clips(context, method)
    else:
        traces, starts_s = settings.windows.stack(_method_traces(context))
        waves = _waves(settings, method, traces) if starts_s else np.empty((0, 0), np.float32)
    np.savez(context.folder / "waves.npz", waves=waves, starts_s=np.asarray(starts_s))
    return {"n_clips": len(starts_s), **_device_fact(method)}


def _method_traces(context: StageContext[PredictSettings]) -> FloatArray:
    """``(T, 3)`` mean colour of the method's region."""
    return uniform_traces(context, "traces", context.settings.region, context.settings.windows)


def _predict_from_clips(context: StageContext[PredictSettings], method: Any) -> tuple[FloatArray, list[float]]:
    """Waves ``(B, T)`` and their starts in seconds; one window's pixels are in memory at a time."""
    settings, windows = context.settings, context.settings.windows
    enhancer = load_component(context, settings.enhancer) if settings.enhancer is not None else None
    references = windows.slices(context.crops("reference")) if context.has_input("reference") else None
    traces = windows.slices(_method_traces(context)) if settings.input == "trace" else None
    skins = skin_windows(context, "traces", windows) if references is not None else None
    waves, starts_s = [], []
    quality: dict[str, list[Any]] = {"psnr_out_db": [], "ssim_out": [], "psnr_hvs_m_out_db": [], "skin_out": []}
    for start_s, clip in windows.slices(context.crops("crops")):
        inputs = clip[None]
        if enhancer is not None:
            inputs = enhanced = _enhanced(settings, enhancer, inputs)
            # Colours are measured on whole frames, before any rounding. The enhancer's change to the face is added to
            # them, so that the identity changes nothing.
            change = (
                _change_of_skin_colour(settings, clip, enhanced[0]) if traces is not None or skins is not None else 0.0
            )
            if references is not None and skins is not None:
                beside = clip_quality(enhanced[0], next(references)[1], windows.fps_hz)
                measured = (beside.psnr_db, beside.ssim, beside.psnr_hvs_m_db, next(skins)[1] + change)
                for values, value in zip(quality.values(), measured, strict=True):
                    values.append(value)
            if traces is not None:
                inputs = next(traces)[1][None] + change
        waves.append(_waves(settings, method, inputs)[0])
        starts_s.append(start_s)
    if quality["skin_out"]:
        arrays: dict[str, Any] = {name: np.stack(values) for name, values in quality.items()}
        np.savez(context.folder / "quality.npz", **arrays)
    return (np.stack(waves) if waves else np.empty((0, 0), np.float32)), starts_s


def _waves(settings: PredictSettings, method: Any, clips: Any) -> FloatArray:
    waves = np.asarray(method.predict(clips, settings.windows.fps_hz), dtype=np.float32)
    if waves.shape != clips.shape[:2]:
        raise PluginError(
            f"method {settings.method.use!r} gave waves of shape {waves.shape}, expected {clips.shape[:2]}"
        )
    return waves


def _device_fact(method: Any) -> dict[str, str]:
    """The device a network ran on; empty for a method without one."""
    module = getattr(method, "module", None)
    if module is None:
        return {}
    from rppgbench.learning.inference import device_of

    return {"device": str(device_of(module))}


def _enhanced(settings: PredictSettings, enhancer: Any, clips: Any) -> Any:
    enhanced = np.asarray(enhancer.enhance(clips))
    if enhanced.shape != clips.shape:
        name = settings.enhancer.use if settings.enhancer else ""
        raise PluginError(f"enhancer {name!r} gave shape {enhanced.shape}, expected {clips.shape}")
    return enhanced


def _change_of_skin_colour(settings: PredictSettings, clip: Any, enhanced: Any) -> Any:
    """``(T, 3)`` change by the enhancer in grey levels, averaged over the skin of its input clip."""
    from rppgbench.media.skin import SkinSettings
    from rppgbench.media.traces import skin_means

    skin = None if settings.frames_are_skin else SkinSettings(threshold=settings.skin_threshold)
    patches = (
        (index / settings.windows.fps_hz, np.concatenate([before, 255 * after - before], axis=-1, dtype=np.float32))
        for index, (before, after) in enumerate(zip(clip, enhanced, strict=True))
    )
    # A clip without skin has no change of skin.
    return np.nan_to_num(np.array([mean[3:] for mean, _ in skin_means(patches, skin)]))


STAGE = Stage(name="predict", position=140, settings=PredictSettings, plan=plan, run=run, entry_fault=True)
