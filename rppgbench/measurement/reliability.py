"""Reliability of a window's heart rate."""

from __future__ import annotations

import numpy as np

# Signal-to-noise ratio, by length of window, that 1 in 100 windows of noise exceeds whose rates by spectrum and by
# beats agree. The noise has most false alarms: slow (autoregressive, 0.9 from frame to frame, as large in each colour
# but independent), through POS; of white noise it is fewer than 1 in 1000. From 600 windows a length at 15 and 30 fps.
_WINDOW_S = (8.0, 15.0, 30.0, 60.0)
_SNR_DB = (1.5, 1.0, 0.0, -0.5)
AGREEMENT_BPM = 5.0


def least_snr_db(window_s: float) -> float:
    """Least signal-to-noise ratio in dB of a reliable pulse in a window of that length (1 % false alarms)."""
    return float(np.interp(window_s, _WINDOW_S, _SNR_DB))


def reason_for_doubt(snr_db: float, spectrum_bpm: float, beats_bpm: float | None, window_s: float) -> str | None:
    """Reason why a window's heart rate is not reliable; None if it is."""
    least = least_snr_db(window_s)
    if snr_db < least:
        return f"pulse not distinct from noise: {snr_db:.1f} dB, {least:.1f} dB needed"
    if beats_bpm is None:
        return "no regular beats"
    if abs(spectrum_bpm - beats_bpm) > AGREEMENT_BPM:
        return f"spectrum and beats disagree: {spectrum_bpm:.0f} and {beats_bpm:.0f} bpm"
    return None
