"""Pulse fidelity on made-up colours whose pulse, loss and noise are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.quality.pulse import CHROMINANCE, LEAST_GAIN_DB, pulse_fidelity

FPS_HZ, RATE_BPM = 30.0, 72.0
MEAN = np.array([150.0, 110.0, 90.0])
TIME_S = np.arange(900) / FPS_HZ
# Relative pulse of skin, and a wave with a second harmonic.
SKIN = np.array([0.33, 0.77, 0.53])
WAVE = np.sin(2 * np.pi * 1.2 * TIME_S) + 0.3 * np.sin(2 * np.pi * 2.4 * TIME_S + 1)


def colours(wave, *, direction=SKIN, mean=MEAN):
    """(T, 3) whose colour over its mean is exactly 1 + wave x direction, but for the wave's mean."""
    wave = np.asarray(wave)
    return mean * (1 + (wave - wave.mean())[:, None] * direction)


def fidelity(skin, reference, rate_bpm=RATE_BPM):
    found = pulse_fidelity(skin, reference, FPS_HZ, rate_bpm)
    assert found is not None
    return found.fidelity_db, found.gain_db


@pytest.mark.parametrize("gain", [0.9, 0.5, 0.1, 1.5])
def test_a_smaller_pulse_in_closed_form(gain):
    """20 log10(gain) and -20 log10 |1 - gain|; for half of it -6.02 and 6.02 dB."""
    found = fidelity(colours(0.01 * gain * WAVE), colours(0.01 * WAVE))
    assert found == pytest.approx((-20 * math.log10(abs(1 - gain)), 20 * math.log10(gain)), abs=1e-6)


def test_half_a_pulse():
    assert fidelity(colours(0.005 * WAVE), colours(0.01 * WAVE)) == pytest.approx((6.0206, -6.0206), abs=1e-4)


def test_an_equal_pulse_has_infinite_fidelity():
    assert fidelity(colours(0.01 * WAVE), colours(0.01 * WAVE)) == (math.inf, pytest.approx(0, abs=1e-9))


def test_an_erased_pulse_and_one_upside_down():
    reference = colours(0.01 * WAVE)
    erased = fidelity(np.tile(MEAN, (900, 1)), reference)
    assert erased == (pytest.approx(0, abs=1e-9), LEAST_GAIN_DB)
    inverted = fidelity(colours(-0.01 * WAVE), reference)
    assert inverted == (pytest.approx(-6.0206, abs=1e-4), LEAST_GAIN_DB)


def test_light_that_all_channels_share_and_gains_of_channels_do_not_matter():
    """Neither flicker common to all channels, nor a white balance."""
    reference = colours(0.01 * WAVE)
    flicker = 0.05 * np.random.RandomState(0).standard_normal(900)
    lit = reference + MEAN * (flicker - flicker.mean())[:, None]
    assert fidelity(lit, reference)[0] > 200
    tinted = pulse_fidelity(reference * [0.9, 1.2, 0.5], reference, FPS_HZ, RATE_BPM)
    assert tinted is not None
    assert tinted.fidelity_db > 200
    assert tinted.gain_db == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("noise_hz", [0.3, 0.9, 1.8, 3.5])
def test_what_lies_outside_the_pulses_band_does_not_matter(noise_hz):
    """But for what a Hann window lets through six bins away, where the nearest edge of the band is."""
    reference = colours(0.01 * WAVE)
    moved = reference + colours(0.01 * np.sin(2 * np.pi * noise_hz * TIME_S), direction=[1, 0, -1]) - MEAN
    assert fidelity(moved, reference)[0] > 45


def test_noise_in_the_band_in_closed_form():
    """A wave at right angles to the pulse in time, of a tenth of its amplitude: 20 dB, and none of the pulse lost."""
    sine, cosine = np.sin(2 * np.pi * 1.2 * TIME_S), np.cos(2 * np.pi * 1.2 * TIME_S)
    found = fidelity(colours(0.01 * sine + 0.001 * cosine), colours(0.01 * sine))
    assert found == pytest.approx((20, 0), abs=0.05)


def test_it_is_a_plain_reading_of_its_definition():
    """The same sums by a Fourier integral at the same frequencies, one by one."""
    random = np.random.RandomState(1)
    reference, skin = (MEAN + 2 * random.standard_normal((900, 3)) for _ in range(2))
    hann = np.array([math.sin(math.pi * (n + 0.5) / 900) ** 2 for n in range(900)])
    energy = error = product = 0.0
    length = 3750  # the least 2^a 3^b 5^c of at least 30 / 0.008 frames
    for k in range(length // 2 + 1):
        f_hz = k * FPS_HZ / length
        if not (abs(f_hz - 1.2) <= 0.1 or abs(f_hz - 2.4) <= 0.2):
            continue
        spectra = []
        for trace in (reference, skin):
            relative = trace / trace.mean(axis=0) - 1
            flat = np.stack([c - np.polyval(np.polyfit(TIME_S, c, 1), TIME_S) for c in relative.T])
            spectra.append([(c * hann * np.exp(-2j * np.pi * f_hz * TIME_S)).sum() for c in flat])
        for row in ([0, 1, -1] / np.sqrt(2), [-2, 1, 1] / np.sqrt(6)):
            r, s = (np.dot(row, spectrum) for spectrum in spectra)
            energy, error = energy + abs(r) ** 2, error + abs(s - r) ** 2
            product += (r.conjugate() * s).real
    expected = (10 * math.log10(energy / error), 20 * math.log10(max(product / energy, 0.01)))
    assert fidelity(skin, reference) == pytest.approx(expected, abs=1e-6)


def test_the_directions_are_orthonormal_and_see_no_grey():
    np.testing.assert_allclose(CHROMINANCE @ CHROMINANCE.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(CHROMINANCE.sum(axis=1), 0, atol=1e-12)


def test_without_rate_colours_or_pulse_there_is_no_fidelity():
    reference = colours(0.01 * WAVE)
    hole = reference.copy()
    hole[400] = np.nan
    assert pulse_fidelity(reference, reference, FPS_HZ, None) is None
    assert pulse_fidelity(reference, reference, FPS_HZ, float("nan")) is None
    assert pulse_fidelity(reference, reference, FPS_HZ, 60 * FPS_HZ / 2) is None
    assert pulse_fidelity(hole, reference, FPS_HZ, RATE_BPM) is None
    assert pulse_fidelity(reference, hole, FPS_HZ, RATE_BPM) is None
    assert pulse_fidelity(np.zeros((900, 3)), reference, FPS_HZ, RATE_BPM) is None
    assert pulse_fidelity(reference, np.tile(MEAN, (900, 1)), FPS_HZ, RATE_BPM) is None, "no pulse to be faithful to"


def test_colours_of_other_shapes_are_refused():
    with pytest.raises(SignalError, match=r"\(899, 3\) and \(900, 3\), expected \(T, 3\) twice"):
        pulse_fidelity(colours(WAVE)[:-1], colours(WAVE), FPS_HZ, RATE_BPM)
    with pytest.raises(SignalError):
        pulse_fidelity(WAVE, WAVE, FPS_HZ, RATE_BPM)
