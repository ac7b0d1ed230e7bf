"""The same bits from the same seed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import torch

from rppgbench.errors import TrainingFailed

# A sum's last bits depend on how many threads share it. One fit has one thread; several fits run side by side.
THREADS = 1


@contextlib.contextmanager
def reproducible(seed: int, *, deterministic: bool = True) -> Iterator[None]:
    """Within the block: torch's generators start from ``seed``, on one thread, without operations that vary.

    With ``deterministic`` False, cuDNN may choose its fastest kernels and TF32; weights then differ from run to run.
    """
    threads, kept = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
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
        torch.use_deterministic_algorithms(kept)
        torch.backends.cudnn.benchmark, torch.backends.cudnn.allow_tf32 = benchmark, tf32


def set_inference_mode() -> None:
    """For prediction, for the rest of the process: one thread, and no sums in fewer digits than float32 has.

    Workers run side by side; threads of several of them only wait for each other.
    """
    torch.set_num_threads(THREADS)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def find_device(name: str) -> torch.device:
    """The device called ``name``; for "auto" a GPU if there is one, else the CPU.

    Raises:
        TrainingFailed: there is no such device here.
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
