"""Measured videos, against the known beats of their faces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rppgbench.errors import MediaError, NoFaceFound, PluginError, SignalError, UnknownName
from rppgbench.measurement.measure_video import MeasureSettings, measure_video, predictor_of, suggested_method
from rppgbench.registry import Registry, load_registry


def settings(**changes: Any) -> MeasureSettings:
    return MeasureSettings(**{"method": "pos", "predictor": load_registry().create("method", "pos"), **changes})


@pytest.mark.parametrize("video", ["face_video", "phone_video", "slow_video"])
def test_the_rate_is_found(video: str, request: pytest.FixtureRequest, true_bpm: float) -> None:
    measured = measure_video(request.getfixturevalue(video), settings())
    # Twelve seconds resolve 5 bpm; a clear peak is placed within a third of that.
    assert measured.windows[0].spectrum_bpm == pytest.approx(true_bpm, abs=2.5)
    assert measured.track.found_share > 0.9


def test_a_clear_pulse_is_reliable(face_video: Path, true_bpm: float) -> None:
    measured = measure_video(face_video, settings())
    assert measured.hr_bpm == pytest.approx(true_bpm, abs=2.5)
    assert [window.reliable for window in measured.windows] == [True]
    assert any("shorter than a window of 30 s" in note for note in measured.notes)


def test_windows_step_through_the_video(face_video: Path) -> None:
    measured = measure_video(face_video, settings(window_s=8.0, step_s=2.0))
    assert [window.start_s for window in measured.windows] == [0.0, 2.0, 4.0]
    assert all(window.end_s - window.start_s == pytest.approx(8.0) for window in measured.windows)
    assert all(wave is not None and np.isfinite(wave).all() for wave in measured.waves)


def test_noise_has_no_reliable_pulse_and_no_face(wall_video: Path) -> None:
    measured = measure_video(wall_video, settings(roi="full"))
    assert measured.hr_bpm is None
    assert not any(window.reliable for window in measured.windows)
    with pytest.raises(NoFaceFound):
        measure_video(wall_video, settings())


def test_a_short_video_is_refused(tmp_path: Path, face_video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rppgbench.measurement.measure_video.LEAST_S", 60.0)
    with pytest.raises(SignalError, match=r"face\.mp4: 12\.0 s long, expected at least 60 s"):
        measure_video(face_video, settings())


def test_a_truncated_video_is_measured_as_far_as_it_goes(tmp_path: Path, wall_video: Path) -> None:
    whole = wall_video.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(whole[: int(0.65 * len(whole))])
    measured = measure_video(cut, settings(roi="full"))
    assert measured.windows[-1].end_s < 10
    assert any("could be read" in note for note in measured.notes)


def test_a_missing_file_names_the_near_one(face_video: Path) -> None:
    with pytest.raises(MediaError) as caught:
        measure_video(face_video.with_name("fase.mp4"), settings())
    assert caught.value.hint is not None and "face.mp4" in caught.value.hint


def test_methods_that_need_training_are_refused() -> None:
    registry = load_registry()
    with pytest.raises(PluginError, match="has to be trained"):
        predictor_of(registry.method("mean_hr"), lambda: None)


def test_the_suggested_method_is_one_that_measures() -> None:
    registry = load_registry()
    name = suggested_method(registry)
    assert predictor_of(registry.method(name), lambda: name) == name
    with pytest.raises(UnknownName, match="no installed plugin suggests a method"):
        suggested_method(Registry())
