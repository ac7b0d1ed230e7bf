"""Fig. 8: one frame, its differences and maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio

from rppgbench.figures.face_frames import draw_faces
from rppgbench.figures.style import NothingToDraw

pytestmark = pytest.mark.usefixtures("unprinted")


def numbers(example, tmp_path):
    return pd.read_csv(draw_faces(example, tmp_path / "fig8")[2]).set_index("quantity").value


def test_psnr_is_that_of_scikit_image(example, tmp_path):
    found = numbers(example, tmp_path)
    reference, frame = example.reference[150], example.video[150]
    assert found["frame"] == 150 and found["time_s"] == 5.0
    assert found["psnr_compressed_db"] == pytest.approx(peak_signal_noise_ratio(reference, frame), rel=1e-4)
    enhanced = peak_signal_noise_ratio(reference / 255, example.enhanced[150].astype(float), data_range=1.0)
    assert found["psnr_enhanced_db"] == pytest.approx(enhanced, rel=1e-4)
    assert found["attention_mean"] == pytest.approx(1 / 64, rel=1e-4)  # sums to 1 over 8 x 8


def test_the_amplification_doubles_when_the_differences_halve(example, tmp_path):
    gains = []
    for share in (1.0, 0.5):
        noise = share * (example.video.astype(float) - example.reference)
        video = np.rint(example.reference + noise).clip(0, 255).astype(np.uint8)
        gains.append(numbers(replace(example, video=video, enhanced=None), tmp_path)["amplification"])
    assert gains[1] == 2 * gains[0]


def test_maps_with_fewer_frames_are_shown_at_the_same_time(example, tmp_path):
    ramp = np.linspace(0, 1, 75)[:, None, None] * np.ones((1, 4, 4))  # a quarter of the video's frames
    found = numbers(replace(example, maps={"skin": ramp}), tmp_path)
    assert found["skin_mean"] == pytest.approx(0.5, abs=1 / 74)


def test_a_reference_without_maps_or_enhancer_shows_nothing(example, tmp_path):
    bare = replace(example, video=example.reference, enhanced=None, maps={})
    with pytest.raises(NothingToDraw, match="its own reference"):
        draw_faces(bare, tmp_path / "fig8")
    shown = numbers(replace(bare, maps=example.maps), tmp_path)
    assert "skin_highest" in shown.index and "psnr_enhanced_db" not in shown.index
