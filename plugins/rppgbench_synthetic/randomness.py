"""Random numbers that are the same on every machine.

``RandomState`` keeps its stream for good by NumPy's compatibility policy, which ``Generator`` does not. Normal deviates
are made from whole numbers, because logarithms differ by an ulp between processors.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]


def stream(*names: object) -> np.random.RandomState:
    """The random stream of this name, independent of every other name's."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.RandomState(np.frombuffer(digest, dtype="<u4"))


def normals(rng: np.random.RandomState, *shape: int) -> NDArray[np.float64]:
    """Deviates of zero mean and unit variance, nearly normal: the sum of twelve bytes, so multiples of 1/256."""
    n_values = int(np.prod(shape))
    dice = np.frombuffer(rng.bytes(12 * n_values), dtype=np.uint8).reshape(12, n_values)
    total = dice.sum(axis=0, dtype=np.int32)
    return np.asarray((total - 1530) / 256.0, dtype=np.float64).reshape(shape)


def on_grid(values: Any, bits: int) -> NDArray[np.float64]:
    """``values`` rounded to multiples of ``2**-bits``, which removes differences between processors."""
    rounded: NDArray[np.float64] = np.rint(np.ldexp(np.asarray(values, dtype=np.float64), bits))
    return np.ldexp(rounded, -bits)


def wander(rng: np.random.RandomState, n_samples: int, rate_hz: float, tau_s: float) -> NDArray[np.float64]:
    """Smooth noise of zero mean and unit variance: white noise under a Gaussian of standard deviation ``tau_s``.

    It is made at eight points per ``tau_s`` and interpolated between them.
    """
    per_tau, reach = 8, 24
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / per_tau) ** 2)
    kernel /= np.sqrt((kernel**2).sum())
    at = np.arange(n_samples) * (per_tau / (tau_s * rate_hz))
    n_points = int(at[-1]) + 2
    points = np.convolve(normals(rng, n_points + 2 * reach), kernel, "valid")
    return np.asarray(np.interp(at, np.arange(n_points), points), dtype=np.float64)


@functools.lru_cache(maxsize=1)
def noise_bank(n_values: int) -> NDArray[np.float32]:
    """White noise of unit variance shared by all recordings of a process, each with pieces of its own."""
    bank = normals(stream("camera noise"), n_values).astype(np.float32)
    bank.flags.writeable = False
    return bank
