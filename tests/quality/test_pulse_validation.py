"""Quality of rendered faces through real codecs, against the heart rates that methods find in them.

`docs/quality.md` has the same of 20 subjects under nine conditions, with intervals. A handful of subjects cannot rank
measures; these are the facts that any such handful shows.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import result_rows
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.store.store import Store

PROTOCOL = """\
rppgbench: 1
name: fidelity
version: 1
title: Pulse fidelity beside heart rates
dataset: {use: synthetic, subjects: 4, recordings: [rest], duration_s: 20.0, seed: 3}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions:
  reference: {use: original}
  grid:
    - {use: mpeg4, sweep: {bitrate_kbps: [250, 60]}}
    - {use: x264, preset: superfast, passes: 1, sweep: {bitrate_kbps: [1500, 60]}}
clips: {length_s: 20.0, fps_hz: 30.0, size: [32, 32]}
evaluation:
  heart_rate: {use: spectrum, band_hz: [0.7, 4.0]}
  metrics: [hr_mae_bpm, within_5_bpm, delta_psnr_db]
  primary: hr_mae_bpm
  interval: {bootstrap: 100}
entries:
  - {method: pos}
  - {method: chrom}
"""


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fidelity")
    (folder / "fidelity.yaml").write_text(PROTOCOL)
    registry, store = load_registry(), Store.open(folder / "store")
    plan = make_plan(load_protocol(folder / "fidelity.yaml", registry), store)
    outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry))
    assert not outcome.failures
    return [row for row in result_rows(plan, store, outcome.failures) if row["condition"] != "reference"]


def pulse_contrast_db(fidelity_db, gain_db):
    """The pulse that is left over what was added in its band, by the formula of docs/quality.md."""
    gain, error = 10 ** (gain_db / 20), 10 ** (-fidelity_db / 10)
    return gain_db - 10 * math.log10(error - (1 - gain) ** 2)


def values(scored, name, condition):
    return np.array([row[name] for row in scored if row["condition"] == condition and row["method"] == "pos"])


@pytest.mark.full
@pytest.mark.parametrize("name", ["psnr_in_db", "psnr_hvs_m_in_db", "ssim_in", "pulse_gain_in_db"])
@pytest.mark.parametrize(("much", "little"), [("mpeg4-250k", "mpeg4-60k"), ("x264-1500k", "x264-60k")])
def test_fewer_bits_are_farther_from_the_reference_on_average(scored, name, much, little):
    assert values(scored, name, much).mean() > values(scored, name, little).mean()


@pytest.mark.full
def test_pulse_contrast_goes_with_the_snr_of_predictions(scored):
    """Rank correlation over recordings and conditions; without a relation it is above 0.45 in 4 of 100 draws of 16."""
    for method in ("pos", "chrom"):
        rows = [row for row in scored if row["method"] == method]
        contrast_db = [pulse_contrast_db(row["pulse_fidelity_in_db"], row["pulse_gain_in_db"]) for row in rows]
        assert spearmanr(contrast_db, [row["snr_db"] for row in rows]).statistic > 0.45


@pytest.mark.full
def test_a_starved_codec_adds_more_than_there_was_and_a_generous_one_does_not(scored):
    """Fidelity below 0 dB is more error than pulse."""
    assert (values(scored, "pulse_fidelity_in_db", "x264-1500k") > 3).all()
    assert (values(scored, "pulse_fidelity_in_db", "mpeg4-60k") < 0).all()
