"""R-peaks of a clean electrocardiogram, finer than its samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.filters import bandpass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# Band in which a QRS complex stands out of P and T waves, and its duration (Pan & Tompkins, IEEE TBME 32(3),
# 1985, with the band a little higher against T waves).
QRS_BAND_HZ = (5.0, 20.0)
QRS_S = 0.12
REFRACTORY_S = 0.25
# Of the usual height of the energy's highest point per interval of 2 s, which holds at least one beat.
THRESHOLD_SHARE = 0.1
LEAST_RATE_HZ = 60.0


def r_peaks(ecg: FloatArray, rate_hz: float) -> FloatArray:
    """R-peaks as fractional sample numbers of ``(N,)``, ascending.

    After Pan & Tompkins (IEEE TBME 32(3), 1985): band-pass, slope, square, moving mean, threshold; each beat is then
    placed by a parabola through the top of the band-passed complex, upright or inverted.

    Raises:
        SignalError: sampled below 60 Hz, shorter than 2 s, constant, or not finite.
    """
    ecg = np.asarray(ecg, dtype=np.float64)
    if rate_hz < LEAST_RATE_HZ:
        raise SignalError(f"an ECG at {rate_hz:g} Hz, expected at least {LEAST_RATE_HZ:g} Hz to see its R-peaks")
    if len(ecg) < 2 * rate_hz:
        raise SignalError(f"an ECG of {len(ecg) / rate_hz:.1f} s, expected at least 2 s")
    if not np.isfinite(ecg).all() or np.ptp(ecg) == 0:
        raise SignalError("a constant or not finite ECG has no R-peaks")
    qrs = bandpass(ecg, rate_hz, *QRS_BAND_HZ)
    energy = np.convolve(np.gradient(qrs) ** 2, np.ones(max(1, round(QRS_S * rate_hz))), mode="same")
    return _place(qrs, _complexes(energy, rate_hz), rate_hz)


def _complexes(energy: FloatArray, rate_hz: float) -> NDArray[np.intp]:
    """Indices of the samples of highest energy, one per complex."""
    span = int(2 * rate_hz)
    tops_of_parts = np.array([part.max() for part in np.split(energy, range(span, len(energy) - span + 1, span))])
    # A sensor may be silent for most of the recording, and have beats in the rest of it.
    usual = np.median(tops_of_parts[tops_of_parts > 1e-9 * tops_of_parts.max()])
    above = np.flatnonzero(energy > THRESHOLD_SHARE * usual)
    tops: list[int] = []
    # Split where the energy stays low; tops within the refractory time are of one complex.
    for run in np.split(above, np.flatnonzero(np.diff(above) > 1) + 1):
        top = int(run[energy[run].argmax()])
        if tops and top - tops[-1] < REFRACTORY_S * rate_hz:
            tops[-1] = max(top, tops[-1], key=lambda sample: float(energy[sample]))
        else:
            tops.append(top)
    return np.array(tops, dtype=np.intp)


def _place(qrs: FloatArray, complexes: NDArray[np.intp], rate_hz: float) -> FloatArray:
    reach = round(QRS_S * rate_hz)
    offsets = np.arange(-reach, reach + 1)
    around = complexes[:, None] + offsets
    inside = (around >= 1) & (around <= len(qrs) - 2)
    values = np.where(inside, qrs[around.clip(0, len(qrs) - 1)], 0.0)
    # The lead's polarity is a property of the recording, not of a beat.
    if np.median(values.max(axis=1)) < np.median(-values.min(axis=1)):
        values, qrs = -values, -qrs
    tops = complexes + offsets[values.argmax(axis=1)]
    tops = tops[(tops >= 1) & (tops <= len(qrs) - 2)]
    left, here, right = qrs[tops - 1], qrs[tops], qrs[tops + 1]
    bend = left - 2 * here + right
    peaked = (bend < 0) & (here >= left) & (here >= right)  # a complex cut by the recording's edge is no peak
    tops, left, right, bend = tops[peaked], left[peaked], right[peaked], bend[peaked]
    return np.asarray(tops + 0.5 * (left - right) / bend)
