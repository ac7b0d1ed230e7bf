"""The figure: drawn for landscape and portrait, with and without a wave."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from rppgbench.measurement.measure_video import MeasureSettings, measure_video
from rppgbench.measurement.measurement_figure import draw_measurement
from rppgbench.registry import load_registry


@pytest.mark.parametrize(("video", "roi"), [("face_video", "face"), ("phone_video", "face"), ("wall_video", "full")])
def test_a_figure_is_drawn(video: str, roi: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    settings = MeasureSettings("pos", load_registry().create("method", "pos"), roi="full" if roi == "full" else "face")
    target = tmp_path / "out.png"
    draw_measurement(measure_video(request.getfixturevalue(video), settings), target)
    picture = cv2.imread(str(target))
    assert picture is not None and picture.shape[0] > 600
    # The box and the wave of a reliable pulse are drawn in red (B, G, R = 46, 16, 200).
    red = (abs(picture.astype(int) - [46, 16, 200]).sum(axis=2) < 20).sum()
    assert red > 500 if roi == "face" else red == 0
