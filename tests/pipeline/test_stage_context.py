"""Clips in the store as a task reads them."""

from __future__ import annotations

import numpy as np

from rppgbench.pipeline.stage_context import LazyArray


def test_slices_are_read_and_nothing_is_held(tmp_path):
    array = np.arange(60, dtype=np.uint8).reshape(5, 2, 2, 3)
    np.save(tmp_path / "crops.npy", array)
    stored = LazyArray(tmp_path / "crops.npy")
    assert (len(stored), stored.shape) == (5, array.shape)
    part = stored[1:3]
    assert type(part) is np.ndarray and part.base is None, "a copy, no view of a mapped file"
    np.testing.assert_array_equal(part, array[1:3])
    assert stored[4:9].shape == (1, 2, 2, 3)
    np.save(tmp_path / "crops.npy", array + 1)
    np.testing.assert_array_equal(stored[:1], array[:1] + 1)
