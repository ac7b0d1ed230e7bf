"""Skin patches with one mean heart rate a recording."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.media.decode import frames, probe
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.signal.heart_rate import estimate_each
from rppgbench_datasets.dasari2021 import Dasari2021

DURATION_S = 8.0
PATCHES = ("forehead", "leftcheek", "rightcheek")


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("dasari2021", 3, DURATION_S)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of the tree to spoil."""
    return shutil.copytree(tree.root, tmp_path / "rppg_biases")


def test_the_fixture_has_the_published_layout(tree):
    videos = {f"Data/India/video{n}_{patch}.avi" for n in (1, 2) for patch in PATCHES}
    videos |= {f"Data/Sierra_Leone/video1_{patch}.avi" for patch in PATCHES}
    assert tree.files() == {*videos, "Ground_Truth/India_GT.csv", "Ground_Truth/Sierra_Leone_GT.csv"}
    table = (tree.root / "Ground_Truth" / "India_GT.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbfSubject ,Heart_Rate(BPM) \nvideo1,")


def test_videos_are_as_published(tree):
    info = probe(tree.root / "Data" / "India" / "video1_forehead.avi")
    assert (info.codec, info.pix_fmt, info.width, info.height, info.fps_hz) == ("mpeg4", "yuv420p", 200, 200, 15.0)
    assert info.n_frames == DURATION_S * 15


def test_every_pixel_is_skin(tree):
    for path in sorted(tree.root.glob("Data/*/*cheek.avi")):
        red, green, blue = np.moveaxis(next(frames(path)).rgb(), -1, 0)
        assert ((red > green) & (green > blue)).mean() > 0.99  # what blood under any white light does to a colour


def test_recordings(registry, tree):
    recordings = registry.create("dataset", "dasari2021", root=tree.root).recordings()
    people = ["India-1", "India-2", "Sierra_Leone-1"]
    assert [one.id for one in recordings] == [f"{person}-{patch}" for person in people for patch in PATCHES]
    assert {(one.fps_hz, one.duration_s, one.source, one.frames_are_skin) for one in recordings} == {
        (15.0, DURATION_S, "lossy", True)
    }
    last = recordings[-1]
    assert (last.subject, last.session) == ("Sierra_Leone-1", "rightcheek")
    assert last.tags == {"part": "Sierra_Leone", "patch": "rightcheek"}
    assert last.source_details.startswith("mpeg4 at ")


def test_every_window_has_the_mean_rate_of_the_recording(tree):
    dataset = Dasari2021(tree.root)
    for one in dataset.recordings():
        truth = dataset.ground_truth(one)
        assert truth.kind == "hr"
        for start_s, end_s in ((0.0, 1.0), (3.5, 5.0), (7.0, 8.0), (0.0, 8.0)):
            rate = window_hrs(truth, [start_s], round((end_s - start_s) * 15.0), 15.0)[0]
            assert rate.beats_bpm == pytest.approx(tree.rendered_by_id[one.id].hr_bpm, abs=0.0005)  # three decimals


def test_patches_carry_the_pulse(tree):
    """The green of the three patches together is darkest when the blood is there."""
    for person, video in (("India-1", "India/video1"), ("India-2", "India/video2")):
        paths = [tree.root / f"Data/{video}_{patch}.avi" for patch in PATCHES]
        green = np.mean([[frame.rgb()[..., 1].mean() for frame in frames(path)] for path in paths], axis=0)
        (rate,) = estimate_each(-green[None], 15.0)
        assert rate.spectrum_bpm == pytest.approx(tree.rendered_by_id[f"{person}-forehead"].hr_bpm, abs=3.0)


def test_nothing_is_absent_from_the_fixture(tree):
    inventory = Dasari2021(tree.root).inventory()
    assert (inventory.subjects, inventory.n_recordings) == (("India-1", "India-2", "Sierra_Leone-1"), 9)
    assert not inventory.absent + inventory.extra


def test_subjects_of_the_table_without_videos_are_absent(copy):
    for path in copy.glob("Data/India/video2_*"):
        path.unlink()
    (copy / "Data" / "India" / "video1_forehead.avi").rename(copy / "Data" / "India" / "video1_foreheed.avi")
    dataset = Dasari2021(copy)
    assert {one.subject for one in dataset.recordings()} == {"India-1", "Sierra_Leone-1"}
    inventory = dataset.inventory()
    assert [one.id for one in inventory.absent] == ["India-1-forehead", *(f"India-2-{patch}" for patch in PATCHES)]
    assert inventory.absent[0].remedy == "there is video1_foreheed.avi: renamed?"
    assert inventory.extra == (copy / "Data" / "India" / "video1_foreheed.avi",)
    assert inventory.n_recordings == 9


def test_a_broken_video_is_absent(copy):
    (copy / "Data" / "India" / "video1_forehead.avi").write_bytes(b"RIFF")
    (absent,) = Dasari2021(copy).inventory().absent
    assert (absent.id, absent.path.name) == ("India-1-forehead", "video1_forehead.avi")
    assert "not a video" in absent.reason


def test_a_part_without_its_table_is_noted_and_its_videos_are_extra(copy):
    (copy / "Ground_Truth" / "Sierra_Leone_GT.csv").unlink()
    inventory = Dasari2021(copy).inventory()
    assert inventory.subjects == ("India-1", "India-2")
    assert any("part Sierra_Leone: no " in note for note in inventory.notes)
    assert inventory.extra == (copy / "Data" / "Sierra_Leone",)


def test_equal_rates_are_noted(copy):
    (copy / "Ground_Truth" / "India_GT.csv").write_text("Subject ,Heart_Rate(BPM) \nvideo1,66.474\nvideo2,66.474\n")
    assert any(note.endswith("video1 = video2") for note in Dasari2021(copy).inventory().notes)


@pytest.mark.parametrize("rate", ["nan", "0", "inf"])
def test_a_person_without_a_rate_is_absent_and_the_table_is_named(copy, rate):
    table = copy / "Ground_Truth" / "India_GT.csv"
    table.write_text(f"Subject ,Heart_Rate(BPM) \nvideo1,{rate}\nvideo2,66.474\n")
    dataset = Dasari2021(copy)
    assert {one.subject for one in dataset.recordings()} == {"India-2", "Sierra_Leone-1"}
    absent = dataset.inventory().absent
    assert [one.id for one in absent] == [f"India-1-{patch}" for patch in PATCHES]
    assert absent[0].path == table
    assert absent[0].reason == f"line 2: video1 has a heart rate of {float(rate):g}, and no other truth"


def test_another_row_changes_nothing_of_a_recording(copy):
    def said():
        return {one.id: one for one in Dasari2021(copy).recordings() if one.subject == "India-1"}

    before, table = said(), copy / "Ground_Truth" / "India_GT.csv"
    text = table.read_text(encoding="utf-8-sig")
    table.write_text(text + "video99,61.5\n", encoding="utf-8-sig")
    assert said() == before
    table.write_text("Subject ,Heart_Rate(BPM) \nvideo1,61.5\n", encoding="utf-8-sig")
    assert {one.truth_details for one in said().values()} == {"hr_bpm 61.5"}
    assert said() != before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", r"India_GT.csv:1: header is \(\)"),
        ("Subject,BPM\nvideo1,60\n", r"India_GT.csv:1: header is \('Subject', 'BPM'\)"),
        ("Subject ,Heart_Rate(BPM) \n", "has no rows"),
        ("Subject ,Heart_Rate(BPM) \nvideo1,fast\n", "India_GT.csv:2: found 'video1,fast'"),
        ("Subject ,Heart_Rate(BPM) \nvideo1\n", "India_GT.csv:2: found 'video1'"),
        ("Subject ,Heart_Rate(BPM) \nfilm1,60\n", "India_GT.csv:2: 'film1' is no video"),
        ("Subject ,Heart_Rate(BPM) \nvideo1,60\n\nvideo1,61\n", "India_GT.csv:4: video1 stands there twice"),
    ],
)
def test_a_table_of_another_form_is_refused(copy, text, complaint):
    (copy / "Ground_Truth" / "India_GT.csv").write_text(text)
    with pytest.raises(DatasetUnavailable, match=complaint):
        Dasari2021(copy)


def test_the_wrong_folder_is_refused_and_the_right_one_named(copy):
    for wrong in (copy.parent, copy / "Data"):
        with pytest.raises(DatasetUnavailable, match=r"looked for Ground_Truth/India_GT.csv .*, found ") as caught:
            Dasari2021(wrong)
        assert str(copy) in str(caught.value.hint)
