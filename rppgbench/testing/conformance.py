"""One check a kind of component; each raises ``PluginError`` with what was found and what the contract says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import (
    CodecSpec,
    FittedMethod,
    GroundTruth,
    Kind,
    MethodSpec,
    RenderingDataset,
    Spec,
    TrainingWindow,
)
from rppgbench.errors import PluginError
from rppgbench.registry import make, validate_params

FPS_HZ = 30.0


def check(spec: Spec, folder: Path, params: Mapping[str, Any] | None = None, **local: Any) -> None:
    """Try a component out on small made-up input; ``folder`` takes the files, ``local`` a dataset's ``root``.

    Raises:
        PluginError: it does not keep the contract.
    """
    component = make(spec, validate_params(spec, params or {}), **local)
    _CHECKS[spec.kind](spec, component, folder)


def _demand(holds: bool, spec: Spec, what: str) -> None:
    if not holds:
        raise PluginError(f"{spec.kind} {spec.name!r}: {what}", hint="see rppgbench/contracts.py")


def _check_method(spec: Spec, method: Any, folder: Path) -> None:
    if not isinstance(spec, MethodSpec):
        raise TypeError(spec.kind)
    if spec.learns:
        _demand(isinstance(method, FittedMethod), spec, "learns, but has no fit(), state() and load()")
        method.fit([TrainingWindow(trace=None, fps_hz=FPS_HZ, hr_bpm=hr_bpm) for hr_bpm in (60.0, 80.0)])
        state = {name: np.array(array) for name, array in method.state().items()}
        _demand(bool(state), spec, "state() is empty after fit()")
        method.load(state)
    clips = _clips(spec)
    kept = clips.copy()
    waves = np.asarray(method.predict(clips, FPS_HZ))
    _demand(waves.shape == clips.shape[:2], spec, f"waves of shape {waves.shape}, expected {clips.shape[:2]}")
    _demand(bool(np.isfinite(waves).all()), spec, "waves are not finite for clips that are")
    _demand(bool((clips == kept).all()), spec, "changes the clips it is given")
    again = np.asarray(method.predict(clips, FPS_HZ))
    _demand(np.array_equal(waves, again), spec, "gives other waves when called again: depends on earlier calls")
    for row, clip in enumerate(clips):
        alone = np.asarray(method.predict(clip[None], FPS_HZ))[0]
        _demand(
            np.allclose(alone, waves[row], rtol=1e-5, atol=1e-6 * float(np.abs(waves[row]).max())),
            spec,
            f"clip {row} alone gives another wave than in a batch of {len(clips)}",
        )


def _clips(spec: MethodSpec) -> Any:
    """Three clips of twelve seconds with a pulse of 72 bpm, mean colours or faces of that colour."""
    rng = np.random.RandomState(0)
    T = spec.frames or 360
    pulse = np.sin(2 * np.pi * 1.2 * np.arange(T) / FPS_HZ)
    traces = np.array([170.0, 120.0, 100.0]) * (1 + 0.01 * pulse[:, None] * [0.33, 0.77, 0.53])
    traces = traces + 0.2 * rng.standard_normal((3, T, 3))
    if spec.input == "trace":
        return traces
    H, W = spec.size or (32, 32)
    frames = traces[:, :, None, None] + rng.standard_normal((3, T, H, W, 3))
    return np.rint(frames).clip(0, 255).astype(np.uint8)


def _check_enhancer(spec: Spec, enhancer: Any, folder: Path) -> None:
    video = np.random.RandomState(0).randint(0, 256, (2, 16, 32, 32, 3)).astype(np.uint8)
    enhanced = np.asarray(enhancer.enhance(video))
    _demand(enhanced.shape == video.shape, spec, f"gave shape {enhanced.shape}, expected {video.shape}")
    _demand(enhanced.dtype == np.float32, spec, f"gave {enhanced.dtype}, expected float32: rounding deletes the pulse")
    _demand(float(enhanced.min()) >= 0 and float(enhanced.max()) <= 1, spec, "gave values outside of [0, 1]")
    alone = np.asarray(enhancer.enhance(video[:1]))
    _demand(np.allclose(alone[0], enhanced[0], atol=1e-5), spec, "a clip alone comes out differently than in a batch")


def _check_codec(spec: Spec, codec: Any, folder: Path) -> None:
    from rppgbench.media.decode import frames

    if not isinstance(spec, CodecSpec):
        raise TypeError(spec.kind)
    _demand(bool(codec.build()), spec, "build() is empty: encoder and version are part of every key")
    if spec.encoder is None:
        return
    source = folder / "source.avi"
    _write_video(source)
    digests = []
    for run in range(2):
        target = folder / f"encoded{run}.mp4"
        encoded = codec.encode(source, target, FPS_HZ)
        digests.append(hashlib.sha256(target.read_bytes()).hexdigest())
        n_frames = sum(1 for _ in frames(target))
        _demand(n_frames == encoded.n_frames == 30, spec, f"{n_frames} frames came out, said {encoded.n_frames}, of 30")
    _demand(digests[0] == digests[1], spec, "two runs gave different bytes")


def _write_video(path: Path) -> None:
    """One second of moving noise, 64 x 48, without loss."""
    import av

    noise = np.random.RandomState(0).randint(60, 200, (48, 96, 3)).astype(np.uint8)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("utvideo", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "gbrp"
        for index in range(30):
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(noise[:, index : index + 64]), format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, 30)
            file.mux(stream.encode(picture))
        file.mux(stream.encode(None))


def _check_dataset(spec: Spec, dataset: Any, folder: Path) -> None:
    recordings = list(dataset.recordings())
    _demand(bool(recordings), spec, "has no recordings")
    ids = [recording.id for recording in recordings]
    _demand(len(set(ids)) == len(ids), spec, "two recordings share an id")
    _demand(ids == [recording.id for recording in dataset.recordings()], spec, "recordings() changes between calls")
    first = recordings[0]
    truth: GroundTruth = dataset.ground_truth(first)
    times_s = np.asarray(truth.times_s)
    _demand(truth.samples.shape == times_s.shape, spec, f"{truth.samples.shape} samples at {times_s.shape} times")
    _demand(bool((np.diff(times_s) > 0).all()), spec, "times of the ground truth do not ascend")
    covered = float(min(times_s[-1], first.duration_s) - max(times_s[0], 0.0))
    _demand(covered > 0.5 * first.duration_s, spec, f"the ground truth covers {covered:.1f} s of {first.duration_s} s")
    if first.path is None:
        _demand(isinstance(dataset, RenderingDataset), spec, "recordings have no path, and there is no render()")
        _check_rendering(spec, dataset, recordings, folder)


def _check_rendering(spec: Spec, dataset: Any, recordings: Sequence[Any], folder: Path) -> None:
    from rppgbench.media.decode import frames

    digests = []
    for run in range(2):
        target = folder / f"rendered{run}{dataset.container()}"
        dataset.render(recordings[0], target)
        digests.append(hashlib.sha256(target.read_bytes()).hexdigest())
    _demand(digests[0] == digests[1], spec, "rendering twice gave different bytes")
    n_frames = sum(1 for _ in frames(target))
    expected = round(recordings[0].fps_hz * recordings[0].duration_s)
    _demand(n_frames == expected, spec, f"rendered {n_frames} frames, expected {expected}")


_CHECKS: Mapping[Kind, Callable[[Spec, Any, Path], None]] = {
    "method": _check_method,
    "enhancer": _check_enhancer,
    "codec": _check_codec,
    "dataset": _check_dataset,
}
