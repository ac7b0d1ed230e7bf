"""Methods that do what no method should, each in its own way, as a third party's package might."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from rppgbench.contracts import MethodSpec, Params
from rppgbench.hookspecs import hookimpl


class Once(Params):
    marker: str = ""


class Crash:
    """Kills its own process; with a ``marker``, only as long as that file is not there."""

    def __init__(self, marker: str = "") -> None:
        self.marker = marker

    def predict(self, traces, fps_hz):
        if not self.marker or not Path(self.marker).exists():
            if self.marker:
                Path(self.marker).touch()
            print("last words", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return traces[..., 1]


class Hang:
    def predict(self, traces, fps_hz):
        while True:
            time.sleep(0.05)


class Eat:
    def predict(self, traces, fps_hz):
        eaten = []
        while sum(map(len, eaten)) < 4e9:
            eaten.append(b"x" * 50_000_000)
            time.sleep(0.02)
        return traces[..., 1]


class Sleep:
    """Takes a second and no processor."""

    def predict(self, traces, fps_hz):
        time.sleep(1.0)
        return traces[..., 1]


class Raise:
    def predict(self, traces, fps_hz):
        raise ZeroDivisionError("divided")


class Chatter:
    """Prints to stdout, which is the pipe of results, and reads stdin, which is the pipe of requests."""

    def predict(self, traces, fps_hz):
        print("noise" * 10_000, flush=True)
        os.write(1, b"\x80\x04noise\n")
        assert sys.stdin.read() == ""
        return traces[..., 1]


@hookimpl
def rppgbench_methods():
    for name in ("Crash", "Hang", "Eat", "Sleep", "Raise", "Chatter"):
        extra = {"params": Once} if name == "Crash" else {}
        yield MethodSpec(
            name=name.lower(),
            factory=f"misbehaving:{name}",
            input="trace",
            summary="Misbehaves",
            license="MIT",
            **extra,
        )
