"""Small sets of rendered recordings."""

import numpy as np
import pytest

from rppgbench_synthetic.synthetic_dataset import Synthetic


@pytest.fixture
def small():
    """Six subjects, one of each skin tone, one second each."""
    return Synthetic(subjects=6, duration_s=1.0)


@pytest.fixture
def skin_traces():
    """``(dataset, recording) -> (skin, background)``, each (T, 3): means where skin is, and of the upper corners."""

    def measure(dataset, recording):
        rows = []
        for frame, mask in dataset.frames_with_masks(recording):
            corners = np.concatenate([frame[:80, :50], frame[:80, -50:]], axis=1)
            rows.append((frame[mask].mean(axis=0), corners.mean(axis=(0, 1))))
        skin, background = (np.array(column) for column in zip(*rows, strict=True))
        return skin, background

    return measure
