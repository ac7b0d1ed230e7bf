"""``rppgbench run --estimator``: its tasks, its folder, and boards that are never ranked with others."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from rppgbench.cli.board_command import board
from rppgbench.cli.run_command import plan, run
from rppgbench.errors import IncomparableResults, ProtocolError
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import load_registry
from rppgbench.results.results import Results, load_answering

TEXT = """\
rppgbench: 1
name: tiny
version: 1
title: Two faces as recorded
dataset: {use: synthetic, subjects: 2, recordings: [rest], duration_s: 10.0}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions: {reference: {use: original}}
clips: {length_s: 10.0, fps_hz: 30.0}
evaluation: {interval: {bootstrap: 100}}
entries: [{method: pos}]
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The protocol's file, its folder of leaderboards, and the outputs of runs by its own estimator and by
    another."""
    folder = tmp_path_factory.mktemp("estimator")
    path = folder / "tiny.yaml"
    path.write_text(TEXT)
    common = [str(path), "--store", str(folder / "store"), "--out", str(folder / "out"), "--workers", "0"]
    results = [
        CliRunner().invoke(run, [*common, *more], catch_exceptions=False)
        for more in ([], ["--estimator", "toolbox-2023"])
    ]
    assert [result.exit_code for result in results] == [0, 0]
    return path, folder / "out" / "tiny" / "v1", [result.output for result in results]


def test_predictions_in_the_store_serve_as_they_are(both):
    _, _, (_, output) = both
    assert "toolbox-2023 derives heart rates: to explain older numbers, not to be ranked" in output.replace("\n", " ")
    assert re.search(r"ranked: 4 of \d+ tasks to run", " ".join(output.split()))  # labels, scores


def test_its_results_are_in_a_folder_of_their_own_and_marked(both):
    _, own, (plain, output) = both
    explained = own / "as_toolbox-2023"
    assert {path.name for path in explained.iterdir()} >= {"board.md", "results.json", "rows.parquet"}
    for text in (output, (explained / "board.md").read_text()):
        assert "explaining older ones and are not ranked with the protocol's own" in " ".join(text.split())
    for text in (plain, (own / "board.md").read_text()):
        assert "explaining older" not in text
    assert Results.load(own).compatible is None
    assert Results.load(explained).compatible == "toolbox-2023"


def test_rows_show_side_by_side_what_the_estimator_changed(both):
    _, own, _ = both
    rows, theirs = (Results.load(folder).rows for folder in (own, own / "as_toolbox-2023"))
    grid_bpm = 60 * 30 / 512
    for one, other in zip(rows, theirs, strict=True):
        for column in ("beats", "spectrum"):
            for side in ("pred", "true"):
                assert other[f"hr_{side}_{column}_bpm"] == one[f"hr_{side}_{column}_bpm"]
        for side in ("pred", "true"):
            assert one[f"hr_{side}_bpm"] == one[f"hr_{side}_beats_bpm"]
            steps = other[f"hr_{side}_bpm"] / grid_bpm
            assert steps == pytest.approx(round(steps), abs=1e-9)
        assert other["error_bpm"] == other["hr_pred_bpm"] - other["hr_true_bpm"]
        assert other["snr_db"] != one["snr_db"]
        assert other["macc"] != one["macc"]


def test_the_two_are_never_ranked_together(both):
    path, own, _ = both
    with pytest.raises(IncomparableResults, match=r"evaluation\.heart_rate\.use: beats \| toolbox-2023"):
        CliRunner().invoke(board, [str(own), str(own / "as_toolbox-2023")], catch_exceptions=False)
    with pytest.raises(IncomparableResults, match="results of another question"):
        load_answering(load_protocol(path, load_registry()), own / "as_toolbox-2023", "")


def test_a_board_of_such_results_alone_is_printed(both):
    _, own, _ = both
    result = CliRunner().invoke(board, [str(own / "as_toolbox-2023")], catch_exceptions=False)
    assert "not ranked with the protocol's own" in " ".join(result.output.split())


def test_a_plan_lists_the_tasks_left_to_compute(both):
    path, own, _ = both
    store = str(own.parents[2] / "store")
    result = CliRunner().invoke(plan, [str(path), "--store", store, "--estimator", "pyvhr"], catch_exceptions=False)
    assert result.exit_code == 0
    to_run = {line.split()[0]: line.split()[2] for line in result.output.splitlines() if line.split()[1:2] == ["2"]}
    assert (to_run["label"], to_run["predict"], to_run["score"]) == ("2", "0", "2")


def test_a_mistyped_name_is_answered(both):
    path, _, _ = both
    with pytest.raises(ProtocolError) as caught:
        CliRunner().invoke(run, [str(path), "--estimator", "pyhvr"], catch_exceptions=False)
    assert caught.value.hint == "did you mean 'pyvhr'?"
