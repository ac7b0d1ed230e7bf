"""Claims reports: the same verdicts in Markdown, JSON and on the terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from rppgbench.claims.claims_report import as_json, claims_markdown, write_claims
from rppgbench.claims.claims_table import print_judgement
from rppgbench.claims.judge import judge_claims
from rppgbench.text import format_p

ABOUT = {"title": "Made up results", "protocol": "made_up", "version": 1, "digest": "abcdef0123456789"}


@pytest.fixture
def judgement(asked, observed, simulated, row, better):
    rows = simulated({(e, "x264-200k"): level for e, level in (("a", 2.0), ("b", 5.0))}, subjects=12)
    network = {
        "params": '{"method": {"size": "small", "loss": "mse", "depth": null}}',
        "methods_learn_from": "reference",
    }
    rows = [{**one, "seed": seed, **network} if one["entry"] == "a" else one for one in rows for seed in (0, 1)]
    failed = {"status": "failed", "error_bpm": None, "window": 1}
    rows.append(row("b", "x264-200k", 0, 0.0, **failed))
    return judge_claims(asked(better, {**better, "against": "c", "role": "shows"}), observed(rows))


def test_markdown_has_verdicts_numbers_and_missing_entries(judgement):
    text = claims_markdown(judgement, ABOUT)
    assert "**supported**" in text
    assert "12 (2 seeds)" in text
    assert "1 failed windows count as" in text
    assert "HR error of a over c: needs c" in text
    assert "not among these results: c, that is c" in text
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["a", "`a`", "size=small, loss=mse", "", "method from reference; seeds 0, 1"] in cells
    assert ["b", "`b`", "", "", ""] in cells
    assert text.count("networks of these sizes") == 1


def test_few_seeds_are_noted_beside_the_verdict_and_below(judgement):
    text = claims_markdown(judgement, ABOUT)
    assert "**supported** (about these trained networks, 2 seeds)" in text
    assert text.count("not about training such networks again") == 1
    out = io.StringIO()
    print_judgement(Console(file=out), judgement)
    assert "about these trained" in out.getvalue()
    assert out.getvalue().count("not about training such networks again") == 1


def test_seeds_are_not_mentioned_without_training(asked, observed, simulated, better):
    rows = simulated({("a", "x264-200k"): 2.0, ("b", "x264-200k"): 5.0}, subjects=12)
    assert "trained networks" not in claims_markdown(judge_claims(asked(better), observed(rows)), ABOUT)


def test_json_is_strict_and_holds_the_same(judgement, tmp_path):
    document = json.loads(as_json(judgement, ABOUT), parse_constant=pytest.fail)
    (verdict,) = document["verdicts"]
    assert (verdict["verdict"], document["n_claims_tested"], document["digest"]) == ("supported", 1, ABOUT["digest"])
    (contrast,) = verdict["contrasts"]
    assert contrast["effect_by_seed"].keys() == {"0", "1"}
    assert (contrast["n_seeds_trained"], verdict["scope"]) == (2, "about these trained networks, 2 seeds")
    assert [(entry["name"], entry["entry"], entry["seeds"]) for entry in document["entries"]] == [
        ("a", "a", [0, 1]),
        ("b", "b", []),
    ]
    assert document["entries"][0]["params"]["method"]["size"] == "small"
    assert contrast["low"] < contrast["effect"] < contrast["high"] < 1
    assert verdict["p_corrected"] == contrast["p"] == verdict["p_for"] < 0.05


def test_both_files_are_written(judgement, tmp_path):
    paths = write_claims(judgement, ABOUT, tmp_path)
    assert [path.name for path in paths] == ["claims_made_up.md", "claims_made_up.json"]
    assert paths[1].read_text() == as_json(judgement, ABOUT)


def test_one_subject_gives_no_interval_and_null_in_json(asked, observed, row, better):
    rows = [row("a", "x264-200k", 0, 1.0), row("b", "x264-200k", 0, 2.0)]
    document = json.loads(as_json(judge_claims(asked(better), observed(rows)), ABOUT), parse_constant=pytest.fail)
    (contrast,) = document["verdicts"][0]["contrasts"]
    assert (contrast["effect"], contrast["low"], contrast["p"]) == (0.5, None, 1.0)


@pytest.mark.parametrize("parts", [False, True])
def test_a_terminal_shows_the_contrasts_when_asked(judgement, parts):
    out = io.StringIO()
    print_judgement(Console(file=out), judgement, parts=parts)
    text = out.getvalue()
    assert "supported" in text
    assert "So it is." in text
    assert ("needs c" in text) == parts
    assert ("a is a (method from reference; seeds 0, 1)" in text) == parts
    assert text.count("networks of these sizes") == 1


@pytest.mark.parametrize(
    ("p", "text"), [(None, ""), (0.00001, "<0.0001"), (0.00123, "0.0012"), (0.049, "0.049"), (0.346, "0.35")]
)
def test_p_has_few_digits(p, text):
    assert format_p(p) == text
