"""COHFACE: layout, clock and traps."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace

import av
import h5py
import numpy as np
import pytest

from rppgbench.contracts import Dataset, InventoriedDataset
from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.testing.rendered_cohort import RenderedCohort, write_video
from rppgbench_datasets.cohface import Cohface, write_fixture

NAMES = ["1-0", "1-1", "1-2", "1-3"]


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("cohface", 1, 6.0)


@pytest.fixture
def root(tree, tmp_path):
    """A copy to break."""
    shutil.copytree(tree.root, tmp_path / "root")
    return tmp_path / "root"


def changed(root, **signals):
    """The truth of the first session with other signals in its file; None takes one out."""
    with h5py.File(root / "1/0/data.hdf5", "r+") as file:
        for name, values in signals.items():
            del file[name]
            if values is not None:
                file[name] = values
    dataset = Cohface(root)
    return dataset.ground_truth(dataset.recordings()[0])


def test_the_fixture_has_the_published_layout(tree):
    sessions = {f"1/{session}/data.{ending}" for session in range(4) for ending in ("avi", "hdf5")}
    lists = {f"protocols/{p}/{s}.txt" for p in ("all", "clean", "natural") for s in ("train", "dev", "test", "all")}
    assert tree.files() == sessions | lists
    with h5py.File(tree.root / "1/2/data.hdf5", "r") as file:
        assert {"pulse", "respiration", "time"} == set(file)
        assert file.attrs["illumination"].shape == file.attrs["birth-date"].shape == (1,)
        assert file.attrs["illumination"][0] == b"natural"
        assert file.attrs["sample-rate-hz"][0] == 256
        assert np.median(np.diff(file["time"])) == pytest.approx(1 / 256)
    with av.open(str(tree.root / "1/2/data.avi")) as video:
        stream = video.streams.video[0]
        assert (stream.codec_context.name, stream.average_rate, stream.codec_context.pix_fmt) == (
            "mpeg4",
            20,
            "yuv420p",
        )


def test_the_owners_lists_share_no_subject(tree):
    """12, 12 and 16 subjects (Heusch et al. 2017)."""
    folder = tree.root / "protocols"
    members = {
        name: {line.split("/")[0] for line in (folder / "all" / f"{name}.txt").read_text().split()}
        for name in ("train", "dev", "test")
    }
    assert {name: len(subjects) for name, subjects in members.items()} == {"train": 12, "dev": 12, "test": 16}
    assert len(set.union(*members.values())) == 40
    assert "3/0/data" in (folder / "clean/test.txt").read_text().split()
    assert (folder / "natural/test.txt").read_text().split()[:3] == ["3/2/data", "3/3/data", "8/2/data"]


def test_recordings(tree):
    dataset = Cohface(tree.root)
    assert isinstance(dataset, InventoriedDataset)
    listed: Dataset = dataset
    recordings = listed.recordings()
    assert [recording.id for recording in recordings] == NAMES
    assert [recording.tags["light"] for recording in recordings] == ["lamp", "lamp", "natural", "natural"]
    first = recordings[0]
    assert (first.subject, first.session, first.fps_hz, first.duration_s) == ("1", "0", 20.0, 6.0)
    assert (first.source, first.tags["split"]) == ("lossy", "train")
    assert first.source_details.startswith("mpeg4 at ")


def test_a_session_shows_its_own_part_of_the_rendered_recording(tree):
    """Means of decoded frames against those of the rendered recording, which begins 18 s into a longer one."""
    recording, rendered = Cohface(tree.root).recordings()[3], tree.rendered_by_id["1-3"]
    filmed = np.array([frame.mean() for frame in rendered.frames()])
    decoded = np.array([frame.rgb().mean() for frame in frames(recording.path)])
    assert len(decoded) == rendered.n_frames == 120
    assert np.abs(decoded - filmed).max() < 1.0
    assert np.corrcoef(decoded, filmed)[0, 1] > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_the_truth_is_the_takes(tree, name):
    dataset = Cohface(tree.root)
    recording = next(r for r in dataset.recordings() if r.id == name)
    truth, rendered = dataset.ground_truth(recording), tree.rendered_by_id[name]
    assert window_hrs(truth, [0.0], 120, 20.0)[0].beats_bpm == pytest.approx(rendered.hr_bpm, abs=0.5)
    np.testing.assert_allclose((truth.samples - 40) / 10, rendered.sensor(truth.times_s), atol=1e-9)
    assert (truth.kind, truth.doubts) == ("bvp", ())


def test_birth_dates_stay_inside(tree):
    with h5py.File(tree.root / "1/0/data.hdf5", "r") as file:
        (born,) = file.attrs["birth-date"]
    dataset = Cohface(tree.root)
    said = [dataset.inventory(), *dataset.recordings(), dataset.ground_truth(dataset.recordings()[0])]
    assert born.decode() not in repr(said)


def test_a_renamed_folder_is_named(root):
    (root / "1").rename(root / "01")
    shutil.copytree(root / "01", root / "3")
    absent = Cohface(root).inventory().absent[0]
    assert (absent.id, absent.reason) == ("1-0", "no such file, nor a folder 1")
    assert absent.remedy == "there is 01: renamed?"


def test_subjects_come_in_natural_order_whatever_else_lies_there(root):
    for subject in ("2", "10"):
        shutil.copytree(root / "1", root / subject)
    (root / "README.txt").write_text("read me")
    (root / "tools").mkdir()
    (root / "tools/plot.m").write_text("plot")
    shutil.copytree(root / "1", root / "41")
    dataset = Cohface(root)
    assert [r.subject for r in dataset.recordings()][::4] == ["1", "2", "10"]
    assert dataset.inventory().extra == (root / "41", root / "tools")


def test_the_inventory_names_all_that_was_published(tree):
    inventory = Cohface(tree.root).inventory()
    assert inventory.subjects == tuple(map(str, range(1, 41)))
    assert (inventory.n_recordings, len(inventory.absent), inventory.extra) == (160, 156, ())
    assert (inventory.absent[0].id, inventory.absent[0].reason) == ("2-0", "no such file, nor a folder 2")


def test_a_copy_in_matroska_is_read(root):
    (root / "1/1/data.avi").unlink()
    grey = [np.full((96, 128, 3), 100 + k % 7, np.uint8) for k in range(120)]
    write_video(grey, root / "1/1/data.mkv", 20.0, encoder="mpeg4", pix_fmt="yuv420p", bitrate_bps=4e5)
    recording = Cohface(root).recordings()[1]
    assert recording.path == root / "1/1/data.mkv"
    assert (recording.fps_hz, recording.duration_s) == (20.0, pytest.approx(6.0, abs=0.01))


def test_a_renamed_and_an_empty_and_a_cut_off_file_are_named(root):
    (root / "1/0/data.avi").rename(root / "1/0/data1.avi")
    (root / "1/1/data.hdf5").write_bytes(b"")
    (root / "1/2/data.hdf5").write_bytes((root / "1/2/data.hdf5").read_bytes()[:3000])
    (root / "1/3/data.avi").write_bytes(b"RIFF and then nothing")
    dataset = Cohface(root)
    assert not dataset.recordings()
    renamed, empty, cut, no_video = dataset.inventory().absent[:4]
    assert (renamed.path, renamed.remedy) == (root / "1/0/data.avi", "there is data1.avi: renamed?")
    assert (empty.path, empty.reason) == (root / "1/1/data.hdf5", "is empty (0 bytes)")
    assert cut.path == root / "1/2/data.hdf5" and "is no HDF5 file that can be read" in cut.reason
    assert no_video.path == root / "1/3/data.avi" and "is not a video" in no_video.reason
    assert dataset.inventory().extra == (root / "1/0/data1.avi",)


def test_a_clock_that_does_not_begin_at_0_is_moved_and_said(tree, root):
    times_s = np.arange(1536) / 256 + 1234.5
    truth = changed(root, time=times_s)
    np.testing.assert_allclose(truth.times_s, times_s - 1234.5, atol=1e-9)
    assert truth.doubts == ("time begins at 1234.5 s: taken to be that of the first frame",)


def test_repeated_times_are_spread(root):
    """A clock that ticks every 1/64 s beneath samples at 256 Hz."""
    times_s = np.floor(np.arange(1536) / 4) / 64
    truth = changed(root, time=times_s)
    np.testing.assert_allclose(truth.times_s, np.arange(1536) / 256, atol=1e-9)
    assert truth.doubts == ("1152 of 1536 times repeat the one before: spread evenly",)


def test_a_clock_of_another_rate_is_kept_and_said(root):
    truth = changed(root, time=np.arange(1536) / 128)
    assert truth.times_s[-1] == pytest.approx(1535 / 128)
    assert truth.doubts == (
        "time advances at 128 Hz, where 256 Hz were published: the sensor lasts 12.0 s by it, the video 6.0 s",
        "the sensor stops at 12.0 s, the video at 6.0 s",
    )


@pytest.mark.parametrize(
    ("n_samples", "rate_hz", "doubts"),
    [
        (60 * 256, 256.0, ()),
        (61.9 * 256, 256.0, ()),  # the sensor was stopped after the camera
        (62.5 * 256, 256.0, ("the sensor stops at 62.5 s, the video at 60.0 s",)),
        (58.5 * 256, 256.0, ("the sensor stops at 58.5 s, the video at 60.0 s",)),
        (
            60 * 256,
            256.0 / 1.02,
            ("time advances at 251 Hz, where 256 Hz were published: the sensor lasts 61.2 s by it, the video 60.0 s",),
        ),
    ],
)
def test_a_sensor_that_runs_on_is_no_drift_and_one_that_drifts_or_stops_is_doubted(root, n_samples, rate_hz, doubts):
    times_s = np.arange(round(n_samples)) / rate_hz
    changed(root, pulse=np.ones(len(times_s)), time=times_s)
    dataset = Cohface(root)
    truth = dataset.ground_truth(replace(dataset.recordings()[0], duration_s=60.0))
    assert (truth.video_s, truth.doubts) == (None, doubts)


@pytest.mark.parametrize("value", [np.array([], dtype="S5"), h5py.Empty("S5")])
def test_a_light_that_is_empty_makes_its_recording_absent(root, value):
    with h5py.File(root / "1/1/data.hdf5", "r+") as file:
        file.attrs["illumination"] = value
    dataset = Cohface(root)
    assert [recording.id for recording in dataset.recordings()] == ["1-0", "1-2", "1-3"]
    empty = dataset.inventory().absent[0]
    assert (empty.id, empty.path) == ("1-1", root / "1/1/data.hdf5")
    assert empty.reason == "attribute illumination is empty, expected a text"


def test_a_fixture_has_no_more_sessions_than_the_cohort(registry, tmp_path):
    rendered_by_id = write_fixture(tmp_path, RenderedCohort(registry, n_sessions=2), 1, 1.0)
    assert list(rendered_by_id) == [recording.id for recording in Cohface(tmp_path).recordings()] == ["1-0", "1-1"]


def test_samples_that_are_no_numbers_stay_so(root):
    pulse = np.ones(1536)
    pulse[700:710] = np.nan
    assert np.isnan(changed(root, pulse=pulse).samples).sum() == 10


@pytest.mark.parametrize(
    ("signals", "complaint"),
    [
        ({"pulse": None}, "holds respiration, time, expected pulse too"),
        ({"pulse": np.ones(1000)}, "1000 samples of pulse and 1536 of time, expected as many"),
        ({"pulse": np.array([b"loud"] * 1536)}, "pulse cannot be read as numbers"),
        ({"time": np.r_[np.arange(768), np.arange(768)] / 256}, "sample 768 of time: time 0.0000 s after"),
        ({"time": np.full(1536, np.nan)}, "sample 0 of time: time is nan"),
    ],
)
def test_a_wrong_signal_is_named(root, signals, complaint):
    with pytest.raises(DatasetUnavailable) as caught:
        changed(root, **signals)
    assert f"{root / '1/0/data.hdf5'}: " in caught.value.message
    assert complaint in caught.value.message


def test_a_light_at_odds_with_its_session_is_noted(root):
    with h5py.File(root / "1/3/data.hdf5", "r+") as file:
        file.attrs["illumination"] = np.array([b"lamp"])
    assert any("1-3 says lamp" in note for note in Cohface(root).inventory().notes)


def test_a_wrong_root_says_where_to_look(tree, tmp_path):
    with pytest.raises(DatasetUnavailable) as above:
        Cohface(tree.root.parent)
    assert "looked for <1..40>/<0..3>/data.hdf5" in above.value.message
    assert str(tree.root) in str(above.value.hint)
    with pytest.raises(DatasetUnavailable) as below:
        Cohface(tree.root / "1")
    assert str(tree.root) in str(below.value.hint)
    (tmp_path / "s1").mkdir()
    (tmp_path / "s1/vid_s1_T1.avi").write_bytes(b"")
    with pytest.raises(DatasetUnavailable, match="found s1"):
        Cohface(tmp_path)
    with pytest.raises(DatasetUnavailable, match="no such folder"):
        Cohface(tmp_path / "nowhere")


def test_a_missing_reader_is_named_with_its_installation(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DatasetUnavailable, match="h5py") as caught:
        Cohface(tree.root)
    assert caught.value.hint == "pip install 'rppgbench[datasets]'"
