"""MMPD: layout, proportions, labels and traps."""

from __future__ import annotations

import shutil
import struct
import zlib

import cv2
import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat, whosmat

from rppgbench.contracts import InventoriedDataset, RenderingDataset
from rppgbench.errors import DatasetUnavailable, MediaError
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.testing.rendered_cohort import RenderedCohort
from rppgbench_datasets.mmpd import Mmpd
from rppgbench_datasets.mmpd_file import widescreen
from rppgbench_datasets.mmpd_fixture import squashed, write_fixture, write_mat

# The owner's own order: meta_label.csv, the same for all 33 subjects.
LABELS = [
    *[(light, motion) for light in ("LED-low", "LED-high", "Incandescent") for motion in "SRTW"],
    *[(light, "X") for light in ("Incandescent", "LED-high", "LED-low", "Nature")],
    *[("Nature", motion) for motion in "SRTW"],
]
MOTIONS = {"S": "Stationary", "R": "Rotation", "T": "Talking", "W": "Walking", "X": "Stationary (after exercise)"}
SECONDS = 6.0


@pytest.fixture(scope="module")
def tree(registry, tmp_path_factory):
    """Root and rendered recordings, in the smallest pictures since there are twenty sessions."""
    root = tmp_path_factory.mktemp("mmpd") / "root"
    root.mkdir()
    return root, write_fixture(root, RenderedCohort(registry, size=(96, 96)), 1, SECONDS)


LIKE_ANY = {
    "light": "Nature",
    "motion": "Walking",
    "exercise": "False",
    "skin_color": 5,
    "gender": "male",
    "glasser": "True",
    "hair_cover": "False",
    "makeup": "False",
}


@pytest.fixture
def written(tmp_path):
    """A function that writes one small file and gives its dataset."""

    def write(subject=1, session=0, video=None, ppg=None, **labels):
        folder = tmp_path / f"subject{subject}"
        folder.mkdir(exist_ok=True)
        video = np.zeros((30, 24, 32, 3), np.float32) if video is None else video
        ppg = np.zeros(len(video)) if ppg is None else ppg
        write_mat(folder / f"p{subject}_{session}.mat", video=video, ppg=ppg, labels={**LIKE_ANY, **labels})
        return Mmpd(tmp_path)

    return write


def plain_bytes(path):
    """Size in bytes of a compressed file with its elements unpacked."""
    content, at, total = path.read_bytes(), 128, 128
    while at < len(content):
        kind, size = struct.unpack_from("<II", content, at)
        assert kind == 15  # miCOMPRESSED in the description of MATLAB's format
        total += len(zlib.decompress(content[at + 8 : at + 8 + size]))
        at += 8 + size
    return total


def test_the_fixture_has_the_published_layout(tree):
    root, _ = tree
    assert {path.relative_to(root).as_posix() for path in root.rglob("*.*")} == {
        f"subject1/p1_{session}.mat" for session in range(20)
    }
    said = {name: (shape, kind) for name, shape, kind in whosmat(str(root / "subject1/p1_12.mat"))}
    assert said["video"] == ((180, 72, 96, 3), "single")
    assert said["GT_ppg"] == ((1, 180), "double")
    assert said["skin_color"][0] == (1, 1)
    assert {said[name][1] for name in ("light", "motion", "exercise", "gender", "glasser", "makeup")} == {"char"}
    video = loadmat(str(root / "subject1/p1_12.mat"), variable_names=["video"])["video"]
    assert 0 <= video.min() < 0.3 < video.max() <= 1


@pytest.mark.parametrize(
    ("labels", "n_bytes"),
    [
        # p12_0, p12_1, p12_12, p15_0 and p13_0 of size_MMPD.csv, with their labels in meta_label.csv.
        ({"light": "LED-low", "motion": "Stationary", "skin_color": 3, "gender": "female"}, 1658895256),
        ({"light": "LED-low", "motion": "Rotation", "skin_color": 3, "gender": "female"}, 1658895248),
        (
            {
                "light": "Incandescent",
                "motion": "Stationary (after exercise)",
                "exercise": "True",
                "skin_color": 3,
                "gender": "female",
            },
            1658895272,
        ),
        (
            {"light": "LED-low", "motion": "Stationary", "skin_color": 6, "gender": "female", "glasser": "False"},
            1658895264,
        ),
        (
            {"light": "LED-low", "motion": "Stationary", "skin_color": 5, "gender": "male", "glasser": "False"},
            1658895256,
        ),
    ],
)
def test_a_file_has_the_published_size(tmp_path, labels, n_bytes):
    """Types and names to the byte: the owner lists the sizes of all files, and those of subjects 12-15 are unpacked."""
    video, ppg = np.zeros((2, 4, 4, 3), np.float32), np.zeros(2)
    write_mat(tmp_path / "p.mat", video=video, ppg=ppg, labels={**LIKE_ANY, **labels})
    frame = plain_bytes(tmp_path / "p.mat") - video.nbytes - ppg.nbytes
    assert frame + 4 * 1800 * 240 * 320 * 3 + 8 * 1800 == n_bytes


def test_recordings(tree):
    dataset = Mmpd(tree[0])
    assert isinstance(dataset, InventoriedDataset)
    assert isinstance(dataset, RenderingDataset)
    recordings = dataset.recordings()
    assert [recording.id for recording in recordings] == [f"p1_{session}" for session in range(20)]
    assert [(r.tags["light"], r.tags["motion"]) for r in recordings] == [(a, MOTIONS[b]) for a, b in LABELS]
    assert {r.id for r in recordings if r.tags["exercise"] == "True"} == {"p1_12", "p1_13", "p1_14", "p1_15"}
    last = recordings[-1]
    assert (last.subject, last.session, last.fps_hz, last.duration_s) == ("subject1", "19", 30.0, SECONDS)
    assert (last.path, last.source, last.source_files) == (None, "lossy", (tree[0] / "subject1/p1_19.mat",))
    assert last.tags["size"] == "96x72"


@pytest.mark.parametrize("name", ["p1_0", "p1_10", "p1_15", "p1_19"])
def test_the_truth_is_the_takes(tree, name):
    root, rendered_by_id = tree
    dataset, rendered = Mmpd(root), rendered_by_id[name]
    truth = dataset.ground_truth(next(r for r in dataset.recordings() if r.id == name))
    assert window_hrs(truth, [0.0], round(SECONDS * 30.0), 30.0)[0].beats_bpm == pytest.approx(rendered.hr_bpm, abs=0.5)
    np.testing.assert_allclose(truth.samples, rendered.sensor(truth.times_s), atol=1e-9)
    assert (truth.kind, truth.video_s, truth.doubts) == ("bvp", None, ())


def test_a_rendered_recording_has_the_original_proportions(tree, tmp_path):
    """The original pixels, cut to 16:9, come back but for the blur of two changes of size and the dimmed light."""
    root, rendered_by_id = tree
    dataset = Mmpd(root)
    recording = next(r for r in dataset.recordings() if r.id == "p1_16")
    for copy in ("a.avi", "b.avi"):
        dataset.render(recording, tmp_path / copy)
    assert (tmp_path / "a.avi").read_bytes() == (tmp_path / "b.avi").read_bytes()
    decoded = [frame.rgb() for frame in frames(tmp_path / "a.avi")]
    assert len(decoded) == rendered_by_id["p1_16"].n_frames
    for picture, filmed in zip(decoded[::60], list(rendered_by_id["p1_16"].frames())[::60], strict=True):
        assert picture.shape == (54, 96, 3)
        wide = filmed[16 : 16 + 54] * np.array([0.90, 0.94, 0.98])
        assert np.abs(picture - wide).mean() < 3.0
        assert np.corrcoef(picture.ravel(), wide.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("rows", [72, 240])
def test_rows_are_averaged_over_their_area(rows):
    """Against OpenCV's own average over areas."""
    pictures = np.random.default_rng(0).random((3, rows, rows * 4 // 3, 3), dtype=np.float32)
    wide = widescreen(pictures)
    assert wide.shape == (3, rows * 3 // 4, rows * 4 // 3, 3)
    for picture, result in zip(pictures, wide, strict=True):
        size = (rows * 4 // 3, rows * 3 // 4)
        np.testing.assert_allclose(result, cv2.resize(picture, size, interpolation=cv2.INTER_AREA), atol=1e-6)


def test_only_squashed_pictures_are_stretched_and_rows_stay_even():
    assert widescreen(np.zeros((1, 60, 80, 3))).shape == (1, 44, 80, 3)
    assert widescreen(np.zeros((1, 180, 320, 3))).shape == (1, 180, 320, 3)
    assert squashed(np.zeros((96, 128, 3), np.uint8)).shape == (96, 128, 3)
    assert squashed(np.zeros((720, 1280, 3), np.uint8)).shape == (960, 1280, 3)


def test_the_inventory_names_all_that_was_published(tree):
    inventory = Mmpd(tree[0]).inventory()
    assert inventory.subjects == tuple(f"subject{n}" for n in range(1, 34))
    assert (inventory.n_recordings, len(inventory.absent), inventory.extra) == (660, 640, ())


def test_the_error_of_the_first_release_is_read_as_walking(written):
    dataset = written(motion="Watching Videos")
    (recording,) = dataset.recordings()
    assert (recording.tags["motion"], recording.tags["motion_as_published"]) == ("Walking", "Watching Videos")
    assert any("p1_0: labelled 'Watching Videos'" in note for note in dataset.inventory().notes)


def test_a_session_that_seems_to_show_another_person_is_named(written):
    written(24, 1, skin_color=3)
    written(24, 2, skin_color=3)
    dataset = written(24, 0, skin_color=4)
    assert any("p24_0: skin_color 4, where subject24 is 3 elsewhere" in note for note in dataset.inventory().notes)


def test_the_mini_set_is_read_and_said_to_be_small(written, tmp_path):
    dataset = written(video=np.full((30, 60, 80, 3), 0.5, np.float32))
    (recording,) = dataset.recordings()
    dataset.render(recording, tmp_path / "mini.avi")
    assert next(frames(tmp_path / "mini.avi")).rgb().shape == (44, 80, 3)
    assert any("80x60 are too small for finding faces" in note for note in dataset.inventory().notes)


def test_subjects_and_sessions_come_in_natural_order(written, tmp_path):
    for subject, session in ((10, 3), (2, 10), (2, 9), (1, 0)):
        dataset = written(subject, session)
    (tmp_path / "subject1/p2_0.mat").write_bytes(b"of another")
    (tmp_path / "meta_label.csv").write_text("p,light\n")
    assert [r.id for r in dataset.recordings()] == ["p1_0", "p2_9", "p2_10", "p10_3"]
    assert dataset.inventory().extra == (tmp_path / "subject1/p2_0.mat",)


def test_values_that_are_no_picture_are_refused_by_frame(written, tmp_path):
    video = np.full((30, 24, 32, 3), 0.5, np.float32)
    for wrong in (np.nan, 1.5):
        video[17, 3, 3, 0] = wrong
        dataset = written(video=video)
        with pytest.raises(MediaError, match=r"p1_0.mat: frame 17 of video has values outside 0 to 1"):
            dataset.render(dataset.recordings()[0], tmp_path / "x.avi")


def test_a_ppg_of_another_length_is_doubted_and_one_with_gaps_kept(written):
    ppg = np.ones(25)
    ppg[5] = np.nan
    dataset = written(ppg=ppg)
    truth = dataset.ground_truth(dataset.recordings()[0])
    assert truth.doubts == ("25 samples of GT_ppg for 30 frames, both said to be at 30 Hz: 0.83 s against 1.00 s",)
    assert np.isnan(truth.samples[5])
    assert truth.video_s is None  # the sensor may have been stopped earlier, which is no drift


def test_a_ppg_that_is_no_row_of_numbers_is_refused(written, tmp_path):
    dataset = written()
    path = tmp_path / "subject1/p1_0.mat"
    content = {name: value for name, value in loadmat(str(path)).items() if not name.startswith("__")}
    for wrong in (np.zeros((2, 15)), "loud"):
        savemat(str(path), {**content, "GT_ppg": wrong})
        with pytest.raises(DatasetUnavailable, match=r"p1_0.mat: GT_ppg is .*, expected numbers of shape \(1, t\)"):
            dataset.ground_truth(dataset.recordings()[0])


def test_files_that_are_cut_off_or_something_else_are_named(written, tmp_path):
    for session in range(5):
        dataset = written(1, session, video=np.random.default_rng(0).random((30, 24, 32, 3), dtype=np.float32))
    folder = tmp_path / "subject1"
    cut = (folder / "p1_0.mat").read_bytes()
    (folder / "p1_0.mat").write_bytes(cut[:100_000])
    with h5py.File(folder / "p1_1.mat", "w") as file:
        file["video"] = np.zeros(3)
    savemat(str(folder / "p1_2.mat"), {"video": np.zeros((30, 24, 32)), "light": "Nature"})
    (folder / "p1_3.mat").rename(folder / "p1-3.mat")
    (folder / "p1_4.mat").write_bytes(b"")
    dataset = Mmpd(tmp_path)
    assert not dataset.recordings()
    absent = {entry.id: entry for entry in dataset.inventory().absent}
    assert absent["p1_0"].reason.startswith("is cut off after 100000 bytes, expected ")
    assert absent["p1_1"].reason == "is no file of MATLAB v5"
    assert absent["p1_2"].reason.startswith("holds no GT_ppg, exercise, gender")
    assert absent["p1_3"].remedy == "there is p1-3.mat: renamed?"
    assert absent["p1_4"].reason == "is empty (0 bytes)"


def test_a_damaged_video_is_reported_when_it_is_rendered(written, tmp_path):
    dataset = written(video=np.random.default_rng(0).random((30, 24, 32, 3), dtype=np.float32))
    (recording,) = dataset.recordings()
    path = tmp_path / "subject1/p1_0.mat"
    content = bytearray(path.read_bytes())
    content[50_000:51_000] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(DatasetUnavailable, match=r"p1_0.mat: cannot be read"):
        dataset.render(recording, tmp_path / "x.avi")


def test_unpacked_files_are_read_too(tree, tmp_path):
    """Files of subjects 12-15, as MATLAB and scipy write them by default."""
    content = loadmat(str(tree[0] / "subject1/p1_3.mat"))
    (tmp_path / "subject12").mkdir()
    plain = {name: value for name, value in content.items() if not name.startswith("__")}
    savemat(str(tmp_path / "subject12/p12_3.mat"), plain)
    dataset = Mmpd(tmp_path)
    (recording,) = dataset.recordings()
    assert recording.tags["motion"] == "Walking"
    np.testing.assert_array_equal(dataset.ground_truth(recording).samples, content["GT_ppg"][0])


def test_a_wrong_root_says_where_to_look(tree, tmp_path):
    root, _ = tree
    with pytest.raises(DatasetUnavailable) as above:
        Mmpd(root.parent)
    assert str(root) in str(above.value.hint)
    with pytest.raises(DatasetUnavailable) as below:
        Mmpd(root / "subject1")
    assert str(root) in str(below.value.hint)
    shutil.copy(root / "subject1/p1_0.mat", tmp_path / "P000001.mat")
    with pytest.raises(DatasetUnavailable, match=r"looked for subject<1..33>/p<n>_<0..19>.mat, found P000001.mat"):
        Mmpd(tmp_path)
