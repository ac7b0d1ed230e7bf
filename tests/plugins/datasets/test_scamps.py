"""SCAMPS: its loader against a small copy with known beats."""

from __future__ import annotations

import shutil
import sys

import h5py
import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.scamps import Scamps

DURATION_S = 8.0
T = 240


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("scamps", 2, DURATION_S)


@pytest.fixture(scope="module")
def dataset(tree):
    return Scamps(tree.root)


@pytest.fixture
def copy(tree, tmp_path):
    return shutil.copytree(tree.root, tmp_path / "scamps")


def replaced(root, key, values):
    """Put other values, or none, into the first file."""
    with h5py.File(root / "P000001.mat", "r+") as file:
        del file[key]
        if values is not None:
            file.create_dataset(key, data=values)


def why_idle(root):
    dataset = Scamps(root)
    assert "P000001" not in [recording.id for recording in dataset.recordings()]
    return dataset.inventory().absent[0]


# --- the layout ------------------------------------------------------------------------------------------------------


def test_the_tree_is_the_published_one(tree):
    assert tree.files() == {"P000001.mat", "P000002.mat"}


def test_a_file_is_matlab_7_3_with_the_published_arrays(tree):
    path = tree.root / "P000001.mat"
    head = path.read_bytes()[:520]
    assert head.startswith(b"MATLAB 7.3 MAT-file")
    assert head[124:128] == b"\x00\x02IM"
    assert head[512:] == b"\x89HDF\r\n\x1a\n"
    with h5py.File(path) as file:
        shapes = {key: file[key].shape for key in file}
    units = [f"au{n}" for n in (2, 4, 7, 12, 15, 17, 18, 26, 27, 45)]
    assert shapes == {
        "RawFrames": (3, 128, 96, T),
        "Xsub": (3, 96, 96, T),
        **dict.fromkeys(["d_ppg", "d_br", "d_pitch", "d_yaw", "d_rol", *units], (T,)),
    }


# --- what the loader makes of it -------------------------------------------------------------------------------------


def test_recordings(dataset, tree):
    recordings = dataset.recordings()
    assert [(r.id, r.subject) for r in recordings] == [("P000001", "P000001"), ("P000002", "P000002")]
    first = recordings[0]
    assert (first.path, first.source_files) == (None, (tree.root / "P000001.mat",))
    assert (first.fps_hz, first.duration_s, first.source) == (30.0, DURATION_S, "rendered")


def test_heart_rate_is_that_of_the_known_beats(dataset, tree):
    for recording in dataset.recordings():
        truth = dataset.ground_truth(recording)
        assert (truth.kind, truth.doubts) == ("bvp", ())
        rate = window_hrs(truth, [0.0], round(DURATION_S * recording.fps_hz), recording.fps_hz)[0]
        assert rate.beats_bpm == pytest.approx(tree.rendered_by_id[recording.id].hr_bpm, abs=0.5)


def test_the_pulse_has_a_sample_a_frame(dataset, tree):
    truth = dataset.ground_truth(dataset.recordings()[0])
    np.testing.assert_allclose(truth.times_s, np.arange(T) / 30)
    np.testing.assert_allclose(truth.samples, tree.rendered_by_id["P000001"].sensor(truth.times_s))


def test_what_is_rendered_are_the_stored_pictures(dataset, tree, tmp_path):
    target = tmp_path / f"video{dataset.container()}"
    dataset.render(dataset.recordings()[0], target)
    filmed = tree.rendered_by_id["P000001"].frames()
    decoded = [frame.rgb() for frame in frames(target)]
    assert len(decoded) == T
    for got, wanted in zip(decoded, filmed, strict=True):
        np.testing.assert_array_equal(got, wanted[:, 16:112])


def test_rendering_twice_gives_the_same_bytes(dataset, tmp_path):
    for name in ("a.avi", "b.avi"):
        dataset.render(dataset.recordings()[1], tmp_path / name)
    assert (tmp_path / "a.avi").read_bytes() == (tmp_path / "b.avi").read_bytes()


def test_folders_of_splits_become_a_tag(copy):
    for folder, name in (("Train", "P000001.mat"), ("Test", "P000002.mat")):
        (copy / folder).mkdir()
        (copy / name).rename(copy / folder / name)
    dataset = Scamps(copy)
    assert [(r.id, r.tags) for r in dataset.recordings()] == [
        ("P000001", {"split": "train"}),
        ("P000002", {"split": "test"}),
    ]
    assert dataset.inventory().extra == ()


def test_five_digits_are_the_same_person(copy):
    (copy / "P000002.mat").rename(copy / "P00002.mat")
    assert [r.id for r in Scamps(copy).recordings()] == ["P000001", "P000002"]


@pytest.mark.parametrize("shape", [(1, T), (T, 1)])
def test_a_row_or_a_column_is_a_signal_too(copy, shape):
    wave = np.sin(np.arange(T))
    replaced(copy, "d_ppg", wave.reshape(shape))
    dataset = Scamps(copy)
    np.testing.assert_array_equal(dataset.ground_truth(dataset.recordings()[0]).samples, wave)


# --- traps -----------------------------------------------------------------------------------------------------------


def test_inventory_counts_published_recordings(copy):
    (copy / "ScampsTrainTestSplit.csv").write_text("x")
    (copy / "P002801.mat").write_text("x")
    (copy / "Val").mkdir()
    (copy / "Val" / "P000001.mat").write_text("x")
    inventory = Scamps(copy).inventory()
    assert (inventory.n_recordings, len(inventory.subjects), len(inventory.absent)) == (2800, 2800, 2798)
    assert (inventory.subjects[0], inventory.subjects[-1]) == ("P000001", "P002800")
    assert set(inventory.extra) == {copy / "P002801.mat", copy / "Val"}
    assert inventory.absent[0].path == copy / "P000003.mat"


@pytest.mark.parametrize(
    ("key", "values", "reason"),
    [
        ("Xsub", None, "has no array Xsub (there: RawFrames, au12"),
        ("d_ppg", None, "has no array d_ppg"),
        # As readers that turn the axes hand it on.
        ("Xsub", np.zeros((4, 96, 96, 3)), "Xsub is float64 of shape (4, 96, 96, 3), expected float of (3, W, H, T)"),
        ("Xsub", np.zeros((3, 96, 96, 4), np.uint8), "Xsub is uint8 of shape (3, 96, 96, 4), expected float"),
        ("Xsub", np.zeros((3, 96, 96, 0)), "Xsub is float64 of shape (3, 96, 96, 0)"),
    ],
)
def test_a_file_without_a_needed_array_is_absent_with_the_reason(copy, key, values, reason):
    replaced(copy, key, values)
    entry = why_idle(copy)
    assert entry.path == copy / "P000001.mat"
    assert entry.reason.startswith(reason)


@pytest.mark.parametrize("damage", [lambda whole: whole[: len(whole) // 2], lambda _: b"MATLAB 5.0 MAT-file" * 100])
def test_a_damaged_file_is_absent_with_the_reason(copy, damage):
    path = copy / "P000001.mat"
    path.write_bytes(damage(path.read_bytes()))
    entry = why_idle(copy)
    assert entry.path == path
    assert entry.reason.startswith("cannot be read as MATLAB v7.3")


@pytest.mark.parametrize("value", [np.nan, -0.5, 128.0])
def test_a_picture_out_of_range_is_named_by_file_and_frame(copy, value, tmp_path):
    video = np.full((3, 96, 96, 70), 0.5)
    video[1, 40, 50, 65] = value
    replaced(copy, "Xsub", video)
    dataset = Scamps(copy)
    with pytest.raises(
        DatasetUnavailable, match=r"P000001\.mat: Xsub, frame 65: holds values that are not from 0 to 1"
    ):
        dataset.render(dataset.recordings()[0], tmp_path / "video.avi")


def test_a_pulse_of_another_length_is_doubted(copy):
    replaced(copy, "d_ppg", np.zeros(T - 20))
    dataset = Scamps(copy)
    assert dataset.ground_truth(dataset.recordings()[0]).doubts == (
        "220 samples of d_ppg for 240 frames, both said to be at 30 Hz: 7.33 s against 8.00 s",
    )


def test_a_pulse_that_is_no_signal_is_refused(copy):
    replaced(copy, "d_ppg", np.zeros((T, 2)))
    dataset = Scamps(copy)
    with pytest.raises(DatasetUnavailable, match=r"d_ppg is float64 of shape \(240, 2\), expected one number a frame"):
        dataset.ground_truth(dataset.recordings()[0])


def test_a_gap_in_the_pulse_stays_a_gap(copy):
    wave = np.sin(np.arange(T))
    wave[40:60] = np.nan
    replaced(copy, "d_ppg", wave)
    dataset = Scamps(copy)
    assert np.isnan(dataset.ground_truth(dataset.recordings()[0]).samples).sum() == 20


def test_a_wrong_root_is_refused_with_the_right_one(copy):
    with pytest.raises(DatasetUnavailable, match=r"looked for P000001\.mat") as caught:
        Scamps(copy.parent)
    assert caught.value.hint == f"the data seem to be in {copy}: point there"


def test_another_dataset_is_refused(tmp_path):
    (tmp_path / "subject1").mkdir()
    (tmp_path / "subject1" / "p1_0.mat").write_bytes(b"x")  # as MMPD names its files
    with pytest.raises(DatasetUnavailable, match="found subject1"):
        Scamps(tmp_path)


def test_without_the_reader_it_says_what_to_install(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DatasetUnavailable) as caught:
        Scamps(tree.root)
    assert caught.value.hint == "pip install 'rppgbench[datasets]'"
