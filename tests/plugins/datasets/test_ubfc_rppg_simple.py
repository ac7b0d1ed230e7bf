"""UBFC-rPPG, first part: the layout of its fixture, and what a loader meets in real copies."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import frames, probe
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.ubfc_rppg_simple import SUBJECTS, UbfcRppgSimple

DURATION_S = 10.0
N_FRAMES = 287  # 10 s at 28.67 Hz


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("ubfc_rppg_simple", 8, DURATION_S)


@pytest.fixture(scope="module")
def dataset(registry, tree):
    return registry.create("dataset", "ubfc_rppg_simple", root=tree.root)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of three folders that may be damaged."""
    for name in ("5-gt", "7-gt", "after-exercise"):
        shutil.copytree(tree.root / "DATASET_1" / name, tmp_path / "DATASET_1" / name)
    return tmp_path / "DATASET_1"


def test_the_fixture_is_laid_out_as_published(tree):
    videos = dict.fromkeys(SUBJECTS, "vid.avi") | {"7-gt": "vid-007.avi", "12-gt": "vid-12.avi"}
    expected = {f"DATASET_1/{name}/{video}" for name, video in videos.items()}
    assert tree.files() == expected | {f"DATASET_1/{name}/gtdump.xmp" for name in SUBJECTS}
    assert len(SUBJECTS) == 8
    video = probe(tree.root / "DATASET_1/7-gt/vid-007.avi")
    assert (video.container, video.codec, video.fps_hz) == ("avi", "rawvideo", pytest.approx(28.67))
    rows = np.loadtxt(tree.root / "DATASET_1/7-gt/gtdump.xmp", delimiter=",")
    assert rows.shape[1] == 4
    periods_ms = np.diff(rows[:, 0])
    assert 1000 / periods_ms.mean() == pytest.approx(62, abs=0.5)
    assert periods_ms.std() > 1


def test_every_folder_is_a_recording_in_natural_order(dataset):
    recordings = dataset.recordings()
    assert [recording.id for recording in recordings] == list(SUBJECTS)
    assert recordings[0].fps_hz == pytest.approx(28.67)
    assert recordings[0].duration_s == pytest.approx(N_FRAMES / 28.67)
    assert {recording.source for recording in recordings} == {"raw"}
    assert [recording.session for recording in recordings][-2:] == ["rest", "after exercise"]
    inventory = dataset.inventory()
    assert (inventory.subjects, inventory.n_recordings, inventory.absent, inventory.extra) == (SUBJECTS, 8, (), ())
    assert any("7-gt and 12-gt" in note for note in inventory.notes)


def test_the_truth_is_that_of_the_rendered_recording(dataset, tree, lag_ms):
    for recording in dataset.recordings():
        rendered, truth = tree.rendered_by_id[recording.id], dataset.ground_truth(recording)
        assert (truth.kind, truth.doubts) == ("bvp", ())
        assert abs(lag_ms(truth, rendered)) <= 2.0
        rate = window_hrs(truth, [0.0], round((DURATION_S - 0.1) * 30.0), 30.0)[0]
        assert rate.beats_bpm == pytest.approx(rendered.hr_bpm, abs=0.5)


def test_frames_are_those_rendered(dataset, tree):
    recording = dataset.recordings()[0]
    decoded = list(frames(recording.path))
    filmed = list(tree.rendered_by_id[recording.id].frames())
    assert len(decoded) == len(filmed) == N_FRAMES
    assert all(np.array_equal(decoded[index].rgb(), filmed[index]) for index in (0, 100, N_FRAMES - 1))


def test_the_inventory_names_missing_and_extra_files(copy):
    shutil.move(copy / "5-gt/gtdump.xmp", copy / "5-gt/gtdump.xml")
    shutil.copy(copy / "7-gt/vid-007.avi", copy / "7-gt/vid.avi")
    (copy / "notes").mkdir()
    (copy / "notes/a.csv").touch()
    dataset = UbfcRppgSimple(copy)
    assert [recording.id for recording in dataset.recordings()] == ["after-exercise"]
    inventory = dataset.inventory()
    absent = {one.id: one for one in inventory.absent}
    assert list(absent) == [name for name in SUBJECTS if name != "after-exercise"]
    assert absent["5-gt"].path == copy / "5-gt/gtdump.xmp"
    assert absent["5-gt"].remedy == "there is gtdump.xml: renamed?"
    assert "expected one video such as vid.avi, found vid-007.avi, vid.avi" in absent["7-gt"].reason
    assert absent["8-gt"].reason == "no such folder"
    assert inventory.extra == (copy / "5-gt/gtdump.xml", copy / "notes")


def test_folders_of_other_names_count_too(copy):
    (copy / "7-gt").rename(copy / "13-gt")
    dataset = UbfcRppgSimple(copy)
    assert [recording.id for recording in dataset.recordings()] == ["5-gt", "13-gt", "after-exercise"]
    inventory = dataset.inventory()
    assert set(inventory.subjects) == {*SUBJECTS, "13-gt"}
    assert "7-gt" in {one.id for one in inventory.absent}


def test_eight_folders_of_any_name_are_all(copy):
    for index in range(5):
        shutil.copytree(copy / "5-gt", copy / f"2{index}-gt")
    inventory = UbfcRppgSimple(copy).inventory()
    assert (len(inventory.subjects), inventory.n_recordings, inventory.absent) == (8, 8, ())


@pytest.mark.parametrize(
    ("line", "text", "complaint"),
    [
        (3, "18,72,97,x", "gtdump.xmp:3: column 4 is 'x', expected a number"),
        (3, "18,72,97", "gtdump.xmp:3: 3 columns, expected 4"),
        (100, "0,72,97,50", r"gtdump.xmp:100: time 0.0000 s after 1\.\d+ s"),
    ],
)
def test_a_truth_that_is_damaged_is_named_by_line(copy, line, text, complaint):
    path = copy / "5-gt/gtdump.xmp"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[: line - 1], text, *lines[line:]]))
    dataset = UbfcRppgSimple(copy)
    with pytest.raises(DatasetUnavailable, match=complaint):
        dataset.ground_truth(dataset.recordings()[0])


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (lambda rows: rows[: len(rows) // 2], r"the sensor stops at 5\.0 s, the video at 10\.0 s"),
        (lambda rows: [[row[0] + 3e6, *row[1:]] for row in rows], r"times start at 3000\.0 s: taken as the start"),
        (lambda rows: [rows[0], rows[0], *rows[1:]], "1 samples that repeat a time are left out"),
    ],
)
def test_oddities_of_the_sensor_are_doubts(copy, change, doubt):
    path = copy / "5-gt/gtdump.xmp"
    rows = np.loadtxt(path, delimiter=",").tolist()
    np.savetxt(path, change(rows), delimiter=",", fmt="%.0f")
    dataset = UbfcRppgSimple(copy)
    truth = dataset.ground_truth(dataset.recordings()[0])
    (found,) = truth.doubts
    assert re.search(doubt, found)
    assert (np.diff(truth.times_s) > 0).all()
    assert abs(truth.times_s[0]) < 0.01


def test_a_sensor_that_drifts_by_two_per_cent_is_doubted_with_both_lengths(copy):
    """A minute of samples for a video of as much, by a clock that is 2 % fast."""
    rows = [f"{1.02 * 1000 * n / 62:.0f},72,97,50" for n in range(60 * 62)]
    (copy / "5-gt/gtdump.xmp").write_text("\n".join(rows))
    dataset = UbfcRppgSimple(copy)
    truth = dataset.ground_truth(replace(dataset.recordings()[0], duration_s=60.0))
    assert truth.doubts == ("the sensor stops at 61.2 s, the video at 60.0 s",)


def test_a_wrong_root_is_refused(tree, tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"(?s)looked for <folder>/gtdump\.xmp.*the data seem to be in"):
        UbfcRppgSimple(tree.root.parent)
    (tmp_path / "subject1").mkdir()
    (tmp_path / "subject1/ground_truth.txt").touch()  # how the second part is laid out
    with pytest.raises(DatasetUnavailable, match="found subject1"):
        UbfcRppgSimple(tmp_path)
