"""UBFC-rPPG, second part: the layout of its fixture, and what a loader meets in real copies."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import TruncatedVideo, frames, probe
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.ubfc_rppg import SUBJECTS, UbfcRppg

DURATION_S = 8.0
N_FRAMES = 236  # 8 s at 29.5 Hz


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("ubfc_rppg", 2, DURATION_S)


@pytest.fixture(scope="module")
def dataset(registry, tree):
    return registry.create("dataset", "ubfc_rppg", root=tree.root)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of DATASET_2 that may be damaged."""
    return shutil.copytree(tree.root / "DATASET_2", tmp_path / "DATASET_2")


def edited(path, change):
    """Change the file's three lines of numbers as text."""
    path.write_text("\n".join(change([line.split() for line in path.read_text().splitlines()])) + "\n")


def joined(lines):
    return ["   ".join(fields) for fields in lines]


def test_the_published_list_is_1_to_49_without_seven():
    assert [int(name.removeprefix("subject")) for name in SUBJECTS] == sorted(
        set(range(1, 50)) - {2, 6, 7, 19, 21, 28, 29}
    )


def test_the_fixture_is_laid_out_as_published(tree):
    assert tree.files() == {
        f"DATASET_2/subject{number}/{file}" for number in (1, 3) for file in ("vid.avi", "ground_truth.txt")
    }
    video = probe(tree.root / "DATASET_2/subject1/vid.avi")
    assert (video.container, video.codec, video.pix_fmt) == ("avi", "rawvideo", "bgr24")
    assert (video.fps_hz, video.n_frames) == (pytest.approx(29.5), N_FRAMES)
    lines = (tree.root / "DATASET_2/subject1/ground_truth.txt").read_text().splitlines()
    assert [len(line.split()) for line in lines] == [N_FRAMES] * 3
    assert all("e+0" in number or "e-0" in number for number in lines[0].split())
    pulse, _, times_s = np.array([line.split() for line in lines], dtype=np.float64)
    assert (pulse.mean(), pulse.std()) == (pytest.approx(0, abs=1e-6), pytest.approx(1, abs=1e-6))
    assert np.ptp(np.diff(times_s)) > 1e-3


@pytest.mark.parametrize("below", [".", "DATASET_2"])
def test_recordings_are_listed_from_either_folder(tree, below):
    first, second = UbfcRppg(tree.root / below).recordings()
    assert [first.id, second.id] == [first.subject, second.subject] == ["subject1", "subject3"]
    assert first.path == tree.root / "DATASET_2/subject1/vid.avi"
    assert first.fps_hz == pytest.approx(29.5, abs=0.02)
    assert first.duration_s == pytest.approx(DURATION_S, abs=0.005)
    assert (first.source, first.part) == ("raw", (0, None))
    assert first.truth_files == first.clock_files == (tree.root / "DATASET_2/subject1/ground_truth.txt",)


def test_the_truth_is_that_of_the_rendered_recording(dataset, tree, lag_ms):
    for recording in dataset.recordings():
        rendered, truth = tree.rendered_by_id[recording.id], dataset.ground_truth(recording)
        assert (truth.kind, truth.doubts, truth.times_s[0]) == ("bvp", (), 0.0)
        assert window_hrs(truth, [0.0], round(DURATION_S * 30.0), 30.0)[0].beats_bpm == pytest.approx(
            rendered.hr_bpm, abs=0.5
        )
        assert abs(lag_ms(truth, rendered)) <= 2.0
        assert truth.video_s == pytest.approx(DURATION_S, abs=0.005)


def test_frames_are_those_rendered_at_the_times_of_line_3(dataset, tree):
    recording = dataset.recordings()[0]
    times_s = dataset.frame_times_s(recording)
    # The fixture's recorder writes times down up to 4 ms late.
    np.testing.assert_allclose(times_s, np.arange(N_FRAMES) / 29.5, atol=0.0041)
    np.testing.assert_array_equal(times_s, dataset.ground_truth(recording).times_s)
    decoded = list(frames(recording.path))
    filmed = list(tree.rendered_by_id[recording.id].frames())
    assert len(decoded) == len(filmed) == N_FRAMES
    assert all(np.array_equal(decoded[index].rgb(), filmed[index]) for index in (0, 100, N_FRAMES - 1))


def test_the_inventory_names_missing_and_extra_files(copy):
    shutil.move(copy / "subject1/vid.avi", copy / "subject1/vid2.avi")
    shutil.copytree(copy / "subject3", copy / "subject2")
    (copy / "readme.txt").touch()
    dataset = UbfcRppg(copy)
    inventory = dataset.inventory()
    assert (inventory.subjects, inventory.n_recordings) == (SUBJECTS, 42)
    assert [recording.id for recording in dataset.recordings()] == ["subject3"]
    absent = {one.id: one for one in inventory.absent}
    assert len(absent) == 41
    assert absent["subject1"].path == copy / "subject1/vid.avi"
    assert absent["subject1"].reason == "no such file"
    assert absent["subject1"].remedy == "there is vid2.avi: renamed?"
    assert "no such file" in absent["subject4"].reason
    assert inventory.extra == (copy / "subject1/vid2.avi", copy / "subject2")
    assert any("21 and 27 must not be published" in note for note in inventory.notes)


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"<html>not found</html>", "not a video")])
def test_a_video_that_is_none_is_absent_with_the_reason(copy, content, reason):
    (copy / "subject1/vid.avi").write_bytes(content)
    (absent,) = (one for one in UbfcRppg(copy).inventory().absent if one.id == "subject1")
    assert absent.path == copy / "subject1/vid.avi"
    assert reason in absent.reason
    assert absent.remedy


def test_a_download_that_was_cut_off_still_says_how_long_it_should_be(copy):
    path = copy / "subject1/vid.avi"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    recording = UbfcRppg(copy).recordings()[0]
    assert recording.duration_s == pytest.approx(DURATION_S, abs=0.005)
    with pytest.raises(TruncatedVideo, match=r"subject1.vid\.avi: cut off"):
        list(frames(path))


def test_a_truth_that_was_cut_off_is_named_and_the_video_stays_listed(copy):
    path = copy / "subject1/ground_truth.txt"
    path.write_text(path.read_text()[:-400])
    dataset = UbfcRppg(copy)
    recording = dataset.recordings()[0]
    assert (recording.fps_hz, recording.clock_files) == (pytest.approx(29.5), ())
    with pytest.raises(DatasetUnavailable, match=r"ground_truth.txt:3: \d+ columns, expected 236"):
        dataset.ground_truth(recording)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: joined(lines[:2]), "ground_truth.txt: 2 lines, expected 3"),
        (lambda lines: joined([["abc", *lines[0][1:]], *lines[1:]]), "ground_truth.txt:1: column 1 is 'abc'"),
        (
            lambda lines: joined([*lines[:2], [*lines[2][:100], *lines[2][50:186]]]),
            r"ground_truth.txt:3: number 101: time 1.6\d+ s after 3.3\d+ s",
        ),
    ],
)
def test_a_truth_that_is_damaged_is_named_by_its_place(copy, change, complaint):
    edited(copy / "subject1/ground_truth.txt", change)
    dataset = UbfcRppg(copy)
    with pytest.raises(DatasetUnavailable, match=complaint):
        dataset.ground_truth(dataset.recordings()[0])


def test_samples_that_are_no_number_stay_for_the_core_to_exclude(copy):
    edited(copy / "subject1/ground_truth.txt", lambda lines: joined([["nan", *lines[0][1:]], *lines[1:]]))
    dataset = UbfcRppg(copy)
    samples = dataset.ground_truth(dataset.recordings()[0]).samples
    assert np.isnan(samples[0])
    assert np.isfinite(samples[1:]).all()


def test_a_time_that_is_repeated_costs_one_sample_and_no_frame(copy, dataset):
    edited(
        copy / "subject1/ground_truth.txt",
        lambda lines: joined([*lines[:2], [*lines[2][:100], lines[2][99], *lines[2][101:]]]),
    )
    damaged = UbfcRppg(copy)
    recording = damaged.recordings()[0]
    truth, times_s = damaged.ground_truth(recording), damaged.frame_times_s(recording)
    assert truth.doubts == ("1 samples that repeat a time are left out",)
    assert len(truth.samples) == N_FRAMES - 1
    assert (np.diff(times_s) > 0).all()
    np.testing.assert_allclose(times_s, dataset.frame_times_s(recording), atol=0.0041)


def test_a_clock_that_starts_late_is_counted_from_its_start(copy, dataset):
    edited(
        copy / "subject1/ground_truth.txt",
        lambda lines: joined([*lines[:2], [f"{float(time_s) + 12.5:.7e}" for time_s in lines[2]]]),
    )
    late = UbfcRppg(copy)
    recording = late.recordings()[0]
    np.testing.assert_allclose(
        late.ground_truth(recording).times_s, dataset.ground_truth(recording).times_s, rtol=0, atol=2e-6
    )


def test_a_clock_that_drifts_is_doubted_with_both_lengths(copy):
    edited(
        copy / "subject1/ground_truth.txt",
        lambda lines: joined([*lines[:2], [f"{1.02 * float(time_s):.7e}" for time_s in lines[2]]]),
    )
    dataset = UbfcRppg(copy)
    truth = dataset.ground_truth(dataset.recordings()[0])
    assert truth.doubts == ("the video lasts 8.2 s by the sensor's clock and 8.0 s by its header",)
    assert truth.video_s == pytest.approx(1.02 * DURATION_S, abs=0.005)


def test_other_counts_of_samples_and_frames_leave_the_containers_clock(copy):
    edited(copy / "subject1/ground_truth.txt", lambda lines: joined([line[:-2] for line in lines]))
    dataset = UbfcRppg(copy)
    recording = dataset.recordings()[0]
    assert (recording.clock_files, recording.fps_hz) == ((), pytest.approx(29.5, abs=1e-6))
    assert dataset.ground_truth(recording).doubts == ("234 samples for 236 frames: frames are timed by the container",)


def test_a_wrong_root_is_refused_with_the_right_one(tree, tmp_path):
    for wrong in (tree.root / "DATASET_2/subject1", tree.root.parent):
        with pytest.raises(DatasetUnavailable) as caught:
            UbfcRppg(wrong)
        assert "looked for subject<N>/vid.avi" in caught.value.message
        assert caught.value.hint.startswith(f"the data seem to be in {tree.root}")
    with pytest.raises(DatasetUnavailable, match="no such folder"):
        UbfcRppg(tmp_path / "nowhere")
    (tmp_path / "subject1").mkdir()
    (tmp_path / "subject1/p1_0.mat").touch()  # how MMPD is laid out
    with pytest.raises(DatasetUnavailable, match="found subject1"):
        UbfcRppg(tmp_path)
