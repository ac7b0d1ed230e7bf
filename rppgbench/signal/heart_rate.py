"""Heart rate of a pulse wave, by its spectrum and by its beats; the same code for predictions and contact sensors."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from rppgbench.errors import SignalError
from rppgbench.signal.beats import beat_times, mean_interval_s
from rppgbench.signal.compatibility.estimator import ESTIMATORS, highest_bin_bpm
from rppgbench.signal.filters import detrend
from rppgbench.signal.signal_to_noise import snr_db
from rppgbench.signal.spectrum import Spectrum, highest_peak, power_near, power_spectrum

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rppgbench.contracts import FloatArray

# This project's two, and those of ``compatibility``.
Estimator = Literal["beats", "spectrum", "toolbox-2023", "toolbox-2025", "pyvhr"]
BAND_HZ = (0.7, 4.0)
# A window must hold four periods of the slowest rate in the band.
PERIODS_NEEDED = 4.0
# From -3 dB on, noise alone may decide whether a rate or its double or half is the higher.
RIVAL_RATIO = 0.5
# Rows worked on together stay in the processor's cache.
CHUNK_ROWS = 32


class HeartRateSettings(BaseModel):
    """Heart rate settings of a protocol: the ranked estimator, and the band of rates."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    use: Estimator = Field("beats", description="the ranked estimator; beats and spectrum are always reported")
    band_hz: tuple[float, float] = Field(BAND_HZ, description="lowest and highest rate looked for, Hz")

    @field_validator("band_hz")
    @classmethod
    def _ascending(cls, band_hz: tuple[float, float]) -> tuple[float, float]:
        if not 0 < band_hz[0] < band_hz[1]:
            raise ValueError(f"expected two frequencies above 0 Hz, the lower first; found {list(band_hz)}")
        return band_hz

    @property
    def compatible(self) -> str | None:
        """The compatibility estimator in use; None if it is one of this project's own."""
        return self.use if self.use in ESTIMATORS else None


@dataclass(frozen=True, kw_only=True)
class HeartRate:
    """Heart rate of one window.

    ``beats_bpm`` is 60 over the mean inter-beat interval (the harmonic mean of the beats' rates), None without two
    regular intervals. ``spectrum_bpm`` is the highest peak of the spectrum, ``snr_db`` about the latter unless a
    reference was given. ``rival_bpm`` is a rate at twice or half ``spectrum_bpm`` whose power is within 3 dB of its,
    None without one; ``rival_ratio`` is the power of the stronger of the two over that of the peak. ``beats_s`` are the
    times of the beats after the window's first sample, None of a sensor of rates; they do not count in comparisons.
    ``compatible_bpm`` is the rate by the compatibility estimator in use, None without one. ``halved`` is True if the
    highest peak is at twice ``spectrum_bpm``, its harmonic.
    """

    spectrum_bpm: float
    beats_bpm: float | None
    snr_db: float
    rival_bpm: float | None
    rival_ratio: float
    beats_s: FloatArray | None = field(default=None, compare=False, repr=False)
    compatible_bpm: float | None = None
    halved: bool = False


def ranked_rate_bpm(rate: HeartRate | SignalError, settings: HeartRateSettings) -> float | None:
    """The estimate in bpm that ``settings`` name; None without one."""
    if isinstance(rate, SignalError):
        return None
    if settings.compatible:
        return rate.compatible_bpm
    return rate.beats_bpm if settings.use == "beats" else rate.spectrum_bpm


def estimate_rate(wave: FloatArray, fps_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> HeartRate:
    """Heart rate of one ``(T,)`` wave, systole up.

    Raises:
        SignalError: too short (less than four periods of the band's lower edge), not finite, constant, or without a
            spectral peak in the band.
    """
    wave = np.asarray(wave)
    if wave.ndim != 1:
        raise SignalError(f"a wave of shape {wave.shape}, expected (T,)", hint="use estimate_each for (B, T)")
    result = estimate_each(wave[None], fps_hz, band_hz)[0]
    if isinstance(result, SignalError):
        raise result
    return result


def estimate_each(
    waves: FloatArray,
    fps_hz: float,
    band_hz: tuple[float, float] = BAND_HZ,
    *,
    reference_bpm: FloatArray | None = None,
    use: Estimator = "beats",
    sensor: bool = False,
) -> list[HeartRate | SignalError]:
    """Heart rate of each of ``(B, T)`` waves, or an error with the reason why it has none.

    A row's result does not depend on the other rows. ``snr_db`` is about ``reference_bpm``, ``(B,)``, if given; a NaN
    in it makes that NaN. A compatibility estimator in ``use`` adds its rate, which may be derived otherwise of a
    ``sensor``'s waves, and ``snr_db`` about the reference is then by its definition.

    Raises:
        SignalError: ``waves`` is not ``(B, T)``, or has too few frames a second for the compatibility estimator.
    """
    waves = np.asarray(waves, dtype=np.float64)
    if waves.ndim != 2:
        raise SignalError(f"waves of shape {waves.shape}, expected (B, T)")
    results: list[HeartRate | SignalError] = []
    for first in range(0, len(waves), CHUNK_ROWS):
        rows = slice(first, first + CHUNK_ROWS)
        reference = None if reference_bpm is None else np.asarray(reference_bpm, dtype=np.float64)[rows]
        found = _estimate_chunk(waves[rows], fps_hz, band_hz, reference)
        results += _with_compatible(use, waves[rows], fps_hz, found, reference, sensor) if use in ESTIMATORS else found
    return results


def defects(waves: FloatArray, fps_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> list[str | None]:
    """Reasons why no heart rate can be derived from a row of ``(B, T)``; None for sound rows."""
    B, T = waves.shape
    needed_s = PERIODS_NEEDED / band_hz[0]
    if needed_s * fps_hz > T:
        return [f"too short: {T / fps_hz:.1f} s, expected at least {needed_s:.1f} s"] * B
    finite = np.isfinite(waves)
    complete = np.all(finite, axis=1)
    filled = np.where(complete[:, None], waves, 0.0)
    spread = np.ptp(filled, axis=1)
    flat: NDArray[np.bool_] = np.asarray(spread <= 1e-12 * np.abs(filled).max(axis=1))
    straight: NDArray[np.bool_] = np.asarray(np.ptp(detrend(filled), axis=1) <= 1e-9 * spread)
    reasons: list[str | None] = [None] * B
    for row in np.flatnonzero(straight | flat):
        reasons[row] = "constant" if flat[row] else "a straight line"
    for row in np.flatnonzero(~complete):
        reasons[row] = f"not finite in {T - int(finite[row].sum())} of {T} samples"
    return reasons


def _estimate_chunk(
    waves: FloatArray, fps_hz: float, band_hz: tuple[float, float], reference_bpm: FloatArray | None
) -> list[HeartRate | SignalError]:
    reasons = defects(waves, fps_hz, band_hz)
    results: list[HeartRate | SignalError] = [SignalError(reason or "") for reason in reasons]
    sound = [row for row, reason in enumerate(reasons) if reason is None]
    if not sound:
        return results
    spectrum = power_spectrum(waves[sound], fps_hz)
    rate_hz, peak_power = highest_peak(spectrum, (band_hz[0], min(band_hz[1], fps_hz / 2)))
    for row in np.flatnonzero(np.isnan(rate_hz)):
        low, high = (60 * edge for edge in band_hz)
        results[sound[row]] = SignalError(f"no spectral peak between {low:g} and {high:g} bpm")
    peaked = np.flatnonzero(~np.isnan(rate_hz))
    sound = [sound[row] for row in peaked]
    if not sound:
        return results
    spectrum = Spectrum(spectrum.freq_hz, spectrum.power[peaked], spectrum.resolution_hz)
    rate_hz, peak_power = rate_hz[peaked], peak_power[peaked]
    quality_db = snr_db(spectrum, 60 * rate_hz if reference_bpm is None else reference_bpm[sound])
    rival_hz, rival_ratio = _rivals(spectrum, rate_hz, peak_power, band_hz)
    for i, beats_s in enumerate(beat_times(waves[sound], fps_hz, rate_hz)):
        interval_s = mean_interval_s(beats_s, float(rate_hz[i]))
        results[sound[i]] = HeartRate(
            spectrum_bpm=float(60 * rate_hz[i]),
            beats_bpm=None if np.isnan(interval_s) else 60 / interval_s,
            snr_db=float(quality_db[i]),
            rival_bpm=float(60 * rival_hz[i]) if rival_ratio[i] >= RIVAL_RATIO else None,
            rival_ratio=float(rival_ratio[i]),
            beats_s=beats_s,
        )
    return results


def _with_compatible(
    name: str,
    waves: FloatArray,
    fps_hz: float,
    rates: list[HeartRate | SignalError],
    reference_bpm: FloatArray | None,
    sensor: bool,
) -> list[HeartRate | SignalError]:
    """The rates with those of a compatibility estimator, and errors as they are."""
    estimator, completed = ESTIMATORS[name], list(rates)
    rated = {row: rate for row, rate in enumerate(rates) if isinstance(rate, HeartRate)}
    if not rated:
        return completed
    sound = list(rated)
    spectrum = (estimator.sensor_spectrum if sensor else estimator.spectrum)(waves[sound], fps_hz)
    rates_bpm = highest_bin_bpm(spectrum, estimator.band_hz)
    quality_db = None if reference_bpm is None else estimator.snr_db(spectrum, reference_bpm[sound])
    for i, (row, rate) in enumerate(rated.items()):
        snr_db = rate.snr_db if quality_db is None else float(quality_db[i])
        completed[row] = replace(rate, compatible_bpm=float(rates_bpm[i]), snr_db=snr_db)
    return completed


def _rivals(
    spectrum: Spectrum, rate_hz: FloatArray, peak_power: FloatArray, band_hz: tuple[float, float]
) -> tuple[FloatArray, FloatArray]:
    """Frequency in Hz of the stronger of double and half rate, and its power over the peak's; each ``(B,)``."""
    best_hz, best_power = np.full_like(rate_hz, np.nan), np.zeros_like(rate_hz)
    for factor in (2.0, 0.5):
        target_hz = factor * rate_hz
        # A rate that wanders spreads its harmonics; what is unresolved from the target counts as at it.
        half_width_hz = np.maximum(0.05 * target_hz, spectrum.resolution_hz)
        found_hz, power = power_near(spectrum, target_hz, half_width_hz)
        power = np.where((target_hz >= band_hz[0]) & (target_hz <= band_hz[1]), power, 0.0)
        stronger = power > best_power
        best_hz, best_power = np.where(stronger, found_hz, best_hz), np.where(stronger, power, best_power)
    return best_hz, best_power / peak_power
