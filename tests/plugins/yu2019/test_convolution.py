"""The factorised layers against torch's 3-D layers, an independent implementation that has the same parameters."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rppgbench_yu2019.convolution import (
    SpatialConv,
    TemporalConv,
    as_columns,
    as_frames,
    from_columns,
    from_frames,
)

ROUNDING = 2e-5  # float32 sums of a few hundred products of the order of one
ROUNDING_OF_SUMS = 2e-4  # of a few thousand, as gradients of weights are


@pytest.fixture(autouse=True)
def _same_weights() -> None:
    torch.manual_seed(0)


def clip(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def channels_first(x: Tensor) -> Tensor:
    return x.permute(0, 4, 1, 2, 3).contiguous()


def channels_last(x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 4, 1)


LAYERS = [
    (SpatialConv, {"size": 1}, {"kernel_size": (1, 1, 1)}),
    (SpatialConv, {"size": 3}, {"kernel_size": (1, 3, 3), "padding": (0, 1, 1)}),
    (SpatialConv, {"size": 5, "bias": False}, {"kernel_size": (1, 5, 5), "padding": (0, 2, 2), "bias": False}),
    (SpatialConv, {"size": 4, "stride": 2}, {"kernel_size": (1, 4, 4), "stride": (1, 2, 2), "padding": (0, 1, 1)}),
    (TemporalConv, {"size": 3}, {"kernel_size": (3, 1, 1), "padding": (1, 0, 0)}),
    (TemporalConv, {"size": 5, "bias": False}, {"kernel_size": (5, 1, 1), "padding": (2, 0, 0), "bias": False}),
    (TemporalConv, {"size": 4, "stride": 2}, {"kernel_size": (4, 1, 1), "stride": (2, 1, 1), "padding": (1, 0, 0)}),
]


@pytest.mark.parametrize(("layer", "mine", "theirs"), LAYERS)
def test_a_layer_is_the_3d_convolution_of_its_kernel(layer: type[nn.Module], mine: dict, theirs: dict) -> None:
    factorised, plain = layer(5, 6, **mine), nn.Conv3d(5, 6, **theirs)
    plain.load_state_dict(factorised.state_dict())
    x, y = clip(2, 7, 6, 10, 5).requires_grad_(), clip(2, 7, 6, 10, 5).requires_grad_()
    made, wanted = factorised(x), channels_last(plain(channels_first(y)))
    torch.testing.assert_close(made, wanted, atol=ROUNDING, rtol=0)
    pull = torch.randn(made.shape)
    made.backward(pull)
    wanted.backward(pull)
    torch.testing.assert_close(x.grad, y.grad, atol=ROUNDING, rtol=0)
    for one, other in zip(factorised.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=ROUNDING_OF_SUMS, rtol=0)


def test_views_cost_nothing_and_come_back() -> None:
    x = clip(2, 3, 4, 5, 6)
    for view, back in ((as_frames(x), from_frames(as_frames(x), 2)), (as_columns(x), from_columns(as_columns(x), 4))):
        assert view.data_ptr() == x.data_ptr()
        assert view.is_contiguous(memory_format=torch.channels_last)
        assert back.data_ptr() == x.data_ptr()
        assert torch.equal(back, x)


@pytest.mark.parametrize("layer", [SpatialConv(3, 8, 3), TemporalConv(3, 8, 3)])
def test_colour_stays_last_in_memory(layer: nn.Module) -> None:
    assert layer(clip(2, 6, 8, 8, 3)).is_contiguous()
    assert layer.eval()(clip(2, 6, 8, 8, 3)).is_contiguous()
