"""What each stage does: inputs in, files out, facts for the manifest. Nothing here knows of graphs or processes."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import FittedMethod, GroundTruth, Recording, TrainingWindow
from rppgbench.engine.store import Facts, Store
from rppgbench.engine.task import SLACK_S, Stage, Task, count_windows
from rppgbench.errors import DatasetUnavailable, PluginError, SignalError
from rppgbench.registry import Registry
from rppgbench.signal.heart_rate import HeartRateSettings


@dataclass(frozen=True)
class Work:
    """A task at work: its settings, where its inputs are, and the folder it fills."""

    task: Task
    store: Store
    registry: Registry
    folder: Path

    def setting(self, name: str) -> Any:
        return self.task.settings[name]

    def input(self, role: str) -> Path:
        return self.store.path(self.task.inputs[role])

    def video(self) -> Path:
        """The file of the input in the role "video"."""
        source = self.task.inputs["video"]
        if source.startswith("file:"):
            return Path(self.task.local["video"])
        return self.input("video") / str(self.store.facts(source)["file"])

    def component(self, role: str, **local: Any) -> Any:
        """The component the settings describe under ``role``."""
        described = self.setting(role)
        return self.registry.create(described["kind"], described["use"], described["params"], **local)

    def dataset(self) -> Any:
        root = self.task.local.get("root")
        return self.component("dataset", **({"root": Path(root)} if root else {}))


def perform(task: Task, store: Store, registry: Registry) -> None:
    """Do the task and publish its artefact."""
    store.publish(task.preimage, lambda folder: STAGE_WORK[task.stage](Work(task, store, registry, folder)))


def _render(work: Work) -> Facts:
    from rppgbench.media.decode import probe

    dataset = work.dataset()
    target = work.folder / f"video{dataset.container()}"
    dataset.render(_recording(dataset, work.setting("recording")), target)
    info = probe(target)
    return {"file": target.name, "width": info.width, "height": info.height, "fps_hz": info.fps_hz}


def _truth(work: Work) -> Facts:
    dataset = work.dataset()
    truth: GroundTruth = dataset.ground_truth(_recording(dataset, work.setting("recording")))
    np.savez(work.folder / "truth.npz", samples=truth.samples, times_s=truth.times_s)
    return {"kind": truth.kind}


def _boxes(work: Work) -> Facts:
    from rppgbench.media import faces

    if work.setting("frames_are_skin"):
        track = faces.whole_frame(work.video())
    else:
        track = faces.find_faces(work.video(), detector=work.setting("detector"), every_s=work.setting("every_s"))
    (work.folder / "boxes.json").write_text(track.to_json(), encoding="utf-8")
    return {"found_share": track.found_share}


def _encode(work: Work) -> Facts:
    codec = work.component("codec")
    target = work.folder / "video.mp4"
    encoded = codec.encode(work.video(), target, work.setting("fps_hz"))
    return {"file": target.name, **asdict(encoded)}


def _traces(work: Work) -> Facts:
    from rppgbench.media.traces import measure_traces

    traces = measure_traces(
        work.video(),
        _box(work),
        threshold=work.setting("skin_threshold"),
        frames_are_skin=work.setting("frames_are_skin"),
    )
    times_s = _clock(work, len(traces.times_s), traces.times_s)
    np.savez(
        work.folder / "traces.npz",
        times_s=times_s,
        skin=traces.skin,
        background=traces.background,
        skin_share=traces.skin_share,
    )
    return {"n_frames": len(times_s), "skin_share": float(np.nanmean(traces.skin_share))}


def _crop(work: Work) -> Facts:
    from rppgbench.media.crop import write_crops

    times_s = None if "clock" not in work.task.inputs else _load(work.input("clock") / "traces.npz")["times_s"]
    info = write_crops(
        work.video(),
        _box(work),
        tuple(work.setting("size")),
        work.setting("fps_hz"),
        work.folder / "crops.npy",
        times_s=times_s,
    )
    return {"n_frames": info.n_frames}


def _fit(work: Work) -> Facts:
    from safetensors.numpy import save_file

    method = work.component("method")
    if not isinstance(method, FittedMethod):
        raise PluginError(
            f"method {work.setting('method')['use']!r} learns, but has no fit(), state() and load()",
            hint="rppgbench fits methods in closed form only so far; see rppgbench.contracts.FittedMethod",
        )
    windows = [window for role in work.task.inputs for window in _training_windows(work, role)]
    if not windows:
        raise SignalError("no training window has a usable heart rate", hint="look at the training subjects' truth")
    method.fit(windows)
    save_file(
        {name: np.ascontiguousarray(array) for name, array in method.state().items()}, work.folder / "state.safetensors"
    )
    return {"n_windows": len(windows)}


def _training_windows(work: Work, role: str) -> list[TrainingWindow]:
    from rppgbench.signal.ground_truth import window_hrs
    from rppgbench.signal.heart_rate import ranked

    truth = _load_truth(work, role)
    length_s, fps_hz = work.setting("length_s"), work.setting("fps_hz")
    settings = HeartRateSettings.model_validate(work.setting("heart_rate"))
    starts_s = np.array(_starts(work.setting("durations_s")[role], length_s))
    rates = window_hrs(truth, starts_s, round(length_s * fps_hz), fps_hz, settings.band_hz)
    known = [ranked(rate, settings) for rate in rates]
    return [TrainingWindow(trace=None, fps_hz=fps_hz, hr_bpm=hr_bpm) for hr_bpm in known if hr_bpm is not None]


def _predict(work: Work) -> Facts:
    method = work.component("method")
    if "state" in work.task.inputs:
        from safetensors.numpy import load_file

        method.load(load_file(work.input("state") / "state.safetensors"))
    clips, starts_s = _clips(work)
    if "enhancer" in work.task.settings and len(clips):
        clips = _enhanced(work, clips)
    fps_hz = work.setting("fps_hz")
    waves = np.asarray(method.predict(clips, fps_hz), dtype=np.float32) if len(clips) else np.empty((0, 0), np.float32)
    if len(clips) and waves.shape != clips.shape[:2]:
        raise PluginError(
            f"method {work.setting('method')['use']!r} gave waves of shape {waves.shape}, expected {clips.shape[:2]}"
        )
    np.savez(work.folder / "waves.npz", waves=waves, starts_s=np.asarray(starts_s))
    return {"n_clips": len(starts_s)}


def _clips(work: Work) -> tuple[Any, list[float]]:
    """Clips of the whole recording, ``(B, T, 3)`` or ``(B, T, H, W, 3)``, and where each starts."""
    length_s, fps_hz = work.setting("length_s"), work.setting("fps_hz")
    if "crops" in work.task.inputs:
        values = np.load(work.input("crops") / "crops.npy", mmap_mode="r")
    else:
        from rppgbench.media.clock import to_uniform

        traces = _load(work.input("traces") / "traces.npz")
        _, values = to_uniform(
            traces["times_s"], traces[work.setting("region")], fps_hz, duration_s=work.setting("duration_s")
        )
    n = round(length_s * fps_hz)
    clips, starts = [], []
    for start_s in _starts(work.setting("duration_s"), length_s):
        first = round(start_s * fps_hz)
        clip = np.asarray(values[first : first + n])
        missing = n - len(clip)
        if missing <= math.ceil(SLACK_S * fps_hz) and len(clip):
            # A frame or so short at the very end, as at 29.97 frames/s: its last sample is held.
            clips.append(np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)]))
            starts.append(start_s)
    return (np.stack(clips) if clips else np.empty((0, n, 3))), starts


def _enhanced(work: Work, clips: Any) -> Any:
    """The clips behind the enhancer; for a trace method their mean colour over the skin, never rounded to 8 bits."""
    enhanced = work.component("enhancer").enhance(clips)
    if enhanced.shape != clips.shape:
        raise PluginError(
            f"enhancer {work.setting('enhancer')['use']!r} gave shape {enhanced.shape}, expected {clips.shape}"
        )
    if work.setting("input") == "video":
        return enhanced
    from rppgbench.media.skin import skin_mask

    masks = np.stack([skin_mask(clip, work.setting("skin_threshold")) for clip in clips])[..., None]
    with np.errstate(invalid="ignore"):  # a frame without skin has no colour: NaN, which scoring reports
        return 255.0 * (np.asarray(enhanced, np.float64) * masks).sum((2, 3)) / masks.sum((2, 3))


def _score(work: Work) -> Facts:
    from rppgbench.evaluation.score import score_windows

    waves = _load(work.input("waves") / "waves.npz")
    rows = score_windows(
        waves["waves"],
        work.setting("fps_hz"),
        waves["starts_s"],
        _load_truth(work, "truth"),
        HeartRateSettings.model_validate(work.setting("heart_rate")),
    )
    (work.folder / "rows.json").write_text(json.dumps(rows, allow_nan=False), encoding="utf-8")
    return {"n_rows": len(rows)}


def _recording(dataset: Any, recording_id: str) -> Recording:
    for recording in dataset.recordings():
        if recording.id == recording_id:
            return recording  # type: ignore[no-any-return]
    raise DatasetUnavailable(f"the dataset has no recording {recording_id!r} any more", hint="plan the run anew")


def _box(work: Work) -> Any:
    from rppgbench.media.faces import FaceTrack

    track = FaceTrack.from_json((work.input("boxes") / "boxes.json").read_text(encoding="utf-8"))
    return track.fixed(0.0 if work.setting("frames_are_skin") else work.setting("margin"))


def _clock(work: Work, n_frames: int, own_times_s: Any) -> Any:
    """Frame times: the source's, frame by frame, because encoders see frames and not clocks."""
    if "clock" not in work.task.inputs:
        return own_times_s
    times_s = _load(work.input("clock") / "traces.npz")["times_s"]
    if len(times_s) != n_frames:
        raise SignalError(
            f"{work.video()}: has {n_frames} frames, its source {len(times_s)}: they are not frame-exact",
            hint="remove the encoded file's folder from the store and run again; report it if it comes back",
        )
    return times_s


def _starts(duration_s: float, length_s: float) -> list[float]:
    return [index * length_s for index in range(count_windows(duration_s, length_s))]


def _load(path: Path) -> Mapping[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)


def _load_truth(work: Work, role: str) -> GroundTruth:
    arrays = _load(work.input(role) / "truth.npz")
    kind = work.store.facts(work.task.inputs[role])["kind"]
    return GroundTruth(samples=arrays["samples"], times_s=arrays["times_s"], kind=kind)


STAGE_WORK: Mapping[Stage, Callable[[Work], Facts]] = {
    "render": _render,
    "truth": _truth,
    "boxes": _boxes,
    "encode": _encode,
    "traces": _traces,
    "crop": _crop,
    "fit": _fit,
    "predict": _predict,
    "score": _score,
}
