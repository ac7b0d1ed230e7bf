"""Overviews of recordings against the simulated truth, and their figures."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rppgbench.contracts import GroundTruth
from rppgbench.datasets.overview_figure import draw_overview
from rppgbench.datasets.recording_overview import inspect_recording
from rppgbench.errors import SignalError
from rppgbench.registry import load_registry


@pytest.fixture(scope="module")
def rendered():
    registry = load_registry()
    params = {"subjects": 1, "recordings": ["rest"], "duration_s": 14.0, "size": [128, 96], "truth": "bvp"}
    dataset = registry.create("dataset", "synthetic", params)
    (recording,) = dataset.recordings()
    return dataset, recording, inspect_recording(dataset, recording)


def test_a_rendered_face_is_found_with_its_pulse_and_beats(rendered):
    dataset, recording, overview = rendered
    assert overview.track.found_share == 1.0
    height, width = overview.picture.shape[:2]
    center_x, center_y = overview.box.center
    assert 0.3 * width < center_x < 0.7 * width
    assert 0.3 * height < center_y < 0.7 * height
    beats_s = dataset.ground_truth(recording).beats_s
    truth_bpm = 60 / np.mean(np.diff(beats_s[(beats_s >= 0) & (beats_s <= recording.duration_s)]))
    drawn_s = overview.beats_s(0.0, 14.0)
    assert 60 / np.mean(np.diff(drawn_s)) == pytest.approx(truth_bpm, abs=1.0)
    assert np.median(overview.video_bpm()) == pytest.approx(truth_bpm, abs=2.0)
    assert [label.rate.beats_bpm for label in overview.labels] == pytest.approx([truth_bpm] * 5, abs=4.0)


def test_the_delay_is_that_of_the_sensor(sheets, dataset, root):
    """The sensor's clock is shifted by 100 ms, so the face's delay behind it is 100 ms."""
    times_s, samples = sheets.pulse(1.0, length_s=12.0)
    sheets.write_truth(root / "s1" / "pulse.csv", times_s - 0.1, samples)
    overview = inspect_recording(dataset.loader, dataset.recording("s1-rest"))
    assert overview.delay_s == pytest.approx(0.1, abs=0.02)


def test_frames_that_are_skin_need_no_face(dataset):
    overview = inspect_recording(dataset.loader, dataset.recording("s2-rest"))
    assert overview.skin.mean(axis=0) == pytest.approx([190.0, 135.0, 105.0], abs=0.5)
    assert overview.video_bpm() == pytest.approx([78.0], abs=1.0)
    assert np.diff(overview.beats_s(0.0, 10.0)) == pytest.approx(1 / 1.3, abs=0.05)


def test_a_malformed_truth_is_refused(dataset, root):
    (root / "s1" / "pulse.csv").write_text("video_s=10\n0,nan\n1,nan\n")
    with pytest.raises(SignalError, match="s1-rest: ground truth: not one sample is a number"):
        inspect_recording(dataset.loader, dataset.recording("s1-rest"))


def test_figures_of_wave_rate_and_damage_are_drawn(dataset, root, sheets, monkeypatch, rendered, tmp_path):
    """A figure is drawn even if parts are missing; only its size and that it is not empty are checked."""
    times_s, samples = sheets.pulse(1.0)
    samples[100:300] = np.nan
    sheets.write_truth(root / "s1" / "pulse.csv", times_s, samples)
    overviews = [rendered[2], inspect_recording(dataset.loader, dataset.recording("s1-rest"))]

    def rates(self, recording):
        return GroundTruth(samples=np.full(10, 78.0), times_s=np.arange(10.0), kind="hr")

    monkeypatch.setattr(sheets.Sheets, "ground_truth", rates)
    overviews.append(inspect_recording(dataset.loader, dataset.recording("s2-rest")))
    for number, overview in enumerate(overviews):
        target = tmp_path / f"{number}.png"
        draw_overview(overview, target, title="what it is", footnotes=("not to be published " * 20,))
        with Image.open(target) as image:
            assert image.size[0] == 1430
            assert len(np.unique(np.asarray(image.convert("L")))) > 100


def test_a_sensor_of_heart_rates_is_one_series_and_no_legend_covers_a_point(dataset, sheets, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: figures.append(figure))
    draw_overview(inspect_recording(dataset.loader, dataset.recording("s1-rest")), tmp_path / "wave.png", title="wave")
    heart_rates = GroundTruth(samples=np.full(10, 60.0), times_s=np.arange(10.0), kind="hr")
    monkeypatch.setattr(sheets.Sheets, "ground_truth", lambda self, recording: heart_rates)
    draw_overview(inspect_recording(dataset.loader, dataset.recording("s1-rest")), tmp_path / "hr.png", title="hr")
    labels = [[text.get_text() for text in figure.axes[-1].get_legend().get_texts()] for figure in figures]
    assert labels == [["video, ln R - ln G", "sensor, spectrum", "sensor, beats"], ["video, ln R - ln G", "sensor"]]
    titles = [figure.axes[1].get_title() for figure in figures]
    assert ["systole" in title for title in titles] == [True, False]
    for figure in figures:
        figure.canvas.draw()
    for axes in (figure.axes[number] for figure in figures for number in (1, -1)):
        assert not axes.get_legend().get_window_extent().overlaps(axes.get_window_extent())
