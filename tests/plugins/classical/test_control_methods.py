from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import FittedMethod, TrainingWindow
from rppgbench.errors import PluginError, SignalError
from rppgbench.signal.heart_rate import estimate_rate
from rppgbench_classical.control_methods import MeanHeartRate, WhiteNoise


def windows(*rates_bpm: float) -> list[TrainingWindow]:
    return [TrainingWindow(trace=None, fps_hz=30.0, hr_bpm=hr_bpm) for hr_bpm in rates_bpm]


def test_noise_is_the_same_whatever_the_last_bits_of_the_colours(simulate):
    traces, _ = simulate(3, 300)
    elsewhere = traces * (1 + 1e-12)
    np.testing.assert_array_equal(WhiteNoise().predict(traces, 30.0), WhiteNoise().predict(elsewhere, 30.0))
    assert np.any(WhiteNoise().predict(traces, 30.0) != WhiteNoise().predict(traces + 0.01, 30.0))


def test_noise_is_white_and_its_own_for_each_clip(simulate):
    traces, _ = simulate(30, 900)
    noise = WhiteNoise().predict(traces, 30.0)
    np.testing.assert_array_equal(noise, WhiteNoise().predict(traces, 30.0))
    assert np.abs(np.corrcoef(noise)[~np.eye(30, dtype=bool)]).max() < 0.2
    lagged = (noise[:, 1:] * noise[:, :-1]).mean() / (noise**2).mean()
    assert abs(lagged) < 0.03
    assert noise.mean() == pytest.approx(0, abs=0.02)
    assert noise.var() == pytest.approx(1 / 3, rel=0.02)  # uniform in [-1, 1)


def test_mean_hr_predicts_the_mean_of_what_it_saw(simulate):
    method = MeanHeartRate()
    assert isinstance(method, FittedMethod)
    method.fit(windows(60, 70, float("nan"), 95))
    waves = method.predict(simulate(2, 900)[0], 30.0)
    assert estimate_rate(waves[1], 30.0).beats_bpm == pytest.approx(75, abs=0.05)
    np.testing.assert_array_equal(waves[0], waves[1])


def test_mean_hr_is_all_in_its_state(simulate):
    learnt, loaded = MeanHeartRate(), MeanHeartRate()
    learnt.fit(windows(61.5, 82.25))
    loaded.load(learnt.state())
    traces, _ = simulate(1, 300)
    np.testing.assert_array_equal(loaded.predict(traces, 30.0), learnt.predict(traces, 30.0))


def test_mean_hr_without_training_says_so(simulate):
    with pytest.raises(PluginError, match="learnt nothing"):
        MeanHeartRate().predict(simulate(1, 300)[0], 30.0)
    with pytest.raises(PluginError, match="learnt nothing"):
        MeanHeartRate().state()
    with pytest.raises(SignalError, match="none of 1 training windows"):
        MeanHeartRate().fit(windows(float("nan")))
