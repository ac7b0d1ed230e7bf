"""Heart, breath and blood volume with exactly known beats.

Beats come from integral pulse frequency modulation of RR(t) = 60 / HR + respiratory sinus arrhythmia + Mayer wave +
slow drift, so that heart rate and its variability are known instead of estimated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rppgbench_synthetic.randomness import on_grid, stream, wander

RATE_HZ = 256.0
MARGIN_S = 6.0

Samples = NDArray[np.float64]

# Systolic, dicrotic and late diastolic wave of one beat: place and width in beats, height.
_FACE_WAVES = ((0.20, 0.085, 1.0), (0.47, 0.12, 0.42), (0.70, 0.12, 0.12))
_FINGER_WAVES = ((0.17, 0.070, 1.0), (0.43, 0.10, 0.50), (0.68, 0.12, 0.10))


@dataclass(frozen=True, kw_only=True)
class Physiology:
    """Physiology of one session on the video's clock, which starts at 0 s.

    ``beats_s`` are the R-peaks, from before the start to after the end. ``respiration_hz`` is the rate that modulates
    them; ``pulse_delay_s`` is the delay of the face's pulse behind the R-peak.
    """

    hr_bpm: float
    respiration_hz: float
    pulse_delay_s: float
    beats_s: Samples
    breath_times_s: Samples
    breath: Samples

    def face_pulse(self, times_s: Samples) -> Samples:
        """Blood volume in the skin of the face, systole up, about 1 from foot to peak and of zero mean."""
        return self._volume(times_s, self.pulse_delay_s, _FACE_WAVES)

    def finger_pulse(self, times_s: Samples) -> Samples:
        """Blood volume in a finger: later and with a clearer dicrotic wave than in the face."""
        return self._volume(times_s, self.pulse_delay_s + 0.06, _FINGER_WAVES)

    def respiration(self, times_s: Samples) -> Samples:
        """Breath in [-1, 1], inspiration up."""
        return np.asarray(np.interp(times_s, self.breath_times_s, self.breath), dtype=np.float64)

    def _volume(self, times_s: Samples, delay_s: float, waves: tuple[tuple[float, float, float], ...]) -> Samples:
        phase = np.interp(times_s - delay_s, self.beats_s, np.arange(len(self.beats_s))) % 1.0
        volume = np.zeros_like(phase)
        for place, width, height in waves:
            for turn in (-1.0, 0.0, 1.0):
                volume += height * np.exp(-0.5 * ((phase - place + turn) / width) ** 2)
        mean = sum(height * width for _, width, height in waves) * np.sqrt(2 * np.pi)
        depth = 1.0 + 0.08 * self.respiration(times_s - 0.5)
        return np.asarray((volume - mean) * depth, dtype=np.float64)


def simulate(seed: int, subject: str, session: str, hr_bpm: float, duration_s: float) -> Physiology:
    """Physiology of ``subject`` in ``session``; a subject's own traits are the same in all sessions.

    The standard deviation of RR is 15-70 ms at rest and shrinks with the square of the mean RR.
    """
    person = stream(seed, subject, "physiology")
    arrhythmia_s = person.uniform(0.012, 0.045)
    mayer_s = person.uniform(0.010, 0.040)
    breathing_hz = person.uniform(0.17, 0.28)
    delay_s = person.uniform(0.15, 0.30)

    rng = stream(seed, subject, session, "physiology")
    if session == "exercise":
        breathing_hz += rng.uniform(0.04, 0.10)
    mayer_hz = rng.uniform(0.08, 0.12)
    phases = rng.uniform(0.0, 2 * np.pi, 2)

    n_samples = int(np.ceil((duration_s + 2 * MARGIN_S) * RATE_HZ))
    times_s = np.arange(n_samples) / RATE_HZ - MARGIN_S
    breath_rate_hz = breathing_hz * (1.0 + 0.03 * wander(rng, n_samples, RATE_HZ, 4.0))
    breath = np.sin(2 * np.pi * np.cumsum(breath_rate_hz) / RATE_HZ + phases[0])

    mean_rr_s = 60.0 / hr_bpm
    shrink = (mean_rr_s / 0.85) ** 2 * np.sqrt(2.0)
    rr_s = mean_rr_s + shrink * arrhythmia_s * breath
    rr_s += shrink * mayer_s * np.sin(2 * np.pi * mayer_hz * times_s + phases[1])
    rr_s += 0.008 * (mean_rr_s / 0.85) ** 2 * wander(rng, n_samples, RATE_HZ, 8.0)
    rr_s = np.maximum(rr_s, 0.3)

    cycles = np.cumsum(1.0 / rr_s) / RATE_HZ
    whole = np.arange(np.ceil(cycles[0]), np.floor(cycles[-1]) + 1)
    return Physiology(
        hr_bpm=hr_bpm,
        respiration_hz=breathing_hz,
        pulse_delay_s=delay_s,
        beats_s=on_grid(np.interp(whole, cycles, times_s), 20),
        breath_times_s=times_s,
        breath=breath,
    )
