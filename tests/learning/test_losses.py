from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from rppgbench.errors import SignalError
from rppgbench.learning.losses import negative_pearson


def waves(B: int = 3, T: int = 64, seed: int = 0) -> Tensor:
    return torch.randn(B, T, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 40.0])
@pytest.mark.parametrize("offset", [-5.0, 0.0, 7.0])
def test_the_loss_is_0_in_phase_and_2_in_opposition(scale: float, offset: float) -> None:
    """Closed form: Pearson's correlation with a y + b is the sign of a."""
    y = waves()
    assert float(negative_pearson(y, scale * y + offset)) == pytest.approx(0, abs=1e-4)
    assert float(negative_pearson(y, -scale * y + offset)) == pytest.approx(2, abs=1e-4)


def test_it_is_one_minus_the_mean_of_scipys_correlations() -> None:
    one, other = waves(seed=1), waves(seed=2)
    rs = [stats.pearsonr(a, b).statistic for a, b in zip(one.numpy(), other.numpy(), strict=True)]
    assert float(negative_pearson(one, other)) == pytest.approx(1 - np.mean(rs), abs=1e-6)


def test_it_is_equation_5_as_printed() -> None:
    """The raw moments of Yu et al., ICCV 2019, equation 5, in double precision."""
    y, g = waves(1, seed=1).double(), (waves(1, seed=1) + waves(1, seed=2)).double()
    T = y.shape[1]
    top = T * (y * g).sum() - y.sum() * g.sum()
    bottom = torch.sqrt((T * (y * y).sum() - y.sum() ** 2) * (T * (g * g).sum() - g.sum() ** 2))
    assert float(negative_pearson(y, g)) == pytest.approx(float(1 - top / bottom), abs=1e-6)


def test_its_gradient_is_that_of_the_closed_form() -> None:
    """dr/dy = (z_g - r z_y) / |y - mean y|, with z of zero mean and unit norm."""
    y, g = waves(1, seed=1).requires_grad_(), waves(1, seed=2)
    negative_pearson(y, g).backward()
    centred = (y - y.mean()).detach()
    z_y, z_g = centred / centred.norm(), (g - g.mean()) / (g - g.mean()).norm()
    wanted = -(z_g - (z_y * z_g).sum() * z_y) / centred.norm()
    torch.testing.assert_close(y.grad, wanted, atol=1e-6, rtol=1e-4)


def test_a_constant_wave_correlates_with_nothing_and_breaks_nothing() -> None:
    flat = torch.full((2, 64), 3.0, requires_grad=True)
    loss = negative_pearson(flat, waves(2))
    loss.backward()
    assert loss.item() == 1.0
    assert flat.grad is not None and bool(flat.grad.isfinite().all())


def test_tiny_waves_keep_their_digits() -> None:
    y = waves()
    assert float(negative_pearson(1e-6 * y, y)) == pytest.approx(0, abs=1e-4)


def test_half_precision_comes_in_and_a_float_goes_out() -> None:
    y, g = waves(seed=1), waves(seed=2)
    loss = negative_pearson(y.bfloat16(), g)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(negative_pearson(y, g)), abs=0.01)


@pytest.mark.parametrize("late", [-4, -1, 0, 3])
def test_a_delay_within_max_shift_has_no_loss(late: int) -> None:
    long = waves(2, 100)
    prediction, target = long[:, 10 - late : 74 - late], long[:, 10:74]
    assert float(negative_pearson(prediction, target, max_shift=4)) == pytest.approx(0, abs=1e-5)
    if late:
        assert float(negative_pearson(prediction, target, max_shift=abs(late) - 1)) > 0.5  # noise: nothing else fits


def test_each_clip_of_a_batch_finds_its_own_shift() -> None:
    long = waves(2, 100)
    prediction = torch.stack([long[0, 8:72], long[1, 13:77]])
    assert float(negative_pearson(prediction, long[:, 10:74], max_shift=3)) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("one", "other", "max_shift", "says"),
    [
        ((2, 64), (2, 63), 0, r"\(2, 64\) and \(2, 63\)"),
        ((64,), (64,), 0, r"expected \(B, T\) twice"),
        ((2, 1), (2, 1), 0, "1 of 1 frames"),
        ((2, 8), (2, 8), 7, "1 of 8 frames"),
        ((2, 8), (2, 8), -1, "shift of -1"),
    ],
)
def test_shapes_that_cannot_be_compared_are_refused(
    one: tuple[int, ...], other: tuple[int, ...], max_shift: int, says: str
) -> None:
    with pytest.raises(SignalError, match=says):
        negative_pearson(torch.randn(one), torch.randn(other), max_shift=max_shift)
