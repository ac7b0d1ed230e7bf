"""Labels: heart rate, beats and variability by the contact sensor in each window, with flags on their validity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.errors import SignalError
from rppgbench.signal.beats import beat_times
from rppgbench.signal.contact_sensor import beats_of_ecg_s, lead_rates_bpm, mask_stuck_spans, stuck_spans_s
from rppgbench.signal.ground_truth import pulse_wave, window_hrs
from rppgbench.signal.heart_rate import HeartRate, HeartRateSettings, ranked_rate_bpm
from rppgbench.signal.variability import LEAST_LENGTH_S, Variability, variability_or_none

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray, GroundTruth

# Two estimates of one heart rate that differ by more than this cannot both be right.
DIFFERENT_BPM = 5.0
# Clocks of cheap sensors are off by a tenth of a per cent; a start or a stop may be noted a few frames late.
CLOCK_SHARE, CLOCK_S = 0.01, 0.3
# By simulation, white noise for a sensor is below 0 dB in 93 % of windows of 10 s and 99 % of those of 30 s or more; a
# clean ECG or BVP with an SDNN of 15-70 ms at 45-170 bpm never is. Fibrillation, many extrasystoles, and rates that
# change by 20 bpm in a window may be below too: such a rate is as doubtful.
NOISY_DB = 0.0
ESTIMATORS_DIFFER = "estimators differ"
LEADS_DIFFER = "leads differ"
NOISY = "sensor noisy"
HARMONIC = "harmonic higher"
NO_BEATS = "no two beats a regular interval apart"


@dataclass(frozen=True)
class Label:
    """The contact sensor's heart rate in one window.

    ``excluded`` is the reason why the window cannot be scored, and then ``rate`` is None. ``beats_s`` are the beats in
    it on the video's clock, none where the sensor gives rates only. ``variability`` is None where they are too few
    for it. ``flags`` are reasons why a label that is scored may be wrong: "estimators differ" (beats
    and spectrum by more than 5 bpm), "leads differ" (R-peaks of two leads of an ECG by more than 5 bpm), "sensor noisy"
    (the SNR of its wave about its own rate is below 0 dB), "harmonic higher" (the highest peak of its spectrum is at
    twice its rate, and a prediction with the same wave would be read there), and "loader: ..." for each doubt of the
    dataset's loader.
    """

    rate: HeartRate | None
    variability: Variability | None = None
    flags: tuple[str, ...] = ()
    excluded: str | None = None
    beats_s: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Record of numbers, strings, lists and None."""
        record = asdict(self) | {"flags": list(self.flags), "beats_s": list(self.beats_s)}
        if self.rate is not None:
            del record["rate"]["beats_s"]  # those on the video's frames: the sensor's own stand beside the rate
            if np.isnan(self.rate.snr_db):
                record["rate"]["snr_db"] = None
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Label:
        """Label of a record made by ``to_json``."""
        rate, features = record["rate"], record["variability"]
        if rate is not None and rate["snr_db"] is None:
            rate = {**rate, "snr_db": float("nan")}
        return cls(
            rate=None if rate is None else HeartRate(**rate),
            variability=None if features is None else Variability(**features),
            flags=tuple(record["flags"]),
            excluded=record["excluded"],
            beats_s=tuple(record["beats_s"]),
        )


def label_windows(
    truth: GroundTruth,
    starts_s: FloatArray,
    n_frames: int,
    fps_hz: float,
    settings: HeartRateSettings,
    *,
    video_s: float | None = None,
    unusable: str | None = None,
) -> list[Label]:
    """Labels of the windows of ``n_frames`` at ``fps_hz`` that begin at ``starts_s``, ``(B,)``, on the video's clock.

    A window is excluded when the sensor does not cover it, has a gap or is stuck in it for more than half a second (a
    sensor is stuck when it stays at one value for more than 2 s), or has no heart rate there. All windows are excluded
    when ``clock_fault`` finds a fault, and when the truth is unusable, for the reason in ``unusable``.
    """
    starts_s = np.asarray(starts_s, dtype=np.float64)
    fault = unusable or clock_fault(truth, video_s)
    if fault is not None or not len(starts_s):
        return [Label(None, excluded=fault) for _ in starts_s]
    length_s = n_frames / fps_hz
    usable = mask_stuck_spans(truth)
    rates = window_hrs(usable, starts_s, n_frames, fps_hz, settings.band_hz, settings.use)
    reasons = [
        None if ranked_rate_bpm(rate, settings) is not None else _exclusion(truth, rate, start_s, start_s + length_s)
        for rate, start_s in zip(rates, starts_s, strict=True)
    ]
    known = [
        rate if isinstance(rate, HeartRate) and not reason else None
        for rate, reason in zip(rates, reasons, strict=True)
    ]
    flags = _flags(usable, known, starts_s, length_s)
    beats = _beats(usable, known, starts_s, length_s)
    features = [
        variability_or_none(beats_s, length_s) if len(beats_s) and length_s >= LEAST_LENGTH_S else None
        for beats_s in beats
    ]
    beat_times_s = [tuple(float(beat_s) for beat_s in beats_s) for beats_s in beats]
    return [Label(*label) for label in zip(known, features, flags, reasons, beat_times_s, strict=True)]


def clock_fault(truth: GroundTruth, video_s: float | None) -> str | None:
    """Reason why a sensor cannot be aligned with a video of ``video_s``; None when it can, or a clock is unknown.

    The video's durations by the two clocks differ by more than 1 % and more than 0.3 s.
    """
    if truth.video_s is None or not video_s:
        return None
    share = abs(truth.video_s / video_s - 1)
    if share <= CLOCK_SHARE or abs(truth.video_s - video_s) <= CLOCK_S:
        return None
    clocks = f"{truth.video_s:.1f} s against {video_s:.1f} s"
    return f"the sensor's clock and the video's disagree by {100 * share:.1f} %: {clocks}"


def _exclusion(truth: GroundTruth, rate: HeartRate | SignalError, start_s: float, end_s: float) -> str:
    """Reason why a window has no label; a rate without its ranked estimate is one without beats."""
    for first_s, last_s in stuck_spans_s(truth):
        if min(last_s, end_s) > max(first_s, start_s):
            return f"the contact sensor is stuck from {first_s:.1f} s to {last_s:.1f} s"
    reason = rate.message if isinstance(rate, SignalError) else NO_BEATS
    return reason if "contact sensor" in reason else f"contact sensor: {reason}"


def _flags(
    truth: GroundTruth, rates: Sequence[HeartRate | None], starts_s: FloatArray, length_s: float
) -> list[tuple[str, ...]]:
    """Flags of each window: none without a rate, and only the loader's for samples of heart rate."""
    doubts = tuple(f"loader: {doubt}" for doubt in truth.doubts)
    leads_differ = np.zeros(len(rates), dtype=bool)
    if truth.kind == "ecg" and truth.leads:
        by_lead = lead_rates_bpm(truth, starts_s, length_s)
        highest = np.where(np.isnan(by_lead), -np.inf, by_lead).max(axis=0)
        lowest = np.where(np.isnan(by_lead), np.inf, by_lead).min(axis=0)
        leads_differ = highest - lowest > DIFFERENT_BPM
    flags: list[tuple[str, ...]] = []
    for rate, lead_flag in zip(rates, leads_differ, strict=True):
        if rate is None:
            flags.append(())
            continue
        found = {
            ESTIMATORS_DIFFER: rate.beats_bpm is not None and abs(rate.beats_bpm - rate.spectrum_bpm) > DIFFERENT_BPM,
            LEADS_DIFFER: lead_flag,
            NOISY: rate.snr_db < NOISY_DB,  # that of samples of heart rate is NaN
            HARMONIC: rate.halved,
        }
        flags.append(tuple(flag for flag, raised in found.items() if raised) + doubts)
    return flags


def _beats(
    truth: GroundTruth, rates: Sequence[HeartRate | None], starts_s: FloatArray, length_s: float
) -> list[FloatArray]:
    """Beats of each window on the video's clock: none without a rate, or for samples of heart rate."""
    found: list[FloatArray] = [np.empty(0)] * len(rates)
    rated = [window for window, rate in enumerate(rates) if rate is not None]
    if truth.kind == "hr" or not rated:
        return found
    if truth.kind == "ecg":
        all_beats_s = beats_of_ecg_s(truth.samples, truth.times_s)
        for window in rated:
            start_s = starts_s[window]
            found[window] = all_beats_s[(all_beats_s >= start_s) & (all_beats_s < start_s + length_s)]
        return found
    rates_hz = np.array([rate.spectrum_bpm / 60 for rate in rates if rate is not None])
    for window, beats_s in zip(rated, _beats_of_bvp_s(truth, starts_s[rated], length_s, rates_hz), strict=True):
        found[window] = starts_s[window] + beats_s
    return found


def _beats_of_bvp_s(
    truth: GroundTruth, starts_s: FloatArray, length_s: float, rates_hz: FloatArray
) -> list[FloatArray]:
    """Beats of windows of a BVP relative to their starts, at the sensor's sampling rate: the video's is coarser."""
    own_hz = 1 / float(np.nanmedian(np.diff(truth.times_s)))
    waves = pulse_wave(truth, starts_s[:, None] + np.arange(round(length_s * own_hz)) / own_hz)
    known = np.isfinite(waves)  # a sensor that ends with the last frame may lack the samples behind it
    whole = known.all(axis=1)
    found: list[FloatArray] = [np.empty(0)] * len(waves)
    if whole.any():
        for window, beats_s in zip(
            np.flatnonzero(whole), beat_times(waves[whole], own_hz, rates_hz[whole]), strict=True
        ):
            found[window] = beats_s
    for window in np.flatnonzero(~whole):
        found[window] = beat_times(waves[None, window, known[window]], own_hz, rates_hz[[window]])[0]
    return found
