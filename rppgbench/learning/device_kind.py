"""Kind of device on which networks train and run, found without importing torch where there is no GPU."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from importlib.util import find_spec

from rppgbench.errors import TrainingFailed, nearest

_KINDS = ("auto", "cpu", "cuda", "mps", "xpu")


def device_kind(name: str = "auto") -> str:
    """Type of the torch device called ``name``; of "auto" it is "cuda" where torch can use a GPU here, else "cpu".

    Raises:
        TrainingFailed: there is no such type.
    """
    kind = name.partition(":")[0]
    if kind not in _KINDS:
        raise TrainingFailed(f"no device is called {name!r}", hint=nearest(kind, _KINDS))
    if kind != "auto":
        return kind
    return "cuda" if _has_cuda() else "cpu"


@cache
def _has_cuda() -> bool:
    if find_spec("torch") is None:
        return False
    try:  # a driver is looked for first: importing torch takes seconds
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    import torch

    return bool(torch.cuda.is_available())
