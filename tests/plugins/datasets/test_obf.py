"""OBF as a table describes it."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rppgbench.media.decode import probe
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.obf import Obf

DURATION_S = 6.0
FOLDERS = (("videos", ".avi"), ("signals", ".csv"))
NAMES = ("001_rest", "001_exercise", "002_rest", "002_exercise")


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("obf", 2, DURATION_S)


@pytest.fixture
def dataset(tree, registry):
    return registry.create("dataset", "obf", root=tree.root)


def test_the_fixture_is_a_table_and_its_files(tree):
    videos, signals = ({f"{folder}/{name}{end}" for name in NAMES} for folder, end in FOLDERS)
    assert tree.files() == {"manifest.csv", *videos, *signals}
    for name in NAMES:
        assert (tree.root / "signals" / f"{name}.csv").read_text().startswith("time_s,ecg,bvp,respiration\n")


def test_videos_are_those_of_obf_but_for_their_size(dataset):
    for recording in dataset.recordings():
        info = probe(recording.path)
        assert (info.codec, info.pix_fmt, info.fps_hz, info.n_frames) == ("mpeg4", "yuv420p", 60.0, DURATION_S * 60)


def test_each_subject_has_two_recordings(dataset):
    recordings = dataset.recordings()
    assert [one.id for one in recordings] == ["001-exercise", "001-rest", "002-exercise", "002-rest"]
    assert {(one.fps_hz, one.duration_s, one.source) for one in recordings} == {(60.0, DURATION_S, "lossy")}
    assert recordings[0].source_details.startswith("mpeg4 at ")


def test_the_ecg_is_on_the_videos_clock_and_gives_the_known_heart_rate(dataset, tree):
    for one in dataset.recordings():
        truth, rendered = dataset.ground_truth(one), tree.rendered_by_id[one.id]
        assert truth.kind == "ecg"
        np.testing.assert_allclose(
            truth.samples, rendered.sensor(truth.times_s), atol=1e-4
        )  # times have six decimals, and R-waves are steep
        assert 1 / np.median(np.diff(truth.times_s)) == pytest.approx(256.0, rel=1e-3)
        assert window_hrs(truth, [0.0], round(one.duration_s * 60.0), 60.0)[0].beats_bpm == pytest.approx(
            rendered.hr_bpm, abs=0.5
        )


def test_the_columns_hold_the_signals_of_their_names(tree):
    """Breathing modulates the intervals between beats; the BVP follows the ECG and has its rate."""
    from rppgbench.contracts import GroundTruth

    for name in NAMES:
        time_s, _, bvp, respiration = np.loadtxt(tree.root / f"signals/{name}.csv", delimiter=",", skiprows=1).T
        truth = GroundTruth(samples=bvp, times_s=time_s, kind="bvp")
        rendered = tree.rendered_by_id[name.replace("_", "-")]
        assert window_hrs(truth, [0.0], round(DURATION_S * 60.0), 60.0)[0].beats_bpm == pytest.approx(
            rendered.hr_bpm, abs=1.5
        )
        assert np.ptp(respiration) > 0


def test_a_table_of_fewer_than_200_recordings_is_noted(dataset):
    inventory = dataset.inventory()
    assert (inventory.subjects, inventory.n_recordings) == (("001", "002"), 4)
    assert not inventory.absent + inventory.extra
    few, short = inventory.notes
    assert "lists 4 recordings of 2 subjects; published are 200 of 100" in few
    assert "a recording lasts 300 s as published; 4 of these last longer or shorter" in short


def test_a_session_that_is_not_in_the_table_is_noted(tree, tmp_path):
    root = shutil.copytree(tree.root, tmp_path / "OBF")
    table = root / "manifest.csv"
    table.write_text("".join(line for line in table.read_text().splitlines(True) if "002_rest" not in line))
    inventory = Obf(root).inventory()
    assert any(note.endswith("in the table not so: 002 (1)") for note in inventory.notes)
    assert inventory.extra == (root / "signals" / "002_rest.csv", root / "videos" / "002_rest.avi")
