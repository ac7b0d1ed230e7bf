"""All files of a report, and that the text shows each of them."""

from __future__ import annotations

import re

import pytest

from rppgbench.figures.figure_set import FigureSet
from rppgbench.figures.run_artefacts import RunArtefacts
from rppgbench.figures.style import NothingToDraw
from rppgbench.registry import load_registry
from rppgbench.report.captions import CAPTIONS
from rppgbench.report.paper import builtin_papers, load_paper
from rppgbench.report.report_writer import ReportWriter

pytestmark = pytest.mark.usefixtures("unprinted")


PAPER = load_paper(builtin_papers()["yu2019"])


def written(board, folder, condition=None, paper=PAPER):
    prefixes = paper.figures if paper else {}
    figures = FigureSet(
        board, RunArtefacts(None, load_registry()), NothingToDraw("no entry has an enhancer"), condition, prefixes
    )
    report = ReportWriter(figures, folder, paper, condition)
    return {outcome.name: outcome for outcome in report.write()}, report


def test_tables_figures_and_text(board, tmp_path):
    outcomes, report = written(board, tmp_path)
    for name in ("table2_variability", "table3_heart_rate", "comparisons", "trends"):
        assert [path.name for path in outcomes[name].files] == [f"{name}.md", f"{name}.csv"]
    drawn = {name for name, outcome in outcomes.items() if any(path.suffix == ".png" for path in outcome.files)}
    assert drawn == {
        "fig5_error_by_bitrate", "bland_altman", "bland_altman_compressed", "degradation_error", "degradation_snr",
        "critical_differences", "error_by_quality", "hrv_scatter",
    }  # fmt: skip
    assert outcomes["fig8_faces"].reason == "no entry has an enhancer"
    text = (tmp_path / "report.md").read_text()
    assert outcomes["report"].files == [tmp_path / "report.md"]
    for sentence in report.summary:
        assert f"- {sentence}\n" in text
    links = re.findall(r"\]\(((?:figures|tables)/[^)]+)\)", text)
    assert len(links) == 4 + 2 * len(drawn), "data of each table; picture and data of each figure"
    assert all((tmp_path / link).is_file() for link in links)
    assert "- fig8_faces: no entry has an enhancer" in text


def test_every_figure_has_a_caption_and_no_caption_is_left_over(board, tmp_path):
    outcomes, _ = written(board, tmp_path, paper=None)
    assert set(outcomes) - {"comparisons", "trends", "report"} == set(CAPTIONS)


def test_without_a_paper_figures_have_general_names_and_no_table_of_results(board, tmp_path):
    outcomes, _ = written(board, tmp_path, paper=None)
    assert outcomes["error_by_bitrate"].files[0].name == "error_by_bitrate.png"
    text = (tmp_path / "report.md").read_text()
    assert "### error_by_bitrate" in text and CAPTIONS["error_by_bitrate"] in text
    assert [path.stem for path in sorted((tmp_path / "tables").glob("*.csv"))] == ["comparisons", "trends"]


def test_the_same_results_give_the_same_text(make_board, tmp_path):
    for name in ("one", "other"):
        written(make_board(), tmp_path / name)
    files = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "other" / f).read_bytes() for f in files)


def test_a_condition_that_is_asked_for_is_shown(board, tmp_path):
    outcomes, _ = written(board, tmp_path, "x264-60k")
    assert "table2_variability_x264-60k" in outcomes
    assert "x264-60k" in (tmp_path / "figures" / "bland_altman_compressed.csv").read_text()
    assert "### Heart rate, x264-60k" in (tmp_path / "report.md").read_text()


def test_results_without_encodings_still_have_a_report(make_board, tmp_path):
    whole = make_board(rates={"reference": None})
    assert whole.results.encodings == []
    outcomes, _ = written(whole, tmp_path)
    assert outcomes["fig5_error_by_bitrate"].reason == "no condition with results has a bitrate"
    assert outcomes["degradation_error"].reason == "no compressed condition has results"
    assert outcomes["trends"].reason.startswith("no codec with two rates")
    assert outcomes["bland_altman"].files and outcomes["report"].files


def test_one_subject_still_has_a_report(make_board, tmp_path):
    outcomes, report = written(make_board(n_subjects=1), tmp_path)
    assert outcomes["report"].files
    assert outcomes["critical_differences"].reason == "1 subjects: too few for ranks"
    assert "nan" not in (tmp_path / "report.md").read_text()
    assert report.summary[0].startswith("1 subject, 2 windows")


def test_a_long_table_is_cut_in_the_text_and_whole_in_its_file(make_board, tmp_path):
    errors = {f"entry{n}": (1 + n, 2 + n, 3 + n, 4 + n) for n in range(10)}
    written(make_board(errors=errors, n_subjects=4, n_windows=1), tmp_path)
    assert "and 5 more in [comparisons.md](tables/comparisons.md)" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "tables" / "comparisons.md").read_text().count("\n| entry") == 46
