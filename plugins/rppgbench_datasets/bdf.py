"""BioSemi data format (BDF): channels by name, and the events of the Status channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.layout import optional_reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

STATUS = "Status"
# Bits 0-15 of Status are the trigger port. Above them BioSemi reports on the amplifier: 16 start of an epoch, 17-19 and
# 21 its speed, 20 common mode in range, 22 battery low, 23 its model (biosemi.com/faq/trigger_signals.htm).
_TRIGGERS = 0xFFFF

_BLOCK = 256  # bytes of header: one block for the file, one for each channel
_SAMPLES = 216  # bytes of each channel's fields before the one with its samples a record
# The range of 24 bits, and the same in uV.
_DIGITAL = (-8_388_608, 8_388_607)
_PHYSICAL_UV = (-262_144, 262_143)


@dataclass(frozen=True)
class Signals:
    """Channels in physical units (uV), and the trigger port, all ``(N,)`` at ``rate_hz``."""

    rate_hz: float
    channels: Mapping[str, FloatArray]
    triggers: NDArray[np.int32]

    def events(self) -> NDArray[np.intp]:
        """Indices of samples at which the trigger port is not at rest.

        At rest is the lowest value: a port with nothing on its upper half reads 0xFF00 all the time, and triggers set
        bits.
        """
        return np.flatnonzero(self.triggers != self.triggers.min())


def read(path: Path, names: Sequence[str], optional: Sequence[str] = ()) -> Signals:
    """The channels ``names``, those of ``optional`` that the file has, and Status; no other channel is read.

    Raises:
        DatasetUnavailable: pyedflib is not installed, the file is missing, cut off or no BDF, a channel is not there,
            or the channels have different rates.
    """
    reader = optional_reader("pyedflib")
    if not path.is_file():
        raise DatasetUnavailable(f"{path}: no such file", hint="copy the session again")
    _demand_whole(path)
    try:
        file = reader.EdfReader(str(path))
    except OSError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise DatasetUnavailable(f"{path}: cannot be read as BDF ({reason})", hint="copy the file again") from None
    with file:
        labels = [label.strip() for label in file.getSignalLabels()]
        wanted = [*names, *(name for name in optional if name in labels), STATUS]
        for name in wanted:
            if name not in labels:
                raise DatasetUnavailable(
                    f"{path}: has no channel {name} (channels: {', '.join(labels)})", hint="is it the physiology file?"
                )
        rates_hz = {name: float(file.getSampleFrequency(labels.index(name))) for name in wanted}
        if len(set(rates_hz.values())) > 1:
            found = ", ".join(f"{name} {rate_hz:g} Hz" for name, rate_hz in rates_hz.items())
            raise DatasetUnavailable(f"{path}: channels of different rates ({found})", hint="copy the file again")
        status = file.readSignal(labels.index(STATUS), digital=True)
        channels = {name: file.readSignal(labels.index(name)) for name in wanted[:-1]}
    return Signals(rates_hz[STATUS], channels, status & _TRIGGERS)


def _demand_whole(path: Path) -> None:
    """Compare a file's size with its header: pyedflib's C code prints messages where they differ.

    An invalid header is left to pyedflib, which raises without printing.

    Raises:
        DatasetUnavailable: the file is shorter than its header says.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK)
        n_channels = _whole(head[252:256])
        channels = file.read(_BLOCK * n_channels)
    n_records, n_bytes = _whole(head[236:244]), path.stat().st_size
    widths = [_whole(channels[_SAMPLES * n_channels + 8 * n :][:8]) for n in range(n_channels)]
    expected = _BLOCK * (n_channels + 1) + 3 * n_records * sum(widths)
    if n_records and n_bytes < expected:
        raise DatasetUnavailable(
            f"{path}: cannot be read as BDF (cut off after {n_bytes} bytes, expected {expected})",
            hint="copy the file again",
        )


def _whole(field: bytes) -> int:
    """A number of the header, 0 for other text."""
    text = field.strip()
    return int(text) if text.isdigit() else 0


def write(path: Path, channels: Mapping[str, FloatArray], status: NDArray[np.int32], rate_hz: int) -> None:
    """Write channels ``(N,)`` in uV and a Status channel as an amplifier ActiveTwo would: 24 bits, records of 1 s.

    N is a whole number of seconds.
    """
    digital = [np.rint(np.interp(samples, _PHYSICAL_UV, _DIGITAL)).astype(np.int32) for samples in channels.values()]
    records = np.stack([*digital, status]).reshape(len(channels) + 1, -1, rate_hz).swapaxes(0, 1)
    little_endian = np.ascontiguousarray(records, dtype="<i4").view(np.uint8).reshape(*records.shape, 4)
    path.write_bytes(_header(list(channels), len(records), rate_hz) + little_endian[..., :3].tobytes())


def _header(names: Sequence[str], n_records: int, rate_hz: int) -> bytes:
    n_channels = len(names) + 1
    file_fields = (
        ("", 80),
        ("", 80),
        ("09.07.09", 8),
        ("17.53.46", 8),
        (str(_BLOCK * (n_channels + 1)), 8),
        ("24BIT", 44),
        (str(n_records), 8),
        ("1", 8),
        (str(n_channels), 4),
    )
    n = len(names)
    channel_fields = (
        ([*names, STATUS], 16),
        (["Active Electrode"] * n + ["Triggers and Status"], 80),
        (["uV"] * n + ["Boolean"], 8),
        ([str(_PHYSICAL_UV[0])] * n + [str(_DIGITAL[0])], 8),
        ([str(_PHYSICAL_UV[1])] * n + [str(_DIGITAL[1])], 8),
        ([str(_DIGITAL[0])] * n_channels, 8),
        ([str(_DIGITAL[1])] * n_channels, 8),
        (["HP: DC; LP: 67 Hz"] * n + ["No filtering"], 80),
        ([str(rate_hz)] * n_channels, 8),
        ([""] * n_channels, 32),
    )
    text = "".join(f"{value:<{width}}" for value, width in file_fields)
    text += "".join(f"{value:<{width}}" for values, width in channel_fields for value in values)
    return b"\xffBIOSEMI" + text.encode("ascii")
