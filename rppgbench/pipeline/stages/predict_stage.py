"""Predict: clips or traces of a recording under a condition, through an enhancer or none, to pulse waves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rppgbench.errors import PluginError
from rppgbench.pipeline.stage import (
    CLIP_BYTES_PER_PIXEL,
    CORE_FLOP_PER_S,
    QUALITY_SECONDS_PER_PIXEL,
    Facts,
    Stage,
    StageContext,
    TaskBuilder,
    component_settings,
)
from rppgbench.pipeline.stage_settings import (
    FILE_BYTES,
    FOLDER_BYTES,
    TORCH_WORKER_BYTES,
    WORKER_BYTES,
    ComponentSettings,
    Compute,
    DeviceKind,
    StageSettings,
    TaskCost,
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


class PredictSettings(StageSettings):
    """Method and enhancer, what the method sees, windows, the skin classifier, how networks compute.

    ``compute`` is None where no network was trained.
    """

    method: ComponentSettings
    enhancer: ComponentSettings | None = None
    input: Literal["trace", "video"]
    region: Literal["skin", "background"]
    windows: WindowSettings
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
    protocol, spec, windows = graph.protocol, entry.method_spec, graph.windows(recording)
    inputs: dict[str, str] = {}
    if spec.input == "trace":
        inputs["traces"] = graph.need("traces", recording, condition).key
    if spec.input == "video" or entry.enhancer is not None:
        inputs["crops"] = graph.need("crop", recording, condition).key
    if entry.enhancer is not None and not condition.is_reference:
        inputs["reference"] = graph.need("crop", recording, protocol.reference).key
        inputs["traces"] = graph.need("traces", recording, condition).key
    if spec.learns and entry.method_training is None:
        inputs["method state"] = graph.need("fit", fold, entry).key
    # Training is one task for all tested conditions, unless it is on the tested one.
    tested = condition if entry.trains_on_tested_condition else protocol.reference
    if seed is not None and entry.method_training is not None:
        inputs["method state"] = graph.need("train", "method", fold, tested, entry, seed).key
    if seed is not None and entry.enhancer_training is not None:
        role = "joint" if entry.joint is not None else "enhancer"
        inputs["enhancer state"] = graph.need("train", role, fold, tested, entry, seed).key
    return graph.task(
        STAGE,
        PredictSettings(
            method=component_settings(entry.method),
            enhancer=component_settings(entry.enhancer, entry.n_conditions) if entry.enhancer else None,
            input=spec.input,
            region=spec.region,
            windows=windows,
            skin_threshold=protocol.clips.skin.threshold,
            frames_are_skin=recording.frames_are_skin,
            compute=None if seed is None else Compute(device_kind=graph.device),
        ),
        inputs,
        _cost(graph, entry, windows, inputs, learnt=seed is not None),
        recording=recording,
        details=f"{condition.id} {entry.id}" + ("" if seed is None else f" seed {seed}"),
        components=[component.spec for component in (entry.method, entry.enhancer) if component],
    )


def _cost(
    graph: TaskBuilder, entry: ResolvedEntry, windows: WindowSettings, inputs: dict[str, str], *, learnt: bool
) -> TaskCost:
    n_samples = windows.duration_s * windows.fps_hz
    bytes_out = FOLDER_BYTES + 4 * n_samples
    if entry.enhancer is not None:  # measures of its clips, which come by the frame
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
        flop=flop,
    )


def run(context: StageContext[PredictSettings]) -> Facts:
    """Write ``waves.npz`` and, where an enhancer stands before the method, how near it came to the reference."""
    settings = context.settings
    method = load_component(context, settings.method)
    if context.has_input("crops"):
        waves, starts_s = _predict_from_clips(context, method)
    else:
        traces, starts_s = settings.windows.stack(_method_traces(context))
        waves = _waves(settings, method, traces) if starts_s else np.empty((0, 0), np.float32)
    np.savez(context.folder / "waves.npz", waves=waves, starts_s=np.asarray(starts_s))
    return {"n_clips": len(starts_s), **_device_fact(method)}


def _method_traces(context: StageContext[PredictSettings]) -> Any:
    """``(T, 3)`` mean colour of the region that the method sees."""
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
        seen = clip[None]
        if enhancer is not None:
            enhanced = _enhanced(settings, enhancer, seen)
            seen = enhanced
            # Colours are measured on whole frames, before any rounding. What the enhancer did to the face is added to
            # them, so that one that does nothing changes nothing.
            change = (
                _change_of_skin_colour(settings, clip, enhanced[0]) if traces is not None or skins is not None else 0.0
            )
            if references is not None and skins is not None:
                near = clip_quality(enhanced[0], next(references)[1], windows.fps_hz)
                measured = (near.psnr_db, near.ssim, near.psnr_hvs_m_db, next(skins)[1] + change)
                for values, value in zip(quality.values(), measured, strict=True):
                    values.append(value)
            if traces is not None:
                seen = next(traces)[1][None] + change
        waves.append(_waves(settings, method, seen)[0])
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
    """The device a network ran on; nothing for a method without one."""
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
    """``(T, 3)`` in grey levels: the enhancer's change, averaged over the skin of the clip it was given."""
    from rppgbench.media.skin import SkinSettings
    from rppgbench.media.traces import skin_means

    skin = None if settings.frames_are_skin else SkinSettings(threshold=settings.skin_threshold)
    patches = (
        (index / settings.windows.fps_hz, np.concatenate([before, 255 * after - before], axis=-1, dtype=np.float32))
        for index, (before, after) in enumerate(zip(clip, enhanced, strict=True))
    )
    # Where the small clip shows no skin, the enhancer changed none.
    return np.nan_to_num(np.array([mean[3:] for mean, _ in skin_means(patches, skin)]))


STAGE = Stage(name="predict", position=140, settings=PredictSettings, plan=plan, run=run, entry_fault=True)
