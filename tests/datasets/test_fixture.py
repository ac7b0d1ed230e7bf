"""Fixtures are written as a whole or not at all."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.datasets.fixture import AnnouncedCohort, write_fixture
from rppgbench.errors import PluginError, RppgbenchError
from rppgbench.registry import load_registry


@pytest.fixture
def spec(sheets, monkeypatch):
    def write(root, cohort, n_subjects, duration_s):
        rendered = {}
        for number in range(1, n_subjects + 1):
            one = cohort.take(number, fps_hz=20.0, duration_s=duration_s, sensor="bvp")
            (root / f"s{number}").mkdir()
            np.savetxt(root / f"s{number}" / "pulse.csv", one.sensor(np.arange(0, duration_s, 0.02)))
            rendered[f"s{number}-rest"] = one
        return rendered

    monkeypatch.setattr(sheets, "write_fixture", write, raising=False)
    return DatasetSpec(name="sheets", factory="sheets:Sheets", fixture="sheets:write_fixture", summary="skin")


@pytest.fixture
def announced():
    return []


@pytest.fixture
def cohort(announced):
    return AnnouncedCohort(load_registry(), announced.append, size=(128, 96))


def test_recordings_are_returned_and_progress_is_reported(spec, cohort, announced, tmp_path):
    rendered = write_fixture(spec, tmp_path / "new" / "copy", cohort, n_subjects=2, duration_s=2.0)
    assert announced == [1, 2]
    assert 40 < rendered["s1-rest"].hr_bpm < 140
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["copy"]
    assert (tmp_path / "new" / "copy" / "s2" / "pulse.csv").is_file()


def test_an_empty_folder_may_be_filled_and_a_full_one_may_not(spec, cohort, tmp_path):
    write_fixture(spec, tmp_path, cohort, n_subjects=1, duration_s=2.0)
    before = (tmp_path / "s1" / "pulse.csv").read_bytes()
    with pytest.raises(RppgbenchError, match="is not empty, nothing was written"):
        write_fixture(spec, tmp_path, cohort, n_subjects=2, duration_s=2.0)
    assert [path.name for path in tmp_path.iterdir()] == ["s1"]
    assert (tmp_path / "s1" / "pulse.csv").read_bytes() == before


def test_a_writer_that_fails_leaves_nothing(spec, cohort, sheets, monkeypatch, tmp_path):
    def write(root, cohort, n_subjects, duration_s):
        (root / "half").mkdir()
        raise PluginError("no more")

    monkeypatch.setattr(sheets, "write_fixture", write)
    with pytest.raises(PluginError, match="no more"):
        write_fixture(spec, tmp_path / "copy", cohort, n_subjects=1, duration_s=2.0)
    assert not list(tmp_path.iterdir())


def test_a_dataset_without_a_fixture_is_refused(cohort, registry, tmp_path):
    with pytest.raises(PluginError, match="'sheets' comes without a fixture"):
        write_fixture(registry.spec("dataset", "sheets"), tmp_path, cohort, n_subjects=1, duration_s=2.0)
    with pytest.raises(PluginError, match="'synthetic' makes its recordings itself"):
        write_fixture(load_registry().spec("dataset", "synthetic"), tmp_path, cohort, n_subjects=1, duration_s=2.0)
