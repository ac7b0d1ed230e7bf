"""A loader of UBFC-rPPG that prints, as code of Python, of another program and of C does."""

from __future__ import annotations

import ctypes
import subprocess
import sys

from rppgbench.contracts import DatasetSpec
from rppgbench.hookspecs import hookimpl
from rppgbench_datasets.ubfc_rppg import UbfcRppg


class Noisy(UbfcRppg):
    def __init__(self, root):
        _print("making the loader")
        super().__init__(root)

    def ground_truth(self, recording):
        _print("reading the truth")
        return super().ground_truth(recording)


@hookimpl
def rppgbench_datasets():
    yield DatasetSpec(name="noisy", factory="noisy:Noisy", summary="prints")


def _print(what):
    print(f"python: {what}")
    subprocess.run([sys.executable, "-S", "-c", f"print('program: {what}')"], check=True)
    ctypes.CDLL(None).puts(f"C: {what}".encode())
