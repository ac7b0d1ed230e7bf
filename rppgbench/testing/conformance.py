"""Conformance checks by kind of component; each raises ``PluginError`` with the value found and the expected one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rppgbench.contracts import (
    CodecSpec,
    DatasetSpec,
    EnhancerSpec,
    FittedMethod,
    Kind,
    MethodSpec,
    Spec,
    TrainingWindow,
)
from rppgbench.registry import make, validate_params
from rppgbench.testing.dataset_checks import check_dataset, make_fixture
from rppgbench.testing.demand import require
from rppgbench.testing.sample_clips import FPS_HZ, N_CONDITIONS, clips


def check(spec: Spec, folder: Path, params: Mapping[str, Any] | None = None, **local: Any) -> None:
    """Check a component on small synthetic input; files go to ``folder``, ``local`` holds a dataset's ``root``.

    A learner is trained for one step, then checked as any other component. A dataset that needs files is checked on its
    fixture unless ``root`` is given.

    Raises:
        PluginError: the component breaks the contract, or needs torch, which is not installed.
    """
    validated = validate_params(spec, params or {})
    if isinstance(spec, EnhancerSpec) and spec.conditional:
        local.setdefault("n_conditions", N_CONDITIONS)
    if isinstance(spec, DatasetSpec) and spec.needs_files and "root" not in local:
        local["root"] = make_fixture(spec, folder / "fixture")

    def new() -> Any:
        return make(spec, validated, **local)

    if isinstance(spec, DatasetSpec):
        check_dataset(spec, new, folder)
        return
    if not _is_trained_by_gradients(spec):
        _CHECKS[spec.kind](spec, new(), folder)
        return
    _demand_torch(spec)
    from rppgbench.learning.reproducibility import reproducible
    from rppgbench.testing.learner_checks import check_learner

    with reproducible(seed=0):
        learner = check_learner(spec, new, lambda component: _use(spec, component, _clips(spec)), folder)
        _CHECKS[spec.kind](spec, learner, folder)


def _is_trained_by_gradients(spec: Spec) -> bool:
    if isinstance(spec, MethodSpec):
        return spec.learns and spec.learns_from == "clips"
    return isinstance(spec, EnhancerSpec) and spec.learns


def _demand_torch(spec: Spec) -> None:
    try:
        import torch  # noqa: F401 - tests whether it is installed
    except ImportError:
        require(False, spec, "learns by gradients, and torch is not installed", "pip install 'rppgbench[learn]'")


def _use(spec: Spec, component: Any, video: Any) -> Any:
    """The component's output for ``video`` as an array."""
    return np.asarray(component.predict(video, FPS_HZ) if spec.kind == "method" else component.enhance(video))


def _clips(spec: Spec) -> Any:
    """Three clips for a method, of the frames that it demands or of 12 s; two of 16 frames for an enhancer."""
    if not isinstance(spec, MethodSpec):
        return clips(spec, B=2, T=16)
    return clips(spec, B=3, T=spec.frames or (64 if _is_trained_by_gradients(spec) else 360))


def _check_method(spec: Spec, method: Any, folder: Path) -> None:
    if not isinstance(spec, MethodSpec):
        raise TypeError(spec.kind)
    if spec.learns and spec.learns_from == "truth":
        _check_fit(spec, method)
    video = _clips(spec)
    original = video.copy()
    waves = _use(spec, method, video)
    require(waves.shape == video.shape[:2], spec, f"waves of shape {waves.shape}, expected {video.shape[:2]}")
    require(bool(np.isfinite(waves).all()), spec, "waves are not finite for clips that are")
    require(bool((video == original).all()), spec, "changes the clips it is given")
    again = _use(spec, method, video)
    require(np.array_equal(waves, again), spec, "gives other waves when called again: depends on earlier calls")
    tolerance = 1e-6 * float(np.abs(waves).max())
    for row, clip in enumerate(video):
        alone = _use(spec, method, clip[None])[0]
        same = np.allclose(alone, waves[row], rtol=1e-5, atol=tolerance)
        require(same, spec, f"clip {row} alone gives another wave than in a batch of {len(video)}")
    if spec.input == "video":
        floats = _use(spec, method, video / np.float32(255))
        same = np.allclose(floats, waves, rtol=1e-4, atol=10 * tolerance)
        require(same, spec, "the same clips as float32 in [0, 1] give other waves than in 8 bits")


def _check_fit(spec: Spec, method: Any) -> None:
    require(isinstance(method, FittedMethod), spec, "learns, but has no fit(), state() and load()")
    method.fit([TrainingWindow(trace=None, fps_hz=FPS_HZ, hr_bpm=hr_bpm) for hr_bpm in (60.0, 80.0)])
    state = {name: np.array(array) for name, array in method.state().items()}
    require(bool(state), spec, "state() is empty after fit()")
    method.load(state)


def _check_enhancer(spec: Spec, enhancer: Any, folder: Path) -> None:
    video = np.random.RandomState(0).randint(0, 256, (2, 16, 32, 32, 3)).astype(np.uint8)
    enhanced = _use(spec, enhancer, video)
    require(enhanced.shape == video.shape, spec, f"gave shape {enhanced.shape}, expected {video.shape}")
    require(enhanced.dtype == np.float32, spec, f"gave {enhanced.dtype}, expected float32: rounding deletes the pulse")
    require(float(enhanced.min()) >= 0 and float(enhanced.max()) <= 1, spec, "gave values outside of [0, 1]")
    alone = _use(spec, enhancer, video[:1])
    require(np.allclose(alone[0], enhanced[0], atol=1e-5), spec, "a clip alone comes out differently than in a batch")
    floats = _use(spec, enhancer, video / np.float32(255))
    same = np.allclose(floats, enhanced, atol=1e-5)
    require(same, spec, "the same clips as float32 in [0, 1] come out differently than in 8 bits")


def _check_codec(spec: Spec, codec: Any, folder: Path) -> None:
    from rppgbench.media.decode import frames

    if not isinstance(spec, CodecSpec):
        raise TypeError(spec.kind)
    require(bool(codec.build()), spec, "build() is empty: encoder and version are part of every key")
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
        require(n_frames == encoded.n_frames == 30, spec, f"{n_frames} frames came out, said {encoded.n_frames}, of 30")
    require(digests[0] == digests[1], spec, "two runs gave different bytes")
    n_frames = codec.encode(source, folder / "part.mp4", FPS_HZ, part=(5, -10)).n_frames
    require(n_frames == 15, spec, f"{n_frames} frames of part (5, -10) of 30, expected 15")


def _write_video(path: Path) -> None:
    """Write one second of moving noise, 64 x 48 pixels, with a lossless codec."""
    from rppgbench.media import lossless

    noise = np.random.RandomState(0).randint(60, 200, (48, 96, 3)).astype(np.uint8)
    lossless.write_lossless((noise[:, index : index + 64] for index in range(30)), path, FPS_HZ)


_CHECKS: Mapping[Kind, Callable[[Spec, Any, Path], None]] = {
    "method": _check_method,
    "enhancer": _check_enhancer,
    "codec": _check_codec,
}
