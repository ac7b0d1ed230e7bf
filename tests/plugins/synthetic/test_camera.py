"""Pulse in rendered frames against the simulated blood volume."""

import numpy as np
import pytest

from rppgbench_synthetic.camera import PULSE_COLOUR
from rppgbench_synthetic.looks import looks_of
from rppgbench_synthetic.synthetic_dataset import Synthetic

FPS_HZ = 30.0


def spectral_hr_bpm(wave):
    """The highest peak of a Hann periodogram between 0.7 and 4 Hz, on a grid of 0.1 bpm."""
    n_fft = int(60 * FPS_HZ / 0.1)
    power = np.abs(np.fft.rfft((wave - wave.mean()) * np.hanning(len(wave)), n_fft)) ** 2
    freq_hz = np.fft.rfftfreq(n_fft, 1 / FPS_HZ)
    band = (freq_hz >= 0.7) & (freq_hz <= 4.0)
    return 60 * freq_hz[band][power[band].argmax()]


def plane_orthogonal_to_skin(trace):
    """Wang et al. 2017, Algorithm 1, written from the paper."""
    length = int(np.ceil(1.6 * FPS_HZ))
    wave = np.zeros(len(trace))
    for start in range(len(trace) - length + 1):
        window = trace[start : start + length]
        window = window / window.mean(axis=0)
        first, second = window[:, 1] - window[:, 2], window[:, 1] + window[:, 2] - 2 * window[:, 0]
        projected = first + first.std() / second.std() * second
        wave[start : start + length] += projected - projected.mean()
    return wave


@pytest.fixture(scope="module")
def still():
    return Synthetic(subjects=6, recordings=("rest",), motions=("still",), duration_s=10.0)


@pytest.mark.parametrize("subject", [1, 2])
def test_the_pulse_of_still_skin_is_the_one_put_in(still, skin_traces, subject):
    recording = still.recordings()[subject]
    skin, background = skin_traces(still, recording)
    pulse = still.body(recording).face_pulse(np.arange(len(skin)) / FPS_HZ)
    # The light falls on skin and background alike, and a still head hardly turns in it; blood darkens.
    darkening = -np.log(skin / background)
    assert np.corrcoef(darkening[:, 1], pulse)[0, 1] > 0.9

    slopes = np.array([np.polyfit(pulse, darkening[:, colour], 1)[0] for colour in range(3)])
    session = still._session(recording)
    # Pulse strength is 0.55-1.35 over the face, about 1 in the mean, and highlights carry none.
    assert 0.85 < slopes[1] / looks_of(session.subject).pulse_share < 1.1
    np.testing.assert_allclose(slopes / slopes[1], PULSE_COLOUR, atol=0.05)


def test_the_darkest_skin_has_half_a_percent(still, skin_traces):
    recording = still.recordings()[5]
    assert recording.tags["skin_tone"] == "VI"
    skin, background = skin_traces(still, recording)
    pulse = still.body(recording).face_pulse(np.arange(len(skin)) / FPS_HZ)
    assert 0.004 < np.polyfit(pulse, -np.log(skin / background)[:, 1], 1)[0] < 0.008


def test_the_background_has_no_pulse(still, skin_traces):
    recording = still.recordings()[1]
    _, background = skin_traces(still, recording)
    pulse = still.body(recording).face_pulse(np.arange(len(background)) / FPS_HZ)
    # Light common to all channels cancels in the ratio, which the pulse of skin does not.
    assert abs(np.corrcoef(background[:, 1] / background[:, 0], pulse)[0, 1]) < 0.3


@pytest.mark.parametrize("motion", ["small", "talk"])
def test_the_heart_rate_survives_motion(skin_traces, motion):
    dataset = Synthetic(subjects=3, recordings=("rest",), motions=(motion,), duration_s=20.0)
    recording = dataset.recordings()[2]
    skin, _ = skin_traces(dataset, recording)
    beats_s = dataset.ground_truth(recording).beats_s
    within = beats_s[(beats_s >= 0) & (beats_s <= 20.0)]
    assert spectral_hr_bpm(plane_orthogonal_to_skin(skin)) == pytest.approx(60 / np.diff(within).mean(), abs=1.5)


def test_noise_is_the_sensors(small):
    # Two still frames of a wall differ by the noise of both: sqrt(2) of about 1.2-2 grey levels, more in the dark.
    first, second = list(small.frames(small.recordings()[1]))[:2]
    difference = first[:60, :40].astype(float) - second[:60, :40]
    assert 1.0 < difference.std() / np.sqrt(2) < 3.0


def test_masks_are_skin(small):
    for recording in small.recordings()[::2]:
        frame, mask = next(small.frames_with_masks(recording))
        assert mask.shape == frame.shape[:2]
        assert 0.08 < mask.mean() < 0.30
        red, _, blue = frame[mask].mean(axis=0)
        assert red > blue
