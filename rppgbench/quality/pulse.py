"""Pulse fidelity and gain: the pulse in the skin's colour behind a codec or an enhancer, against the reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.filters import detrend, smooth_length
from rppgbench.signal.signal_to_noise import FUNDAMENTAL_HALF_WIDTH_HZ, HARMONIC_HALF_WIDTH_HZ
from rppgbench.signal.spectrum import PADDING, WIDEST_BIN_HZ

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# Two orthonormal directions of relative colour at right angles to (1, 1, 1): a change of light common to all channels
# is in neither. Energies do not depend on the choice of the two.
CHROMINANCE = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]]) / np.sqrt([[2.0], [6.0]])
# Of the reference's amplitude; a smaller pulse, or one upside down, is noise.
LEAST_GAIN_DB = -40.0


@dataclass(frozen=True)
class PulseFidelity:
    """Fidelity and gain of a pulse; docs/quality.md ("Pulse fidelity") has their values for common changes.

    ``fidelity_db`` is the energy of the reference's pulse over that of the difference, infinite without a difference;
    ``gain_db`` is the pulse's amplitude over the reference's, no less than -40 dB.
    """

    fidelity_db: float
    gain_db: float


def pulse_fidelity(
    skin: FloatArray, reference: FloatArray, fps_hz: float, rate_bpm: float | None
) -> PulseFidelity | None:
    """Fidelity of the pulse in ``skin`` to that in ``reference``, both ``(T, 3)`` mean colours of the same frames.

    By the equations in docs/quality.md ("Pulse fidelity"), in the bands of ``signal.signal_to_noise.snr_db`` about the
    true rate. None without a rate, of a rate above what the frame rate shows, of colours that are not finite or not
    above 0 on average, or of a reference without a pulse.

    Raises:
        SignalError: shapes other than two times ``(T, 3)``.
    """
    skin, reference = np.asarray(skin, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if skin.shape != reference.shape or skin.ndim != 2 or skin.shape[1] != 3:
        raise SignalError(f"colours of shapes {skin.shape} and {reference.shape}, expected (T, 3) twice")
    if rate_bpm is None or not 0 < rate_bpm / 60 < fps_hz / 2 - FUNDAMENTAL_HALF_WIDTH_HZ:
        return None
    pulse, reference_pulse = (_pulse(colours, fps_hz, rate_bpm / 60) for colours in (skin, reference))
    if pulse is None or reference_pulse is None:
        return None
    energy, error = _energy(reference_pulse), _energy(pulse - reference_pulse)
    if not energy > 0:
        return None
    gain = float((reference_pulse.conj() * pulse).real.sum()) / energy
    least = 10 ** (LEAST_GAIN_DB / 20)
    return PulseFidelity(
        fidelity_db=10 * (math.log10(energy) - math.log10(error)) if error > 0 else math.inf,
        gain_db=20 * math.log10(gain) if gain > least else LEAST_GAIN_DB,
    )


def _pulse(colours: FloatArray, fps_hz: float, rate_hz: float) -> NDArray[np.complex128] | None:
    """``(2, K)`` spectrum of the chrominance in the K bins of the pulse's band."""
    T = len(colours)
    if T < 2 or not np.isfinite(colours).all() or not (colours.mean(axis=0) > 0).all():
        return None
    relative = colours / colours.mean(axis=0) - 1
    hann = np.sin(np.pi * (np.arange(T) + 0.5) / T) ** 2
    length = smooth_length(max(PADDING * T, int(np.ceil(fps_hz / WIDEST_BIN_HZ))))
    freq_hz = np.fft.rfftfreq(length, 1 / fps_hz)
    inside = np.abs(freq_hz - rate_hz) <= FUNDAMENTAL_HALF_WIDTH_HZ
    inside |= np.abs(freq_hz - 2 * rate_hz) <= HARMONIC_HALF_WIDTH_HZ
    return np.asarray(np.fft.rfft(detrend(CHROMINANCE @ relative.T) * hann, length)[:, inside])


def _energy(spectrum: NDArray[np.complex128]) -> float:
    return float(np.square(np.abs(spectrum)).sum())
