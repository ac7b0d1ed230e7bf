"""Conversion between NumPy clips and tensors."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - only if there is torch

from rppgbench.errors import SignalError  # noqa: E402
from rppgbench.learning.inference import as_array, as_video, device_of  # noqa: E402

BYTES = np.arange(2 * 3 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 3, 2, 2, 3)


def test_bytes_and_floats_give_the_same_tensor():
    network = nn.Linear(1, 1)
    from_bytes = as_video(BYTES, network)
    assert from_bytes.dtype == torch.float32
    np.testing.assert_array_equal(from_bytes.numpy(), BYTES.astype(np.float32) / np.float32(255))
    for same in (BYTES.astype(np.float32) / np.float32(255), torch.from_numpy(BYTES), from_bytes):
        assert torch.equal(as_video(same, network), from_bytes)


def test_clips_mapped_from_disk_are_taken_without_a_warning(tmp_path):
    np.save(tmp_path / "clips.npy", BYTES)
    mapped, network = np.load(tmp_path / "clips.npy", mmap_mode="r"), nn.Linear(1, 1)
    assert torch.equal(as_video(mapped, network), as_video(BYTES, network))
    assert torch.equal(as_video(mapped[:, :, :, ::-1], network), as_video(BYTES[:, :, :, ::-1].copy(), network))


@pytest.mark.parametrize("shape", [(3, 2, 2, 3), (1, 3, 2, 2, 4), (1, 3, 2, 2)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(SignalError, match=r"expected \(B, T, H, W, 3\)"):
        as_video(np.zeros(shape, np.float32), nn.Linear(1, 1))


def test_a_network_without_weights_is_on_the_cpu():
    assert device_of(nn.Identity()) == torch.device("cpu")
    assert device_of(nn.Linear(1, 1, device="meta")) == torch.device("meta")


def test_an_array_is_float32_for_every_precision():
    wave = torch.ones(2, dtype=torch.bfloat16, requires_grad=True)
    assert as_array(wave).dtype == np.float32
