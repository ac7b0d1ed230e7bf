"""BioSemi files: written from the format's description, read by pyedflib, which is an implementation of its own."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets import bdf

RATE_HZ = 256
N = 3 * RATE_HZ
RESOLUTION_UV = 1 / 32  # 24 bits over 2 * 262144 uV, as of an ActiveTwo


@pytest.fixture
def written(tmp_path):
    """A function from the values of Status to a file with two channels."""
    rng = np.random.default_rng(0)
    channels = {"EXG1": rng.normal(-9000.0, 300.0, N), "EXG2": np.linspace(-262_144.0, 262_143.0, N)}

    def file(status):
        path = tmp_path / "physiology.bdf"
        bdf.write(path, channels, np.asarray(status, dtype=np.int32), RATE_HZ)
        return path, channels

    return file


def test_written_channels_are_read(written):
    path, channels = written(np.arange(N))
    signals = bdf.read(path, ["EXG2"], optional=["EXG1", "EXG9"])
    assert signals.rate_hz == RATE_HZ
    assert set(signals.channels) == {"EXG1", "EXG2"}
    for name, samples in signals.channels.items():
        np.testing.assert_allclose(samples, channels[name], atol=0.5 * RESOLUTION_UV + 1e-9)
    np.testing.assert_array_equal(signals.triggers, np.arange(N))


@pytest.mark.parametrize("rest", [0, 0xFF00, 1 << 20, -(1 << 23), -(1 << 23) | (1 << 20) | 0xFF00])
def test_amplifier_bits_are_no_event(written, rest):
    status = np.full(N, rest)
    status[0] |= 1 << 16
    status[300:310] |= 16
    status[700] |= 3
    events = bdf.read(written(status)[0], ["EXG1"]).events()
    np.testing.assert_array_equal(events, [*range(300, 310), 700])


def test_no_trigger_is_no_event(written):
    assert not len(bdf.read(written(np.full(N, 1 << 20))[0], ["EXG1"]).events())


def test_a_channel_that_is_not_there_is_named_with_those_that_are(written):
    path, _ = written(np.zeros(N))
    with pytest.raises(DatasetUnavailable, match=r"has no channel EXG3 \(channels: EXG1, EXG2, Status\)"):
        bdf.read(path, ["EXG3"])


@pytest.mark.parametrize("damage", [lambda whole: whole[:-1000], lambda whole: whole[:100], lambda _: b"text\n" * 300])
def test_a_damaged_file_is_named(written, damage):
    path, _ = written(np.zeros(N))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DatasetUnavailable, match="cannot be read as BDF") as caught:
        bdf.read(path, ["EXG1"])
    assert str(path) in caught.value.message


def test_a_file_that_is_cut_off_is_reported_without_output(written, capfd):
    path, _ = written(np.zeros(N))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(DatasetUnavailable, match=rf"cut off after {len(whole) - 1000} bytes, expected {len(whole)}"):
        bdf.read(path, ["EXG1"])
    path.write_bytes(whole[:700])  # within the header
    with pytest.raises(DatasetUnavailable, match="cannot be read as BDF"):
        bdf.read(path, ["EXG1"])
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_named(written):
    path, _ = written(np.zeros(N))
    with pytest.raises(DatasetUnavailable, match=r"physio\.bdf: no such file"):
        bdf.read(path.with_name("physio.bdf"), ["EXG1"])


def test_without_the_reader_it_says_what_to_install(written, monkeypatch):
    path, _ = written(np.zeros(N))
    monkeypatch.setitem(sys.modules, "pyedflib", None)
    with pytest.raises(DatasetUnavailable) as caught:
        bdf.read(path, ["EXG1"])
    assert caught.value.hint == "pip install 'rppgbench[datasets]'"
