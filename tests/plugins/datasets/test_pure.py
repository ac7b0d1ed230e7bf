"""PURE: the layout of its fixture, and what a loader meets in real copies."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable, MediaError
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.pure import SEQUENCES, Pure

DURATION_S = 6.0
N_FRAMES = 180


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("pure", 1, DURATION_S)


@pytest.fixture(scope="module")
def dataset(registry, tree):
    return registry.create("dataset", "pure", root=tree.root)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of one sequence that may be damaged."""
    shutil.copytree(tree.root / "01-02", tmp_path / "PURE" / "01-02")
    return tmp_path / "PURE"


def pictures_of(root, name="01-02"):
    return sorted((root / name / name).iterdir(), key=lambda path: int(path.stem.removeprefix("Image")))


def edited(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_sixty_sequences_were_recorded_and_one_of_them_never_published():
    everything = {f"{subject:02d}-{task:02d}" for subject in range(1, 11) for task in range(1, 7)}
    assert set(SEQUENCES) == everything - {"06-02"}
    assert list(SEQUENCES) == sorted(SEQUENCES)


def test_the_fixture_is_laid_out_as_published(tree):
    names = [f"01-{task:02d}" for task in range(1, 7)]
    files = tree.files()
    assert {path for path in files if not path.endswith(".png")} == {f"{name}/{name}.json" for name in names}
    pictures = [path for path in files if path.endswith(".png")]
    assert all(re.fullmatch(r"(01-0[1-6])/\1/Image\d{19}\.png", path) for path in pictures)
    assert len(pictures) == 6 * N_FRAMES
    picture = cv2.imread(str(tree.root / pictures[0]), cv2.IMREAD_UNCHANGED)
    assert (picture.dtype, picture.shape) == (np.uint8, (96, 128, 3))
    content = json.loads((tree.root / "01-01/01-01.json").read_text())
    assert set(content) == {"/FullPackage", "/Image"}
    assert set(content["/FullPackage"][0]["Value"]) == {"waveform", "pulseRate", "o2saturation", "signalStrength"}
    assert all(isinstance(number, int) for number in content["/FullPackage"][0]["Value"].values())
    assert len(content["/Image"]) == N_FRAMES
    assert content["/FullPackage"][0]["Timestamp"] < content["/Image"][0]["Timestamp"] - 4e8
    assert len(content["/FullPackage"]) / (DURATION_S + 1) == pytest.approx(60)


def test_every_task_of_a_subject_is_a_recording(dataset, tree):
    recordings = dataset.recordings()
    assert [recording.id for recording in recordings] == [f"01-{task:02d}" for task in range(1, 7)]
    second = recordings[1]
    assert (second.subject, second.session, second.tags["task"]) == ("01", "02", "talking")
    assert (second.path, second.source) == (None, "lossless")
    assert list(second.source_files) == pictures_of(tree.root)
    assert second.fps_hz == pytest.approx(30, abs=0.02)
    assert second.duration_s == pytest.approx(DURATION_S, abs=0.005)


def test_the_truth_is_that_of_the_rendered_recording(dataset, tree, lag_ms):
    for recording in dataset.recordings():
        rendered, truth = tree.rendered_by_id[recording.id], dataset.ground_truth(recording)
        assert (truth.kind, truth.doubts) == ("bvp", ())
        assert truth.times_s[0] == pytest.approx(-0.5, abs=1e-6)
        assert window_hrs(truth, [0.0], round(DURATION_S * 30.0), 30.0)[0].beats_bpm == pytest.approx(
            rendered.hr_bpm, abs=0.5
        )
        assert abs(lag_ms(truth, rendered)) <= 2.0
        assert truth.video_s == pytest.approx(recording.duration_s, abs=1e-6)


def test_the_rendered_video_holds_every_picture_unchanged(dataset, tree, tmp_path):
    recording = dataset.recordings()[3]
    target = tmp_path / f"video{dataset.container()}"
    dataset.render(recording, target)
    decoded, filmed = list(frames(target)), list(tree.rendered_by_id[recording.id].frames())
    assert len(decoded) == len(filmed) == N_FRAMES
    assert all(np.array_equal(one.rgb(), other) for one, other in zip(decoded, filmed, strict=True))
    times_s = dataset.frame_times_s(recording)
    assert times_s[0] == 0
    # The fixture's camera is up to 2 ms late.
    np.testing.assert_allclose(times_s, np.arange(N_FRAMES) / 30, atol=0.0021)


def test_sequences_differ_in_every_pair(tree):
    first_pictures = {pictures_of(tree.root, f"01-{task:02d}")[50].read_bytes() for task in range(1, 7)}
    assert len(first_pictures) == 6


def test_a_copy_without_the_outer_folder_is_read_the_same(copy, dataset, tmp_path):
    flat = tmp_path / "flat"
    shutil.move(copy / "01-02/01-02", flat / "01-02")
    shutil.move(copy / "01-02/01-02.json", flat / "01-02.json")
    other = Pure(flat)
    (recording,) = other.recordings()
    (same,) = (one for one in dataset.recordings() if one.id == "01-02")
    assert (recording.fps_hz, recording.duration_s) == (same.fps_hz, same.duration_s)
    np.testing.assert_array_equal(other.ground_truth(recording).samples, dataset.ground_truth(same).samples)
    assert other.inventory().extra == ()


def test_the_inventory_names_missing_and_extra_files(copy):
    shutil.copytree(copy / "01-02", copy / "01-01")
    shutil.move(copy / "01-01/01-02.json", copy / "01-01/01-01(1).json")
    (copy / "01-01/01-02").rename(copy / "01-01/01-01")
    (copy / "02-01.zip").touch()
    (copy / "07-07").mkdir()
    inventory = Pure(copy).inventory()
    assert (len(inventory.subjects), inventory.n_recordings) == (10, 59)
    absent = {one.id: one for one in inventory.absent}
    assert len(absent) == 58
    assert "06-02" not in absent
    assert absent["01-01"].path == copy / "01-01/01-01.json"
    assert absent["01-01"].remedy == "there is 01-01(1).json: renamed?"
    assert (absent["02-01"].reason, absent["02-01"].remedy) == ("no such folder", "unpack 02-01.zip")
    assert inventory.extra == (copy / "01-01/01-01(1).json", copy / "02-01.zip", copy / "07-07")
    assert any("06-02 was never published" in note for note in inventory.notes)


def test_a_folder_without_pictures_is_absent(copy):
    for path in pictures_of(copy)[1:]:
        path.unlink()
    (absent,) = (one for one in Pure(copy).inventory().absent if one.id == "01-02")
    assert absent.path == copy / "01-02/01-02"
    assert absent.reason == "1 pictures Image<ns>.png, expected about 1800"


def test_a_missing_picture_is_a_gap_in_time_and_a_doubt(copy):
    pictures_of(copy)[90].unlink()
    dataset = Pure(copy)
    (recording,) = dataset.recordings()
    times_s, truth = dataset.frame_times_s(recording), dataset.ground_truth(recording)
    assert len(times_s) == N_FRAMES - 1
    assert np.diff(times_s)[89] == pytest.approx(2 / 30, abs=0.0021)
    assert truth.doubts == ("179 pictures, /Image lists 180",)
    assert truth.video_s == pytest.approx(DURATION_S, abs=0.005)


def test_pictures_that_are_numbered_are_timed_by_the_list(copy, dataset):
    (same,) = (one for one in dataset.recordings() if one.id == "01-02")
    for number, path in enumerate(pictures_of(copy)):
        path.rename(path.with_name(f"Image{number}.png"))
    numbered = Pure(copy)
    (recording,) = numbered.recordings()
    np.testing.assert_array_equal(numbered.frame_times_s(recording), dataset.frame_times_s(same))
    pictures_of(copy)[0].unlink()
    (absent,) = (one for one in Pure(copy).inventory().absent if one.id == "01-02")
    assert "lists 180 ascending times for 179 pictures whose names are no times" in absent.reason


def test_a_picture_that_cannot_be_read_is_named(copy, tmp_path):
    path = pictures_of(copy)[2]
    path.write_bytes(path.read_bytes()[:1000])
    dataset = Pure(copy)
    with pytest.raises(MediaError, match=rf"{path.name}: is no picture that can be read"):
        dataset.render(dataset.recordings()[0], tmp_path / "video.avi")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda content: content.pop("/FullPackage"), r"has no list '/FullPackage'"),
        (lambda content: content["/FullPackage"][7]["Value"].update(waveform="x"), r"\[7\].Value.waveform is 'x'"),
        (lambda content: content["/FullPackage"][7].pop("Value"), r"\[7\].Value.waveform is None"),
        (lambda content: content["/Image"][3].update(Timestamp=1.5), r"/Image\[3\].Timestamp is 1.5"),
        (
            lambda content: content["/FullPackage"][200].update(content["/FullPackage"][10]),
            r"01-02.json: /FullPackage\[200\]: time -0.3\d+ s after 2.8\d+ s, expected ascending",
        ),
    ],
)
def test_a_truth_that_is_damaged_is_named_by_its_place(copy, change, complaint):
    edited(copy / "01-02/01-02.json", change)
    dataset = Pure(copy)
    with pytest.raises(DatasetUnavailable, match=complaint):
        dataset.ground_truth(dataset.recordings()[0])


def test_a_json_file_that_was_cut_off_is_named_with_its_line(copy):
    path = copy / "01-02/01-02.json"
    path.write_text(path.read_text()[:5000])
    dataset = Pure(copy)
    with pytest.raises(DatasetUnavailable, match=r"01-02\.json:1: is no JSON"):
        dataset.ground_truth(dataset.recordings()[0])


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (
            lambda content: content["/FullPackage"].insert(9, content["/FullPackage"][8]),
            "1 samples that repeat a time are left out",
        ),
        (
            lambda content: [entry.update(Timestamp=entry["Timestamp"] + 250_000_000) for entry in content["/Image"]],
            "names of pictures and times in /Image are up to 0.250 s apart",
        ),
    ],
)
def test_oddities_are_doubts(copy, change, doubt):
    edited(copy / "01-02/01-02.json", change)
    dataset = Pure(copy)
    assert dataset.ground_truth(dataset.recordings()[0]).doubts == (doubt,)


def test_a_sensor_that_drifts_by_two_per_cent_is_doubted_with_both_lengths(copy):
    """A minute of samples at 60 Hz by a clock that is 2 % fast, from the first picture on."""

    def fast(content):
        first_ns, entry = content["/Image"][0]["Timestamp"], content["/FullPackage"][0]
        content["/FullPackage"] = [{**entry, "Timestamp": first_ns + 17_000_000 * n} for n in range(3600)]

    edited(copy / "01-02/01-02.json", fast)
    dataset = Pure(copy)
    truth = dataset.ground_truth(replace(dataset.recordings()[0], duration_s=60.0))
    assert truth.doubts == ("the sensor stops at 61.2 s, the video at 60.0 s",)


def test_a_picture_whose_number_is_no_time_makes_its_sequence_absent(copy):
    last = pictures_of(copy)[-1]
    large = last.rename(last.with_name(f"Image{2**63}.png"))
    dataset = Pure(copy)
    assert not dataset.recordings()
    (absent,) = (one for one in dataset.inventory().absent if one.id == "01-02")
    assert (absent.path, absent.reason) == (large, "its number is no time in nanoseconds: too large")
    assert absent.remedy


def test_the_file_of_another_sequence_is_not_taken_for_a_renamed_one(copy, tmp_path):
    flat = tmp_path / "flat"
    for name in ("01-01", "01-02"):
        shutil.copytree(copy / "01-02/01-02", flat / name)
    shutil.copy(copy / "01-02/01-02.json", flat / "01-02.json")
    (absent,) = (one for one in Pure(flat).inventory().absent if one.id == "01-01")
    assert (absent.path, absent.remedy) == (flat / "01-01.json", "get the sequence again")


def test_samples_that_are_no_number_stay_for_the_core_to_exclude(copy):
    edited(copy / "01-02/01-02.json", lambda content: content["/FullPackage"][5]["Value"].update(waveform=float("nan")))
    dataset = Pure(copy)
    assert np.flatnonzero(np.isnan(dataset.ground_truth(dataset.recordings()[0]).samples)).tolist() == [5]


def test_a_wrong_root_is_refused_with_the_right_one(copy, tmp_path):
    for wrong in (copy / "01-02", tmp_path):
        with pytest.raises(DatasetUnavailable, match=rf"the data seem to be in {re.escape(str(copy))}: point there"):
            Pure(wrong)
    packed = tmp_path / "packed"
    packed.mkdir()
    (packed / "01-01.zip").touch()
    with pytest.raises(DatasetUnavailable, match=r"unpack 01-01\.zip and the others there"):
        Pure(packed)
    (tmp_path / "cohface/1/0").mkdir(parents=True)
    with pytest.raises(DatasetUnavailable, match=r"looked for <SS>-<TT> folders .* found 1"):
        Pure(tmp_path / "cohface")
