"""The page on datasets names all there are, and what it shows works."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.registry import load_registry
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.testing import check
from rppgbench.testing.rendered_cohort import RenderedCohort

PAGE = (Path(__file__).parents[1] / "docs" / "datasets.md").read_text(encoding="utf-8")
DATASETS = [spec for spec in load_registry().specs("dataset") if isinstance(spec, DatasetSpec) and spec.needs_files]


@pytest.mark.parametrize("spec", DATASETS, ids=lambda spec: spec.name)
def test_every_dataset_is_on_the_page_and_has_a_section(spec):
    (row,) = re.findall(rf"^\| \[`{spec.name}`\]\(#([\w-]+)\) \|.*$", PAGE, re.MULTILINE)
    assert row in [re.sub(r"\W+", "-", title.lower()) for title in re.findall(r"^##+ (.+)$", PAGE, re.MULTILINE)]


def test_every_column_of_a_manifest_is_on_the_page():
    from rppgbench_datasets.manifest_table import COLUMNS

    table = PAGE[PAGE.index("| column | meaning |") : PAGE.index("## A loader of your own")]
    named = {name for cell in re.findall(r"^\|([^|]+)\|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert named == set(COLUMNS)


def test_the_table_on_the_page_is_that_of_the_fixture(tmp_path):
    from rppgbench_datasets.own_recordings import ManifestDataset, write_fixture

    write_fixture(tmp_path, RenderedCohort(load_registry()), 3, 2.0)
    written = ManifestDataset(tmp_path).recordings()
    shown = re.search(r"^subject,session.*?(?=^```)", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    (tmp_path / "manifest.csv").write_text(shown.group())
    read = ManifestDataset(tmp_path).recordings()
    assert [(one.id, one.path, one.fps_hz) for one in read] == [(one.id, one.path, one.fps_hz) for one in written]
    for one in read:
        assert ManifestDataset(tmp_path).ground_truth(one).times_s[0] == pytest.approx(-0.75 * (one.subject == "p2"))


def test_the_loader_on_the_page_keeps_the_contract(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n# my_package/__init__\.py\n(.*?)```", PAGE, re.DOTALL)
    module = types.ModuleType("my_package")
    monkeypatch.setitem(sys.modules, "my_package", module)
    exec(code, module.__dict__)
    (spec,) = module.rppgbench_datasets()
    takes = module.write_fixture(tmp_path, RenderedCohort(load_registry()), 2, 10.0)
    check(spec, tmp_path, root=tmp_path)
    dataset = module.MyLab(tmp_path)
    for recording in dataset.recordings():
        hr = window_hrs(dataset.ground_truth(recording), [0.0], round(recording.duration_s * 30.0), 30.0)[0]
        assert hr.beats_bpm == pytest.approx(takes[recording.id].hr_bpm, abs=0.5)
