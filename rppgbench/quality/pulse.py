"""Pulse fidelity: what a codec or an enhancer left of the pulse in the skin's colour, and what it added to it."""

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

# Two orthonormal directions of relative colour at right angles to (1, 1, 1): a light that all channels share, brighter
# or dimmer, is in neither. Energies do not depend on which two.
CHROMINANCE = np.array([[0.0, 1.0, -1.0], [-2.0, 1.0, 1.0]]) / np.sqrt([[2.0], [6.0]])
# Of the reference's amplitude; what is less, or upside down, is noise and no pulse.
LEAST_GAIN_DB = -40.0


@dataclass(frozen=True)
class PulseFidelity:
    """``fidelity_db`` is the energy of the reference's pulse over that of the difference, infinite where there is none;
    ``gain_db`` is what is left of the pulse's amplitude, no less than -40 dB.

    With the gain as a factor, a pulse that is only smaller has a fidelity of -20 log10(1 - gain): half of it gives
    6.02 dB and -6.02 dB. Where the pulse is erased and nothing is put in its place, fidelity is 0 dB; below that, more
    was added in the pulse's band than there had been.
    """

    fidelity_db: float
    gain_db: float


def pulse_fidelity(
    skin: FloatArray, reference: FloatArray, fps_hz: float, rate_bpm: float | None
) -> PulseFidelity | None:
    """What of the pulse in ``reference`` is in ``skin``, both ``(T, 3)`` mean colours of the same frames.

    Each channel is taken over its own mean, without its straight line and under a Hann window. What is compared is its
    chrominance within 0.1 Hz of the true rate and 0.2 Hz of twice the rate, the bands of ``signal.quality.snr_db``.
    Fidelity is 10 log10(sum |R|^2 / sum |S - R|^2) and gain 20 log10(sum Re(R* S) / sum |R|^2), over the bins and both
    directions of chrominance: R is the reference's spectrum, S the other's.

    None where nobody can tell: no rate, a rate outside what the frame rate shows, colours that are not finite or not
    above 0 on average, or a reference without a pulse.

    Raises:
        SignalError: shapes other than two times ``(T, 3)``.
    """
    skin, reference = np.asarray(skin, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    if skin.shape != reference.shape or skin.ndim != 2 or skin.shape[1] != 3:
        raise SignalError(f"colours of shapes {skin.shape} and {reference.shape}, expected (T, 3) twice")
    if rate_bpm is None or not 0 < rate_bpm / 60 < fps_hz / 2 - FUNDAMENTAL_HALF_WIDTH_HZ:
        return None
    ours, theirs = (_pulse(colours, fps_hz, rate_bpm / 60) for colours in (skin, reference))
    if ours is None or theirs is None:
        return None
    there, lost = _energy(theirs), _energy(ours - theirs)
    if not there > 0:
        return None
    gain = float((theirs.conj() * ours).real.sum()) / there
    least = 10 ** (LEAST_GAIN_DB / 20)
    return PulseFidelity(
        fidelity_db=10 * (math.log10(there) - math.log10(lost)) if lost > 0 else math.inf,
        gain_db=20 * math.log10(gain) if gain > least else LEAST_GAIN_DB,
    )


def contrast_db(fidelity_db: float, gain_db: float) -> float:
    """The pulse that is left over what was added in its band, which is what a method is to tell apart; in dB.

    The difference is made of the pulse's loss and of what is at right angles to the pulse, so that both numbers tell
    the latter: its energy over the pulse's is 10^(-fidelity/10) - (1 - gain)^2. Infinite where nothing was added.
    """
    gain = 10 ** (gain_db / 20)
    lost = 10 ** (-fidelity_db / 10)
    added = lost - (1 - gain) ** 2
    # Below what rounding leaves of the two terms nothing was added.
    return gain_db - 10 * math.log10(added) if added > 1e-12 * max(lost, 1e-12) else math.inf


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
