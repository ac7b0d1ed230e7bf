"""What each stage does: inputs in, files out, facts for the manifest. Nothing here knows of graphs or processes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import GroundTruth, Recording
from rppgbench.engine.fit import fit
from rppgbench.engine.job import Job, load_arrays
from rppgbench.engine.predict import predict
from rppgbench.engine.store import Facts, Store
from rppgbench.engine.task import Stage, Task
from rppgbench.errors import DatasetUnavailable, SignalError
from rppgbench.registry import Registry
from rppgbench.signal.heart_rate import HeartRateSettings


def perform(task: Task, store: Store, registry: Registry, device: str = "auto") -> None:
    """Do the task and publish its artefact."""
    store.publish(task.preimage, lambda folder: STAGE_WORK[task.stage](Job(task, store, registry, folder, device)))
    store.clear_scratch(task.key)


def _render(job: Job) -> Facts:
    from rppgbench.media.decode import probe

    dataset = job.dataset()
    target = job.folder / f"video{dataset.container()}"
    dataset.render(_recording(dataset, job.setting("recording")), target)
    info = probe(target)
    return {"file": target.name, "width": info.width, "height": info.height, "fps_hz": info.fps_hz}


def _truth(job: Job) -> Facts:
    dataset = job.dataset()
    truth: GroundTruth = dataset.ground_truth(_recording(dataset, job.setting("recording")))
    np.savez(job.folder / "truth.npz", samples=truth.samples, times_s=truth.times_s)
    return {"kind": truth.kind}


def _boxes(job: Job) -> Facts:
    from rppgbench.media import faces

    if job.setting("frames_are_skin"):
        track = faces.whole_frame(job.video())
    else:
        track = faces.find_faces(job.video(), detector=job.setting("detector"), every_s=job.setting("every_s"))
    (job.folder / "boxes.json").write_text(track.to_json(), encoding="utf-8")
    return {"found_share": track.found_share}


def _encode(job: Job) -> Facts:
    codec = job.component("codec")
    target = job.folder / "video.mp4"
    encoded = codec.encode(job.video(), target, job.setting("fps_hz"))
    return {"file": target.name, **asdict(encoded)}


def _traces(job: Job) -> Facts:
    from rppgbench.media.traces import measure_traces

    traces = measure_traces(
        job.video(),
        _box(job),
        threshold=job.setting("skin_threshold"),
        frames_are_skin=job.setting("frames_are_skin"),
    )
    times_s = _clock(job, len(traces.times_s), traces.times_s)
    np.savez(
        job.folder / "traces.npz",
        times_s=times_s,
        skin=traces.skin,
        background=traces.background,
        skin_share=traces.skin_share,
    )
    return {"n_frames": len(times_s), "skin_share": float(np.nanmean(traces.skin_share))}


def _crop(job: Job) -> Facts:
    from rppgbench.media.crop import write_crops

    times_s = None if "clock" not in job.task.inputs else load_arrays(job.input("clock") / "traces.npz")["times_s"]
    info = write_crops(
        job.video(),
        _box(job),
        tuple(job.setting("size")),
        job.setting("fps_hz"),
        job.folder / "crops.npy",
        times_s=times_s,
    )
    return {"n_frames": info.n_frames}


def _skin(job: Job) -> Facts:
    """Where the reference's crops show skin: what a method may be told of while it learns, never while it predicts."""
    from rppgbench.media.skin import skin_mask

    crops = job.crops("crops")
    masks = np.lib.format.open_memmap(job.folder / "skin.npy", mode="w+", dtype=bool, shape=crops.shape[:3])
    for first in range(0, len(crops), 64):
        masks[first : first + 64] = skin_mask(crops[first : first + 64], job.setting("skin_threshold"))
    masks.flush()
    return {"skin_share": float(masks.mean()) if masks.size else 0.0}


def _score(job: Job) -> Facts:
    from rppgbench.evaluation.score import score_windows

    waves = load_arrays(job.input("waves") / "waves.npz")
    scores = score_windows(
        waves["waves"],
        job.setting("fps_hz"),
        waves["starts_s"],
        job.truth("truth"),
        HeartRateSettings.model_validate(job.setting("heart_rate")),
    )
    quality = _quality(job.input("waves"))
    rows = [{**row, **window} for row, window in zip(scores, quality or [{}] * len(scores), strict=True)]
    (job.folder / "rows.json").write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")
    return {"n_rows": len(rows)}


def _quality(folder: Path) -> list[dict[str, float | None]]:
    """Of each window, what the enhancer did to its pixels; nothing where there was none, or no reference."""
    path = folder / "quality.npz"
    if not path.is_file():
        return []
    frames = {name: np.where(np.isfinite(values), values, np.nan) for name, values in load_arrays(path).items()}
    columns = {
        **{f"psnr_{side}_db": np.mean(frames[f"psnr_{side}_db"], axis=1) for side in ("in", "out")},
        **{f"psnr_sd_{side}_db": np.std(frames[f"psnr_{side}_db"], axis=1) for side in ("in", "out")},
    }
    return [
        {name: float(value) if np.isfinite(value) else None for name, value in zip(columns, window, strict=True)}
        for window in zip(*columns.values(), strict=True)
    ]


def _recording(dataset: Any, recording_id: str) -> Recording:
    for recording in dataset.recordings():
        if recording.id == recording_id:
            return recording  # type: ignore[no-any-return]
    raise DatasetUnavailable(f"the dataset has no recording {recording_id!r} any more", hint="plan the run anew")


def _box(job: Job) -> Any:
    from rppgbench.media.faces import FaceTrack

    track = FaceTrack.from_json((job.input("boxes") / "boxes.json").read_text(encoding="utf-8"))
    return track.fixed(0.0 if job.setting("frames_are_skin") else job.setting("margin"))


def _clock(job: Job, n_frames: int, own_times_s: Any) -> Any:
    """Frame times: the source's, frame by frame, because encoders see frames and not clocks."""
    if "clock" not in job.task.inputs:
        return own_times_s
    times_s = load_arrays(job.input("clock") / "traces.npz")["times_s"]
    if len(times_s) != n_frames:
        raise SignalError(
            f"{job.video()}: has {n_frames} frames, its source {len(times_s)}: they are not frame-exact",
            hint="remove the encoded file's folder from the store and run again; report it if it comes back",
        )
    return times_s


STAGE_WORK: Mapping[Stage, Callable[[Job], Facts]] = {
    "render": _render,
    "truth": _truth,
    "boxes": _boxes,
    "encode": _encode,
    "traces": _traces,
    "crop": _crop,
    "skin": _skin,
    "fit": fit,
    "predict": predict,
    "score": _score,
}
