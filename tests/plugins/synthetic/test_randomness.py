"""Random numbers against closed forms, and against themselves."""

import numpy as np
import pytest
import scipy.stats

from rppgbench_synthetic.randomness import normals, on_grid, stream, wander


def test_a_stream_is_its_name():
    assert stream(0, "s01").random_sample() == stream(0, "s01").random_sample()
    assert stream(0, "s01").random_sample() != stream(0, "s02").random_sample()


def test_the_stream_is_the_one_that_boards_were_made_with():
    # Frozen by NumPy's policy for RandomState; a change here changes every rendered byte.
    assert stream("frozen").randint(0, 1 << 30, 3).tolist() == [624618215, 460957035, 468834073]


def test_deviates_are_nearly_normal_and_exact_multiples():
    values = normals(stream("normal"), 200_000)
    assert abs(values.mean()) < 4 / np.sqrt(200_000)
    assert values.std() == pytest.approx(1.0, abs=0.01)
    # Excess kurtosis of a sum of n uniforms is -1.2 / n.
    assert scipy.stats.kurtosis(values) == pytest.approx(-0.1, abs=0.05)
    assert np.array_equal(values * 256, np.rint(values * 256))


def test_wandering_has_unit_variance_and_its_time_scale():
    values = wander(stream("wander"), 200_000, 30.0, 0.5)
    assert abs(values.mean()) < 0.1
    assert values.std() == pytest.approx(1.0, abs=0.06)
    # The autocorrelation of Gaussian-filtered white noise is exp(-lag^2 / (4 tau^2)): exp(-1/4) at lag tau.
    lag = 15
    assert np.corrcoef(values[:-lag], values[lag:])[0, 1] == pytest.approx(np.exp(-0.25), abs=0.03)


def test_a_grid_swallows_the_last_place():
    values = np.linspace(-3.0, 3.0, 1001)
    np.testing.assert_array_equal(on_grid(values, 12), on_grid(np.nextafter(values, 9.0), 12))
    np.testing.assert_allclose(on_grid(values, 12), values, atol=2.0**-13)
