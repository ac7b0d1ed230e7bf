"""All figures at once: the same bytes again, and a reason for each that is skipped."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import ArtefactError
from rppgbench.figures.figure_set import FigureSet
from rppgbench.figures.run_artefacts import RunArtefacts
from rppgbench.figures.selection import Selection
from rppgbench.figures.style import NothingToDraw
from rppgbench.pipeline.example_window import ExampleWindow
from rppgbench.registry import load_registry
from rppgbench.results.board import Board
from rppgbench.results.results import Results

NAMES = [
    "error_by_bitrate", "delta_psnr", "error_by_enhancer", "faces", "waves", "losses",
    "train_rate_by_test_rate", "bland_altman", "bland_altman_compressed", "degradation_error", "degradation_snr",
    "critical_differences", "error_by_quality", "hrv_scatter",
]  # fmt: skip
FEW = (
    "rppgnet(size=small)", "rppgnet(size=small) [method from x264-60k]", "dncnn + rppgnet(size=small)",
    "stven(size=small) + rppgnet(size=small) [joint]",
)  # fmt: skip
CONDITIONS = ("reference", "x264-60k")
SELECTION = Selection("pos", "x264-60k", "s00-rest", "")


class Kept:
    """A run whose store is at hand."""

    def __init__(self, example, curves):
        self._example, self._curves = example, curves

    def example(self, selected) -> ExampleWindow:
        assert selected == SELECTION
        return self._example

    def loss_curves(self):
        return self._curves


@pytest.fixture
def few(results) -> Board:
    rows = [row for row in results.rows if row["entry"] in FEW and row["condition"] in CONDITIONS]
    return Board.of(Results(results.about, rows, results.encodings))


@pytest.mark.full  # 26 s; .ci/run draws every figure once
def test_every_figure_is_drawn_with_the_same_bytes_again(few, example, curves, tmp_path):
    digests = []
    for name in ("first", "second"):
        outcomes = list(FigureSet(few, Kept(example, curves[-3:]), SELECTION).draw(tmp_path / name))
        assert [outcome.name for outcome in outcomes] == NAMES
        assert not any(outcome.reason for outcome in outcomes)
        digests.append({path.name: path.read_bytes() for outcome in outcomes for path in outcome.files})
    assert set(digests[0]) == {name + ending for name in NAMES for ending in (".png", ".svg", ".csv")}
    assert digests[0] == digests[1]
    assert all(content.startswith(b"\x89PNG") for name, content in digests[0].items() if name.endswith(".png"))


def test_a_figure_without_data_has_a_reason_and_the_others_are_drawn(few, unprinted, tmp_path):
    run = RunArtefacts(None, load_registry())
    outcomes = {o.name: o for o in FigureSet(few, run, SELECTION).draw(tmp_path)}
    drawn = [name for name, outcome in outcomes.items() if outcome.files]
    missing = ["faces", "waves", "losses"]
    assert drawn == [name for name in NAMES if name not in missing]
    for name in missing:
        assert "name the protocol that made it" in outcomes[name].reason


def test_an_emptied_store_and_no_choice_are_reasons_too(few, unprinted, example, tmp_path, monkeypatch):
    class Emptied(Kept):
        def example(self, selected):
            raise ArtefactError("waves: no such artefact")

    reasons = {o.name: o.reason for o in FigureSet(few, Emptied(None, []), SELECTION).draw(tmp_path)}
    assert reasons["faces"] == reasons["waves"] == "waves: no such artefact"
    assert "no entry was trained" in reasons["losses"]
    figure_set = FigureSet(few, Kept(example, []), NothingToDraw("no entry has an enhancer"))
    reasons = {o.name: o.reason for o in figure_set.draw(tmp_path)}
    assert reasons["faces"] == reasons["waves"] == "no entry has an enhancer"


def test_a_prefix_leads_the_names_of_its_figures_files(few, unprinted, tmp_path):
    figures = FigureSet(few, RunArtefacts(None, load_registry()), SELECTION, prefixes={"error_by_bitrate": "fig1"})
    names = [outcome.name for outcome in figures.draw(tmp_path)]
    assert names == ["fig1_error_by_bitrate", *NAMES[1:]]


def test_a_defect_does_not_pass_for_missing_data(few, unprinted, example, tmp_path):
    class Broken(Kept):
        def example(self, selected):
            return np.float64(1).no_such_attribute

    with pytest.raises(AttributeError):
        list(FigureSet(few, Broken(example, []), SELECTION).draw(tmp_path))
