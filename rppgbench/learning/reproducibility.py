"""Bit-reproducible training and prediction, and the device they run on."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from rppgbench.errors import TrainingFailed

# The last bits of a sum depend on the number of threads. A fit has one thread; several fits run in parallel.
THREADS = 1


@contextlib.contextmanager
def reproducible(seed: int, *, deterministic: bool = True) -> Iterator[None]:
    """Context in which torch is seeded with ``seed``, uses one thread and only deterministic operations.

    With ``deterministic`` False, cuDNN may use its fastest kernels and TF32; weights then vary between runs.
    """
    threads, was_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    benchmark, tf32 = torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark = not deterministic
    torch.backends.cudnn.allow_tf32 = not deterministic
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(was_deterministic)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = benchmark, tf32


def set_inference_mode() -> None:
    """Set torch to one thread (workers run in parallel) and full float32, no TF32, for the rest of the process."""
    torch.set_num_threads(THREADS)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def find_device(name: str) -> torch.device:
    """The torch device ``name``; for "auto" the GPU if there is one, else the CPU.

    Raises:
        TrainingFailed: the device cannot be used.
    """
    # cuBLAS reads this when it is first used in a process; without it torch refuses deterministic matrix products.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise TrainingFailed(
            f"device {name!r} cannot be used: {str(error).splitlines()[0]}", hint="try --device cpu, or cuda for a GPU"
        ) from None
    return device
