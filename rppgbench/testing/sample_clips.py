"""Synthetic faces with a pulse, as arrays and as training batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.contracts import EnhancerSpec, MethodSpec, Spec

if TYPE_CHECKING:
    from torch import Tensor

    from rppgbench.contracts import ByteArray, FloatArray
    from rppgbench.learning.learner import TrainingBatch

FPS_HZ = 30.0
N_CONDITIONS = 3  # of a conditional enhancer: the reference and two more
_SIZE = (32, 32)


def clips(spec: Spec, B: int, T: int) -> Any:
    """Input with a pulse of 72 bpm: traces ``(B, T, 3)`` for a trace method, else uint8 clips ``(B, T, H, W, 3)``."""
    if isinstance(spec, MethodSpec) and spec.input == "trace":
        return _traces(B, T)
    return _faces(B, T, getattr(spec, "size", None) or _SIZE)


def training_batch(spec: Spec) -> TrainingBatch:
    """A batch of two clips of the frames and size that the method demands, else of 64 frames of 32x32."""
    import torch

    from rppgbench.learning.learner import TrainingBatch

    B, T = 2, getattr(spec, "frames", None) or 64
    reference = _faces(B, T, getattr(spec, "size", None) or _SIZE)
    pairs = isinstance(spec, EnhancerSpec) and spec.pairs
    # Stands for compression: quantised colours.
    video = reference // 8 * 8 + 4 if pairs else reference
    wave = np.sin(2 * np.pi * 1.2 * np.arange(T) / FPS_HZ)
    wave = np.tile((wave - wave.mean()) / wave.std(), (B, 1))
    return TrainingBatch(
        video=torch.from_numpy(video).float() / 255,
        reference=torch.from_numpy(reference).float() / 255,
        wave=torch.from_numpy(wave).float(),
        condition=torch.tensor([1, 2] if pairs else [0, 0]),
        fps_hz=FPS_HZ,
        skin=_skin(reference.shape[:4]) if getattr(spec, "skin_labels", False) else None,
    )


def _traces(B: int, T: int) -> FloatArray:
    rng = np.random.RandomState(0)
    pulse = np.sin(2 * np.pi * 1.2 * np.arange(T) / FPS_HZ)
    traces = np.array([170.0, 120.0, 100.0]) * (1 + 0.01 * pulse[:, None] * [0.33, 0.77, 0.53])
    return np.asarray(traces + 0.2 * rng.standard_normal((B, T, 3)))


def _faces(B: int, T: int, size: tuple[int, int]) -> ByteArray:
    noise = np.random.RandomState(1).standard_normal((B, T, *size, 3))
    return np.asarray(np.rint(_traces(B, T)[:, :, None, None] + noise).clip(0, 255), np.uint8)


def _skin(shape: tuple[int, ...]) -> Tensor:
    """``(B, T, H, W)`` skin mask, an ellipse."""
    import torch

    B, T, H, W = shape
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, H), torch.linspace(-1, 1, W), indexing="ij")
    return ((rows / 0.9) ** 2 + (columns / 0.7) ** 2 < 1).float().repeat(B, T, 1, 1)
