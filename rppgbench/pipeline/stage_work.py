"""What each stage does: inputs in, files out, facts for the manifest. Nothing here knows of graphs or processes."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from rppgbench.contracts import GroundTruth, Recording
from rppgbench.errors import DatasetUnavailable, SignalError
from rppgbench.pipeline.stage_context import StageContext, load_arrays, window_starts_s
from rppgbench.pipeline.stages.fit import fit
from rppgbench.pipeline.stages.predict import predict
from rppgbench.pipeline.stages.quality import quality, window_qualities
from rppgbench.pipeline.task import NO_VIDEO, SLACK_S, Stage, Task
from rppgbench.registry import Registry
from rppgbench.signal.heart_rate import HeartRateSettings
from rppgbench.store.store import Facts, Store


def run_stage(task: Task, store: Store, registry: Registry, device: str = "auto") -> None:
    """Do the task and publish its artefact."""
    store.publish(
        task.preimage, lambda folder: STAGE_WORK[task.stage](StageContext(task, store, registry, folder, device))
    )
    store.clear_scratch(task.key)


def _render(job: StageContext) -> Facts:
    from rppgbench.media.decode import probe

    dataset = job.dataset()
    target = job.folder / f"video{dataset.container()}"
    dataset.render(_recording(dataset, job.setting("recording")), target)
    info = probe(target)
    return {"file": target.name, "width": info.width, "height": info.height, "fps_hz": info.fps_hz}


def _truth(job: StageContext) -> Facts:
    dataset = job.dataset()
    recording = _recording(dataset, job.setting("recording"))
    unusable = None
    try:
        truth: GroundTruth = dataset.ground_truth(recording)
    except (DatasetUnavailable, SignalError) as error:
        # The files are what they are: that nothing can be read from them is an answer, and others need not wait for it.
        truth, unusable = GroundTruth(samples=np.empty(0), times_s=np.empty(0), kind="bvp"), error.message
    leads: dict[str, Any] = {f"lead {name}": samples for name, samples in truth.leads.items()}
    np.savez(job.folder / "truth.npz", samples=truth.samples, times_s=truth.times_s, **leads)
    return {"kind": truth.kind, "video_s": truth.video_s, "doubts": list(truth.doubts), "unusable": unusable}


def _clock(job: StageContext) -> Facts:
    dataset = job.dataset()
    times_s = np.asarray(dataset.frame_times_s(_recording(dataset, job.setting("recording"))), dtype=np.float64)
    if times_s.ndim != 1 or not len(times_s) or not (np.diff(times_s) > 0).all():
        raise SignalError(
            f"{job.setting('recording')}: the frame times of the dataset do not ascend",
            hint=f"see 'rppgbench data check {job.setting('dataset')['use']}'",
        )
    np.savez(job.folder / "clock.npz", times_s=times_s)
    return {"n_frames": len(times_s)}


def _boxes(job: StageContext) -> Facts:
    from rppgbench.media import face_detection

    if job.setting("frames_are_skin"):
        track = face_detection.whole_frame(job.video())
    else:
        every_s = job.setting("every_s")
        track = face_detection.find_faces(job.video(), detector=job.setting("detector"), every_s=every_s, part=job.part)
    (job.folder / "boxes.json").write_text(track.to_json(), encoding="utf-8")
    return {"found_share": track.found_share}


def _encode(job: StageContext) -> Facts:
    codec = job.component("codec")
    target = job.folder / "video.mp4"
    encoded = codec.encode(job.video(), target, job.setting("fps_hz"), part=job.part)
    return {"file": target.name, **asdict(encoded)}


def _traces(job: StageContext) -> Facts:
    from rppgbench.media.traces import measure_traces

    traces = measure_traces(
        job.video(),
        _box(job),
        threshold=job.setting("skin_threshold"),
        frames_are_skin=job.setting("frames_are_skin"),
        part=job.part,
    )
    times_s = _frame_times_s(job, len(traces.times_s), traces.times_s)
    np.savez(
        job.folder / "traces.npz",
        times_s=times_s,
        skin=traces.skin,
        background=traces.background,
        skin_share=traces.skin_share,
    )
    return {"n_frames": len(times_s), "skin_share": float(np.nanmean(traces.skin_share))}


def _crop(job: StageContext) -> Facts:
    from rppgbench.media.crop import write_crops

    times_s = job.times_s("clock") if "clock" in job.task.inputs else None
    info = write_crops(
        job.video(),
        _box(job),
        tuple(job.setting("size")),
        job.setting("fps_hz"),
        job.folder / "crops.npy",
        times_s=times_s,
        part=job.part,
    )
    return {"n_frames": info.n_frames}


def _skin(job: StageContext) -> Facts:
    """Where the reference's crops show skin: what a method may be told of while it learns, never while it predicts."""
    from rppgbench.media.skin import skin_mask

    crops = job.crops("crops")
    header = {"descr": "|b1", "fortran_order": False, "shape": crops.shape[:3]}
    n_skin = 0
    with (job.folder / "skin.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, len(crops), 64):
            masks = skin_mask(crops[first : first + 64], job.setting("skin_threshold"))
            file.write(masks.tobytes())
            n_skin += int(masks.sum())
    return {"skin_share": n_skin / math.prod(crops.shape[:3]) if len(crops) else 0.0}


def _label(job: StageContext) -> Facts:
    """Labels of the windows, and how late the face's pulse is behind the sensor in the reference video."""
    from rppgbench.evaluation.labels import Label, label_windows
    from rppgbench.media.clock import holes_s, span_s, to_uniform
    from rppgbench.signal.delay import median_delay_s

    truth, traces = job.truth("truth"), load_arrays(job.input("traces") / "traces.npz")
    fps_hz, length_s = job.setting("fps_hz"), job.setting("length_s")
    times_s = traces["times_s"]
    video_s = span_s(times_s)
    starts_s = np.array(window_starts_s(job.setting("duration_s"), length_s))
    heart_rate = HeartRateSettings.model_validate(job.setting("heart_rate"))
    labels = label_windows(
        truth, starts_s, round(length_s * fps_hz), fps_hz, heart_rate, video_s=video_s, unusable=job.unusable("truth")
    )
    for window, start_s in enumerate(starts_s):
        if start_s + length_s > video_s + SLACK_S:
            labels[window] = Label(None, excluded=NO_VIDEO)
        for first_s, last_s in holes_s(times_s):
            if min(last_s, start_s + length_s) > max(first_s, start_s):
                labels[window] = Label(None, excluded=f"the video has a hole from {first_s:.1f} s to {last_s:.1f} s")
    delay_s = None
    if truth.kind != "hr" and job.unusable("truth") is None:
        _, skin = to_uniform(times_s, traces["skin"], fps_hz)
        with contextlib.suppress(SignalError):  # what is wrong with the sensor stands in the labels
            delay_s = median_delay_s(truth, skin, fps_hz)
    (job.folder / "labels.json").write_text(
        json.dumps([label.to_json() for label in labels], allow_nan=False), encoding="utf-8"
    )
    waves = _contact_waves(job, "truth", starts_s)
    np.savez(job.folder / "waves.npz", waves=waves, starts_s=starts_s)
    return {"delay_s": delay_s, "video_s": video_s, "n_windows": len(labels)}


def _contact_waves(job: StageContext, role: str, starts_s: Any) -> Any:
    """``(B, T)`` waves of a contact sensor on the frames of each window, NaN where it is silent or has none."""
    from rppgbench.signal.ground_truth import pulse_wave

    fps_hz = job.setting("fps_hz")
    T = round(job.setting("length_s") * fps_hz)
    truth = job.truth(role)
    waves = np.full((len(starts_s), T), np.nan, dtype=np.float32)
    if truth.kind != "hr" and job.unusable(role) is None and len(starts_s):
        with contextlib.suppress(SignalError):  # what is wrong with the sensor stands in the labels
            waves[:] = pulse_wave(truth, np.asarray(starts_s)[:, None] + np.arange(T) / fps_hz)
    return waves


def _score(job: StageContext) -> Facts:
    from rppgbench.evaluation.joined import score_joined
    from rppgbench.evaluation.labels import Label
    from rppgbench.evaluation.score import predicted_rates, score_windows

    waves, fps_hz = load_arrays(job.input("waves") / "waves.npz"), job.setting("fps_hz")
    starts_s = waves["starts_s"]
    told = json.loads((job.input("labels") / "labels.json").read_text(encoding="utf-8"))
    labels = [Label.from_json(label) for label in told][: len(starts_s)]
    settings = HeartRateSettings.model_validate(job.setting("heart_rate"))
    rates = predicted_rates(waves["waves"], fps_hz, labels, settings) if len(starts_s) else []
    truths = load_arrays(job.input("labels") / "waves.npz")["waves"][: len(starts_s)]
    surrogates = _contact_waves(job, "stranger", starts_s) if "stranger" in job.task.inputs else None
    scores = score_windows(
        waves["waves"], fps_hz, starts_s, labels, settings, truths=truths, surrogate_waves=surrogates, rates=rates
    )
    joined = [
        row
        for joined_s in job.task.settings.get("joined_s", ())
        for row in score_joined(rates, labels, starts_s, job.setting("length_s"), joined_s, settings)
    ]
    (job.folder / "joined.json").write_text(json.dumps(joined, allow_nan=False), encoding="utf-8")
    qualities = window_qualities(job, len(scores))
    rows = [{**row, **window} for row, window in zip(scores, qualities, strict=True)]
    (job.folder / "rows.json").write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")
    return {"n_rows": len(rows)}


def _recording(dataset: Any, recording_id: str) -> Recording:
    for recording in dataset.recordings():
        if recording.id == recording_id:
            return recording  # type: ignore[no-any-return]
    raise DatasetUnavailable(f"the dataset has no recording {recording_id!r} any more", hint="plan the run anew")


def _box(job: StageContext) -> Any:
    from rppgbench.media.face_detection import FaceTrack

    track = FaceTrack.from_json((job.input("boxes") / "boxes.json").read_text(encoding="utf-8"))
    return track.fixed(0.0 if job.setting("frames_are_skin") else job.setting("margin"))


def _frame_times_s(job: StageContext, n_frames: int, own_times_s: Any) -> Any:
    """Frame times: the dataset's own, or of a copy those of its source, because encoders see frames and no clocks."""
    if "clock" not in job.task.inputs:
        return own_times_s
    times_s = job.times_s("clock")
    if len(times_s) != n_frames:
        raise SignalError(
            f"{job.video()}: has {n_frames} frames, and its clock {len(times_s)}: nobody knows which frame was when",
            hint="'rppgbench data check' looks for damage; an encoded file is made anew when it is gone from the store",
        )
    return times_s


STAGE_WORK: Mapping[Stage, Callable[[StageContext], Facts]] = {
    "render": _render,
    "truth": _truth,
    "clock": _clock,
    "boxes": _boxes,
    "encode": _encode,
    "traces": _traces,
    "label": _label,
    "crop": _crop,
    "skin": _skin,
    "quality": quality,
    "fit": fit,
    "predict": predict,
    "score": _score,
}
