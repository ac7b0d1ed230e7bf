"""The quality stage: differences from the reference in rows, against known ones."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from rppgbench.errors import SignalError
from rppgbench.evaluation.metrics import METRICS
from rppgbench.execution.driver import execute
from rppgbench.execution.executor import InProcessExecutor
from rppgbench.pipeline.planner import make_plan
from rppgbench.pipeline.result_rows import result_rows
from rppgbench.pipeline.stages.quality_stage import PIXEL_METRICS

PIXELS = ("psnr{}_db", "psnr_sd{}_db", "ssim{}", "psnr_hvs_m{}_db")
PULSE = ("pulse_fidelity{}_db", "pulse_gain{}_db")
WITH_PIXELS = ("metrics: [hr_mae_bpm, within_5_bpm]", "metrics: [hr_mae_bpm, within_5_bpm, delta_psnr_db]")


def run(protocol, store, registry, only=()):
    plan = make_plan(protocol, store, only=only)
    outcome = execute(plan.wanted(store), store, InProcessExecutor(store, registry, "cpu"))
    assert not outcome.failures, [(f.message, f.details) for f in outcome.failed]
    return SimpleNamespace(plan=plan, rows=result_rows(plan, store, outcome.failures))


def columns(row, names, side):
    return [row[name.format(f"_{side}")] for name in names]


def tasks_of(plan, stage):
    return [task for task in plan.tasks.values() if task.stage == stage]


@pytest.fixture
def halved(monkeypatch):
    """The codec "brighter" leaves half of the pulse, too, which is in green alone, about its mean of 110 levels."""
    pytest.importorskip("torch")
    import tiny_networks

    def halve(codec, pixels):
        pixels[..., 0] += np.uint8(codec.levels)
        pixels[..., 1] = np.round(110 + (pixels[..., 1].astype(float) - 110) / 2)

    monkeypatch.setattr(tiny_networks.Brighter, "spoil", halve)


def test_half_a_pulse_is_6_db(learning, store, registry, halved):
    """In closed form, but for the rounding to whole levels."""
    found = run(learning("green", "same + green", seeds="[0]", subjects=2), store, registry)
    spoilt = [row for row in found.rows if row["condition"] != "reference"]
    assert len(spoilt) == 4
    for row in spoilt:
        sides = ("in", "out") if row["enhancer"] else ("in",)
        for side in sides:
            assert columns(row, PULSE, side) == pytest.approx([6.02, -6.02], abs=0.1)
        # Red is 10 levels off, green 0 to 10.
        assert 10 * np.log10(3 * 255**2 / 200) < row["psnr_in_db"] < 10 * np.log10(3 * 255**2 / 100)
        assert row["psnr_sd_in_db"] > 0.5
        assert 0.9 < row["ssim_in"] < 1
        if row["enhancer"] is None:
            assert columns(row, PIXELS + PULSE, "out") == [None] * 6


def test_an_enhancer_that_does_nothing_is_as_far_as_what_it_was_given(learning, store, registry, halved):
    found = run(learning("same + green", "same + pulse", seeds="[0]", subjects=2), store, registry)
    for row in found.rows:
        if row["condition"] == "reference":
            assert columns(row, PIXELS + PULSE, "in") + columns(row, PIXELS + PULSE, "out") == [None] * 12
            continue
        before, after = (columns(row, PIXELS + PULSE, side) for side in ("in", "out"))
        assert None not in before
        assert after == pytest.approx(before, rel=1e-6)


def test_an_enhancer_that_fades_the_pulse_is_found_out(learning, store, registry, monkeypatch):
    """Nothing was lost before it; behind it half of the pulse is, for a method of colours and for one of clips."""
    pytest.importorskip("torch")
    import tiny_networks

    def fade(enhancer, video):
        faded = video.astype(np.float32) / 255
        faded[..., 1] = (110 / 255 + faded[..., 1]) / 2
        return faded

    monkeypatch.setattr(tiny_networks.Same, "enhance", fade)
    found = run(learning("same + green", "same + pulse", seeds="[0]", subjects=2), store, registry)
    spoilt = [row for row in found.rows if row["condition"] != "reference"]
    assert {row["method"] for row in spoilt} == {"green", "pulse"}
    for row in spoilt:
        assert row["pulse_gain_in_db"] == pytest.approx(0, abs=1e-6)
        assert columns(row, PULSE, "out") == pytest.approx([6.02, -6.02], abs=0.05)


def test_a_protocol_of_colours_alone_cuts_no_clips(protocol, store, registry):
    """A copy is its reference: nothing of its pulse is lost, so that fidelity is no number."""
    found = run(protocol(), store, registry)
    assert not tasks_of(found.plan, "crop")
    for row in found.rows:
        assert columns(row, PIXELS, "in") == [None] * 4
        copied = row["condition"] != "reference"
        assert columns(row, PULSE, "in") == ([None, pytest.approx(0, abs=1e-9)] if copied else [None, None])


def test_a_metric_of_pixels_has_clips_cut(protocol, store, registry):
    found = run(protocol(WITH_PIXELS), store, registry)
    assert len(tasks_of(found.plan, "crop")) == 8
    for row in found.rows:
        copied = row["condition"] != "reference"
        assert columns(row, PIXELS, "in") == [None, None, pytest.approx(1) if copied else None, None]


def test_every_metric_of_pixels_is_known_as_one():
    assert {name for name in METRICS if "psnr" in name or "ssim" in name} == PIXEL_METRICS


def test_a_narrowed_run_measures_what_the_whole_one_does(protocol, store):
    changes = (("- {method: rate}", "- {method: filmed}"),)
    whole, part = (make_plan(protocol(*changes), store, only=only) for only in ((), ("method=green",)))
    assert {task.key for task in tasks_of(part, "quality")} == {task.key for task in tasks_of(whole, "quality")}


def test_an_odd_video_costs_its_own_numbers_and_the_facts_say_why(protocol, store, registry, monkeypatch):
    def refuse(*arguments):
        raise SignalError("no two clips alike")

    monkeypatch.setattr("rppgbench.pipeline.stages.quality_stage.clip_quality", refuse)
    found = run(protocol(WITH_PIXELS), store, registry)
    assert {row["status"] for row in found.rows} == {"scored"}
    for task in tasks_of(found.plan, "quality"):
        facts = store.facts(task.key)
        assert facts["unknown_because"] == ["no two clips alike"]
        assert facts["known"] == {"psnr_in_db": 0, "pulse_gain_in_db": 1}


def test_without_a_true_rate_the_pulse_is_unknown(protocol, store, registry, monkeypatch):
    monkeypatch.setattr("rppgbench.pipeline.stages.quality_stage._label_rates_bpm", lambda context: [None])
    found = run(protocol(), store, registry)
    (record,) = json.loads((store.path(tasks_of(found.plan, "quality")[0].key) / "quality.json").read_text())
    assert set(record.values()) == {None}
    assert {row["pulse_gain_in_db"] for row in found.rows} == {None}
