"""A small protocol to spoil."""

from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.protocol.resolve import Protocol, load_protocol
from rppgbench.registry import load_registry

TEXT = """\
rppgbench: 1
name: tiny
version: 1
title: A protocol to spoil
dataset: {use: synthetic, subjects: 4, duration_s: 10.0}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions:
  reference: {use: original}
  grid:
    - {use: x264, preset: ultrafast, sweep: {bitrate_kbps: [250, 60]}}
clips: {length_s: 10.0, fps_hz: 30.0}
evaluation:
  heart_rate: {use: spectrum, band_hz: [0.7, 4.0]}
  metrics: [hr_mae_bpm, snr_db]
  primary: hr_mae_bpm
entries:
  - {method: pos}
  - {method: chrom}
"""


@pytest.fixture
def text() -> str:
    return TEXT


@pytest.fixture
def protocol(tmp_path: Path):
    """A function from a protocol's text to the protocol."""

    def loaded(text: str = TEXT) -> Protocol:
        path = tmp_path / "tiny.yaml"
        path.write_text(text)
        return load_protocol(path, load_registry())

    return loaded
