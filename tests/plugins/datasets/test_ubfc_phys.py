"""UBFC-Phys: layout, clock and traps."""

from __future__ import annotations

import shutil
from dataclasses import replace

import av
import numpy as np
import pytest

from rppgbench.contracts import InventoriedDataset
from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.ubfc_phys import UbfcPhys

NAMES = ["s1-T1", "s1-T2", "s1-T3"]


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("ubfc_phys", 1, 6.0)


@pytest.fixture
def root(tree, tmp_path):
    """A copy to break."""
    shutil.copytree(tree.root, tmp_path / "root")
    return tmp_path / "root"


def test_the_fixture_has_the_published_layout(tree):
    tasks = ("T1", "T2", "T3")
    assert tree.files() == {
        "s1/info_s1.txt",
        *(f"s1/vid_s1_{task}.avi" for task in tasks),
        *(f"s1/bvp_s1_{task}.csv" for task in tasks),
        *(f"s1/eda_s1_{task}.csv" for task in tasks),
    }
    bvp, eda = (np.loadtxt(tree.root / f"s1/{kind}_s1_T1.csv") for kind in ("bvp", "eda"))
    assert (bvp.shape, eda.shape) == ((6 * 64,), (6 * 4,))
    with av.open(str(tree.root / "s1/vid_s1_T1.avi")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, float(stream.average_rate)) == ("mjpeg", 35.14)
    assert (tree.root / "s1/info_s1.txt").read_text().splitlines()[1] in "mf"


def test_recordings(tree):
    dataset = UbfcPhys(tree.root)
    assert isinstance(dataset, InventoriedDataset)
    recordings = dataset.recordings()
    assert [recording.id for recording in recordings] == NAMES
    assert [recording.tags["task"] for recording in recordings] == ["rest", "speech", "arithmetic"]
    first = recordings[0]
    assert (first.subject, first.session, first.part, first.source) == ("s1", "T1", (0, -1), "lossy")
    assert first.fps_hz == pytest.approx(35.14)
    assert first.duration_s == pytest.approx(tree.rendered_by_id["s1-T1"].n_frames / 35.14)
    assert first.tags["gender"] in ("male", "female")


def test_the_corrupt_last_frame_is_not_in_the_part(tree):
    """The arithmetic is the second half of a longer recording, so its frames also show where that was cut."""
    recording, rendered = UbfcPhys(tree.root).recordings()[2], tree.rendered_by_id["s1-T3"]
    lower = slice(60, None)
    filmed = [frame[lower].mean() for frame in rendered.frames()]
    used = [frame.rgb()[lower].mean() for frame in frames(recording.path, part=recording.part)]
    assert len(used) == rendered.n_frames
    assert np.abs(np.subtract(used, filmed)).max() < 1.0
    *_, last = frames(recording.path)
    assert last.index == rendered.n_frames
    assert abs(last.rgb()[lower].mean() - filmed[0]) > 10.0


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_is_the_takes(tree, name):
    dataset = UbfcPhys(tree.root)
    recording = next(r for r in dataset.recordings() if r.id == name)
    truth, rendered = dataset.ground_truth(recording), tree.rendered_by_id[name]
    assert window_hrs(truth, [0.0], round(rendered.duration_s * 35.14), 35.14)[0].beats_bpm == pytest.approx(
        rendered.hr_bpm, abs=0.5
    )
    np.testing.assert_allclose(truth.samples / 100, rendered.sensor(truth.times_s), atol=5.1e-5)
    assert (truth.times_s[0], truth.kind) == (0.0, "bvp")
    assert (truth.video_s, truth.doubts) == (None, ())


def test_no_two_tasks_have_one_pulse(tree):
    contents = {(tree.root / f"s1/bvp_s1_{task}.csv").read_bytes() for task in ("T1", "T2", "T3")}
    assert len(contents) == 3


def test_the_inventory_names_all_that_was_published(tree):
    inventory = UbfcPhys(tree.root).inventory()
    assert inventory.subjects == tuple(f"s{n}" for n in range(1, 57))
    assert (inventory.n_recordings, len(inventory.absent), inventory.extra) == (168, 165, ())
    assert any("wrist" in note and "67 clips" in note for note in inventory.notes)


def test_subjects_come_in_natural_order_whatever_else_lies_there(root):
    for number in (2, 10):
        folder = root / f"s{number}"
        shutil.copytree(root / "s1", folder)
        for path in folder.iterdir():
            path.rename(folder / path.name.replace("s1", f"s{number}"))
    (root / "s1/selfReportedAnx_s1.csv").write_text("1,2\n1,2\n1,2\n")
    (root / "s10/vid_s1_T1.avi").write_bytes(b"of another")
    (root / "LICENSE.txt").write_text("licence")
    dataset = UbfcPhys(root)
    assert [r.subject for r in dataset.recordings()][::3] == ["s1", "s2", "s10"]
    assert dataset.inventory().extra == (root / "s10/vid_s1_T1.avi",)


def test_missing_and_renamed_and_empty_files_are_named(root):
    (root / "s1/vid_s1_T1.avi").rename(root / "s1/vid_s1_t1.avi")
    (root / "s1/bvp_s1_T2.csv").unlink()
    (root / "s1/vid_s1_T3.avi").write_bytes(b"")
    dataset = UbfcPhys(root)
    assert not dataset.recordings()
    renamed, missing, empty = dataset.inventory().absent[:3]
    assert (renamed.path, renamed.remedy) == (root / "s1/vid_s1_T1.avi", "there is vid_s1_t1.avi: renamed?")
    assert (missing.id, missing.path, missing.reason) == ("s1-T2", root / "s1/bvp_s1_T2.csv", "no such file")
    assert missing.remedy == "copy or download it again"
    assert (empty.path, empty.reason) == (root / "s1/vid_s1_T3.avi", "is empty (0 bytes)")


def test_a_subject_without_info_is_still_scored(root):
    (root / "s1/info_s1.txt").unlink()
    dataset = UbfcPhys(root)
    assert "gender" not in dataset.recordings()[0].tags
    assert any("no gender is known of s1" in note for note in dataset.inventory().notes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("1.0\n2.0\nloud\n", ":3: column 1 is 'loud', expected a number"),
        ("1.0\n2.0 3.0\n", ":2: 2 columns, expected 1"),
        ("\n", ": holds no numbers"),
    ],
)
def test_a_wrong_bvp_is_reported_by_line(root, text, complaint):
    path = root / "s1/bvp_s1_T1.csv"
    path.write_text(text)
    dataset = UbfcPhys(root)
    with pytest.raises(DatasetUnavailable) as caught:
        dataset.ground_truth(dataset.recordings()[0])
    assert caught.value.message == f"{path}{complaint}"


def test_samples_that_are_no_numbers_stay_so_and_a_short_bvp_shows(root):
    path = root / "s1/bvp_s1_T1.csv"
    lines = path.read_text().split()
    lines[100] = "nan"
    path.write_text("\n".join(lines[:192]))
    dataset = UbfcPhys(root)
    truth = dataset.ground_truth(dataset.recordings()[0])
    assert np.flatnonzero(np.isnan(truth.samples)).tolist() == [100]
    assert truth.doubts == ("the sensor stops at 3.0 s, the video at 6.0 s",)


def test_a_sensor_that_drifts_by_two_per_cent_or_runs_on_is_doubted_and_excludes_nothing(root):
    """A minute of samples for a video of as much, at 64 Hz by a clock that is 2 % fast."""
    (root / "s1/bvp_s1_T1.csv").write_text("1.0\n" * round(1.02 * 60 * 64))
    dataset = UbfcPhys(root)
    truth = dataset.ground_truth(replace(dataset.recordings()[0], duration_s=60.0))
    assert truth.doubts == ("the sensor stops at 61.2 s, the video at 60.0 s",)
    assert truth.video_s is None


def test_a_wrong_root_says_where_to_look(tree, tmp_path):
    with pytest.raises(DatasetUnavailable) as above:
        UbfcPhys(tree.root.parent)
    assert "looked for s<1..56>/vid_s<n>_T<1..3>.avi" in above.value.message
    assert str(tree.root) in str(above.value.hint)
    with pytest.raises(DatasetUnavailable) as below:
        UbfcPhys(tree.root / "s1")
    assert str(tree.root) in str(below.value.hint)
    with pytest.raises(DatasetUnavailable, match="an empty folder"):
        UbfcPhys(tmp_path)
