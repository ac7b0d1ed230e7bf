"""Citation, changelog and issue forms are valid and of this version; what pages for contributors name exists."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from rppgbench import __version__
from rppgbench.cli.main import COMMANDS

ROOT = Path(__file__).parents[1]
FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / ".github" / "PULL_REQUEST_TEMPLATE.md", *FORMS]
RELEASE = re.compile(r"(?P<version>\d+\.\d+\.\d+) - (?P<date>\d{4}-\d{2}-\d{2})")
# GitHub's syntax for issue forms; `markdown` is shown and not asked, and so needs no id.
ASKED = {"input", "textarea", "dropdown", "checkboxes"}


def parsed(path):
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


def headings():
    return re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def releases():
    return [RELEASE.fullmatch(heading) for heading in headings() if heading != "Unreleased"]


def relative(path):
    return path.relative_to(ROOT).as_posix()


def test_the_citation_is_of_this_version_and_its_release():
    citation = parsed(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert {"message", "title", "authors", "type", "abstract", "license"} <= citation.keys()
    assert str(citation["version"]) == __version__
    assert str(citation["date-released"]) == releases()[0]["date"]


def test_the_citation_names_the_paper_that_is_replicated():
    papers = {reference["doi"]: reference for reference in parsed(ROOT / "CITATION.cff")["references"]}
    paper = papers["10.1109/ICCV.2019.00024"]
    assert [author["family-names"] for author in paper["authors"]] == ["Yu", "Peng", "Li", "Hong", "Zhao"]
    assert paper["year"] == 2019


def test_every_heading_of_the_changelog_is_a_version_with_a_date():
    assert all(releases()), headings()
    assert "Unreleased" not in headings()[1:], "what is unreleased stands above all releases"


def test_the_newest_release_of_the_changelog_is_this_version():
    assert releases()[0]["version"] == __version__


def test_releases_descend_in_version_and_date():
    versions = [tuple(map(int, release["version"].split("."))) for release in releases()]
    dates = [date.fromisoformat(release["date"]) for release in releases()]
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)


def test_there_is_a_form_for_each_kind_of_issue():
    assert {path.stem for path in FORMS} == {"bug", "dataset", "method", "result"}
    assert parsed(ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml") == {"blank_issues_enabled": True}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_the_site_accepts(path):
    form = parsed(path)
    assert form.keys() <= {"name", "description", "title", "labels", "assignees", "body"}
    assert form["name"] and form["description"]
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["attributes"]["value"] for field in form["body"] if field["type"] == "markdown")
    assert {field["type"] for field in asked} <= ASKED
    for key in (lambda field: field["id"], lambda field: field["attributes"]["label"]):
        assert len({key(field) for field in asked}) == len(asked) > 0
    for field in asked:
        assert re.fullmatch(r"[a-z_]+", field["id"])
        assert field.keys() <= {"type", "id", "attributes", "validations"}
        if field["type"] in ("dropdown", "checkboxes"):
            assert field["attributes"]["options"], field["id"]


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("bug", {"what", "reproduce", "output", "versions"}),
        ("dataset", {"licence", "layout", "video", "truth"}),
        ("method", {"paper", "code", "weights"}),
        ("result", {"protocol", "digest", "entry", "machine", "files"}),
    ],
)
def test_a_form_demands_what_is_needed(form, wanted):
    body = parsed(ROOT / ".github" / "ISSUE_TEMPLATE" / f"{form}.yml")["body"]
    demanded = {field["id"] for field in body if field.get("validations", {}).get("required")}
    assert wanted <= demanded


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_path_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    top = "|".join(re.escape(path.name) for path in ROOT.iterdir() if path.is_dir() and path.name != ".venv")
    named = set(re.findall(rf"`((?:{top}|\.ci|\.github)/[^\s`<]*)`", text))  # a '<' stands for a name to fill in
    named |= set(re.findall(r"`(\.?[\w-]+\.(?:md|cff|toml|yaml|txt))`", text))
    named |= {target for target in re.findall(r"\]\(([^)#]+)", text) if not target.startswith("http")}
    for name in sorted(named):
        assert (ROOT / name).exists(), f"{relative(page)} names {name}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_command_that_a_page_names_is_there(page):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"(?:`|^\$ )make ([a-z-]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"(?:`|^\$ )rppgbench ([a-z]+)", text, re.MULTILINE)) <= set(COMMANDS)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=relative)
def test_no_page_names_a_machine(page):
    assert not re.search(r"(^|[\s`(])/(work|home|root|tmp)/", page.read_text(encoding="utf-8"))


def test_every_anchor_that_a_page_names_is_a_heading():
    for page in (path for path in PAGES if path.suffix == ".md"):
        for target, anchor in re.findall(r"\]\(([\w./-]+\.md)#([^)]+)\)", page.read_text(encoding="utf-8")):
            titles = re.findall(r"^#+ (.+)$", (ROOT / target).read_text(encoding="utf-8"), re.MULTILINE)
            made = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in made, f"{relative(page)}: {target}#{anchor}"


def test_no_file_is_read_as_a_pickle():
    """SECURITY.md says so; what a run's own processes exchange through pipes is no file."""
    reading = re.compile(r"allow_pickle=True|read_pickle\(|torch\.load\(|joblib\.load\(|pickle\.loads?\(open")
    sources = [path for folder in ("rppgbench", "plugins") for path in (ROOT / folder).rglob("*.py")]
    assert sources
    assert not [relative(path) for path in sources if reading.search(path.read_text(encoding="utf-8"))]
