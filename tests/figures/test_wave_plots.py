"""Fig. 9: waves and per-frame PSNR of one window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import peak_signal_noise_ratio

from rppgbench.figures import style
from rppgbench.figures.wave_plots import draw_waves
from rppgbench.signal.heart_rate import HeartRateSettings

SETTINGS = HeartRateSettings(use="spectrum")


def table(example, tmp_path):
    return pd.read_csv(draw_waves(example, SETTINGS, tmp_path / "fig9")[2])


def test_waves_and_psnr_are_those_of_the_example_window(example, unprinted, tmp_path):
    found = table(example, tmp_path)
    assert found["wave, with enhancement"].to_numpy() == pytest.approx(example.wave, rel=1e-4, abs=1e-5)
    assert found["wave, contact sensor"].to_numpy() == pytest.approx(example.truth_wave, rel=1e-4)
    pairs = zip(example.reference, example.video, strict=True)
    expected = [peak_signal_noise_ratio(reference, frame) for reference, frame in pairs]
    assert found["psnr_db, without enhancement"].to_numpy() == pytest.approx(expected, rel=1e-4)
    assert (found["psnr_db, with enhancement"] > found["psnr_db, without enhancement"]).all()


def test_heart_rates_stand_beside_the_waves(example, tmp_path, monkeypatch):
    monkeypatch.setitem(style._STYLE, "svg.fonttype", "none")  # text as text
    flat = replace(example, wave_without=np.zeros_like(example.wave))
    drawing = draw_waves(flat, SETTINGS, tmp_path / "fig9")[1].read_text()
    assert drawing.count("72.0 bpm") + drawing.count("71.9 bpm") + drawing.count("72.1 bpm") == 2  # as simulated
    assert drawing.count("no heart rate") == 1


def test_an_entry_without_an_enhancer_has_its_wave_and_the_clip_s_psnr(example, unprinted, tmp_path):
    found = table(replace(example, enhanced=None, wave_without=None), tmp_path)
    assert list(found) == ["time_s", "wave, contact sensor", "wave, method", "psnr_db, compressed"]


def test_on_the_reference_itself_there_is_no_psnr_to_draw(example, unprinted, tmp_path):
    found = table(replace(example, enhanced=None, wave_without=None, video=example.reference), tmp_path)
    assert list(found) == ["time_s", "wave, contact sensor", "wave, method"]
