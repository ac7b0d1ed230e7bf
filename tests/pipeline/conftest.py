"""A plugin for tests of the pipeline: four subjects of 32 x 32 pixels, all skin, with a known pulse."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from fractions import Fraction
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import av
import numpy as np
import pytest

from rppgbench.contracts import (
    CodecSpec,
    DatasetSpec,
    Encoded,
    GroundTruth,
    MethodSpec,
    Params,
    Recording,
)  # fmt: skip
from rppgbench.errors import EncodingError
from rppgbench.hookspecs import hookimpl
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import Registry
from rppgbench.store.store import Store

FPS_HZ, LENGTH_S = 20.0, 8.0


class MiniParams(Params):
    subjects: int = 4
    unreadable: str = ""


class MiniDataset:
    """Heart rates of 60, 66, 72, ... bpm."""

    length_s = LENGTH_S
    truth_files = ()

    def __init__(self, subjects: int, unreadable: str) -> None:
        self.subjects, self.unreadable = subjects, unreadable

    def recordings(self):
        return [
            Recording(
                id=f"s{n}-rest", subject=f"s{n}", session="rest", fps_hz=FPS_HZ, duration_s=self.length_s,
                frames_are_skin=True, source="rendered",
                truth_files=self.truth_files,
            )
            for n in range(self.subjects)
        ]  # fmt: skip

    def container(self):
        return ".avi"

    def render(self, recording, target):
        if recording.id == self.unreadable:
            raise EncodingError(f"{recording.id} cannot be rendered", hint="ask for another")
        with av.open(str(target), "w") as file:
            stream = file.add_stream("utvideo", rate=20)
            stream.width = stream.height = 32
            stream.pix_fmt = "gbrp"
            for index, level in enumerate(self._pulse(recording, np.arange(int(self.length_s * FPS_HZ)) / FPS_HZ)):
                frame = np.full((32, 32, 3), (150, 110 + 20 * level, 90), np.uint8)
                picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
                picture.pts, picture.time_base = index, Fraction(1, 20)
                file.mux(stream.encode(picture))
            file.mux(stream.encode(None))

    def ground_truth(self, recording):
        times_s = np.arange(-1, LENGTH_S + 1, 1 / 64)
        return GroundTruth(samples=self._pulse(recording, times_s), times_s=times_s, kind="bvp")

    @staticmethod
    def hr_bpm(recording) -> float:
        return 60.0 + 6 * int(recording.subject[1:])

    def _pulse(self, recording, times_s):
        return np.sin(2 * np.pi * self.hr_bpm(recording) / 60 * times_s)


class CopyParams(Params):
    bitrate_kbps: float
    broken: bool = False


class Copy:
    def __init__(self, bitrate_kbps: float, broken: bool) -> None:
        self.bitrate_kbps, self.broken = bitrate_kbps, broken

    def build(self):
        return "copy 1"

    def encode(self, source, target, fps_hz, *, part=(0, None)):
        if self.broken:
            raise EncodingError("this codec is broken", hint="use another")
        shutil.copyfile(source, target)
        rate = 1000 * self.bitrate_kbps
        return Encoded(
            n_frames=160,
            bitrate_bps=rate * 1.1,
            pix_fmt="gbrp",
            encoder_build="copy 1",
            psnr_y_db=40.0,
            target_bps=rate,
        )


class Green:
    def predict(self, traces, fps_hz):
        return traces[..., 1]


class Crash:
    def predict(self, traces, fps_hz):
        raise ZeroDivisionError("a bug of the plugin's")


class Rate:
    """Learns the mean heart rate of its training subjects; keeps its arguments for tests."""

    def fit(self, windows):
        self.hr_bpm = np.array([window.hr_bpm for window in windows])

    def state(self):
        return {"hr_bpm": self.hr_bpm}

    def load(self, state):
        self.hr_bpm = state["hr_bpm"]

    def predict(self, traces, fps_hz):
        times_s = np.arange(traces.shape[1]) / fps_hz
        return np.tile(np.sin(2 * np.pi * self.hr_bpm.mean() / 60 * times_s), (len(traces), 1))


@hookimpl
def rppgbench_datasets():
    yield DatasetSpec(name="mini", factory="mini:MiniDataset", params=MiniParams, summary="", needs_files=False)


@hookimpl
def rppgbench_codecs():
    yield CodecSpec(name="original", factory="mini:Copy", summary="", encoder=None, label="original")
    yield CodecSpec(
        name="copy", factory="mini:Copy", params=CopyParams, summary="", encoder="copy", label="copy-{bitrate_kbps:g}k"
    )


@hookimpl
def rppgbench_methods():
    yield MethodSpec(name="green", factory="mini:Green", input="trace", summary="")
    yield MethodSpec(name="filmed", factory="mini:Filmed", input="video", summary="")
    yield MethodSpec(name="crash", factory="mini:Crash", input="trace", summary="")
    yield MethodSpec(
        name="rate", factory="mini:Rate", input="trace", learns=True, learns_from="truth", control=True, summary=""
    )


class Filmed:
    def predict(self, video, fps_hz):
        return video[..., 1].mean((2, 3))


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    """Registry of two plugins: this one, and tiny_learners."""
    spec = spec_from_file_location("mini", __file__)
    module = module_from_spec(spec)
    for thing in (
        MiniDataset,
        Copy,
        Green,
        Filmed,
        Crash,
        Rate,
        rppgbench_datasets,
        rppgbench_codecs,
        rppgbench_methods,
    ):
        setattr(module, thing.__name__, thing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "mini", module)
        patch.syspath_prepend(str(Path(__file__).parent))
        yield Registry.from_plugins(mini=module, tiny=import_module("tiny_learners"))


PROTOCOL = """\
rppgbench: 1
name: mini
version: 1
title: Engine's test
dataset: {use: mini}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions:
  reference: {use: original}
  grid:
    - {use: copy, sweep: {bitrate_kbps: [100]}}
clips: {length_s: 8.0, fps_hz: 20.0, size: [16, 16]}
evaluation:
  heart_rate: {use: spectrum, band_hz: [0.7, 4.0]}
  metrics: [hr_mae_bpm, within_5_bpm]
  primary: hr_mae_bpm
  interval: {bootstrap: 100}
entries:
  - {method: green}
  - {method: rate}
"""


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.open(tmp_path / "store")


@pytest.fixture
def protocol(tmp_path, registry):
    """A function from changes of the text to the protocol."""

    def loaded(*changes: tuple[str, str]):
        text = PROTOCOL
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mini.yaml"
        path.write_text(text)
        return load_protocol(path, registry)

    return loaded


@pytest.fixture(scope="module")
def learning(registry, tmp_path_factory):
    """A function from names of entries, all that can be trained if none, to a protocol with a codec of known error."""
    written = sys.modules["tiny_learners"].ENTRIES

    def loaded(*names: str, seeds: str = "[0, 1]", levels: str = "[10]", subjects: int = 4):
        names = names or tuple(name for name in written if name != "drift")
        text = PROTOCOL[: PROTOCOL.index("entries:")].replace("use: mini", f"use: mini, subjects: {subjects}")
        text = text.replace("copy, sweep: {bitrate_kbps: [100]}", f"brighter, sweep: {{levels: {levels}}}")
        entries = "".join(f"  - {written[name]}\n" for name in names)
        path = tmp_path_factory.mktemp("learning") / "mini.yaml"
        path.write_text(f"{text}training: {{seeds: {seeds}}}\nentries:\n{entries}")
        protocol = load_protocol(path, registry)
        assert tuple(entry.id for entry in protocol.entries) == names
        return protocol

    return loaded
