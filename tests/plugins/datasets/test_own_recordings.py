"""Recordings described by a table, and all that a table can get wrong."""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.evaluation.labels import clock_fault
from rppgbench.media.decode import frames
from rppgbench.signal.ground_truth import window_hrs
from rppgbench_datasets.manifest_fixture import BVP_OFFSET_S, HEADER
from rppgbench_datasets.own_recordings import ManifestDataset

DURATION_S = 10.0


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("own_recordings", 3, DURATION_S)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of the tree to spoil."""
    return shutil.copytree(tree.root, tmp_path / "own")


def rewrite(root, change) -> None:
    """Let ``change`` at the table, a list of rows with their columns by name."""
    path = root / "manifest.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    change(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)


def set_cells(root, row: int, **cells) -> ManifestDataset:
    rewrite(root, lambda rows: rows[row].update(cells))
    return ManifestDataset(root)


def recording(dataset, name):
    return next(one for one in dataset.recordings() if one.id == name)


def truth_of(dataset, name="p1-rest"):
    return dataset.ground_truth(recording(dataset, name))


def n_beats(rendered) -> float:
    """Beats within the video, with fractions of the first and the last interval."""
    return float(np.ptp(np.interp([0.0, DURATION_S], rendered.beats_s, np.arange(len(rendered.beats_s)))))


# --- the fixture, and what is read from it --------------------------------------------------------------------------


def test_the_fixture_has_a_table_of_the_described_columns(tree):
    assert tree.files() == {
        "manifest.csv",
        *(f"videos/{name}" for name in ("p1.mkv", "p2.mp4", "p3.avi")),
        *(f"sensors/{name}" for name in ("p1.txt", "p2.csv", "p3.csv")),
    }
    assert (tree.root / "manifest.csv").read_text().startswith(",".join(HEADER))
    assert ",".join(HEADER) == "subject,session,video,fps_hz,truth,column,rate_hz,time_column,offset_s,kind"


def test_a_row_is_a_recording(registry, tree):
    first, second, third = registry.create("dataset", "manifest", root=tree.root).recordings()
    assert (first.id, first.subject, first.session) == ("p1-rest", "p1", "rest")
    assert [one.fps_hz for one in (first, second, third)] == [30.0, 30.0, 25.0]  # of two only the header says so
    assert [one.duration_s for one in (first, second, third)] == [DURATION_S] * 3
    assert [one.source for one in (first, second, third)] == ["lossless", "lossy", "lossy"]
    assert second.source_details.startswith("h264 at ")
    assert second.path == tree.root / "videos" / "p2.mp4"
    assert second.truth_files == (tree.root / "sensors" / "p2.csv",)
    assert first.tags == {"motion": "small"}
    assert not first.clock_files


def test_the_truth_is_on_the_videos_clock(tree):
    dataset = ManifestDataset(tree.root)
    for one in dataset.recordings():
        truth, rendered = dataset.ground_truth(one), tree.rendered_by_id[one.id]
        inside = (truth.times_s >= 0) & (truth.times_s <= one.duration_s)
        if truth.kind == "hr":
            assert truth.samples.sum() / 60 == pytest.approx(n_beats(rendered), abs=0.001)
        else:
            np.testing.assert_allclose(truth.samples[inside], rendered.sensor(truth.times_s[inside]), atol=1e-3)
    assert [dataset.ground_truth(one).kind for one in dataset.recordings()] == ["ecg", "bvp", "hr"]
    assert truth_of(dataset, "p2-rest").times_s[0] == pytest.approx(BVP_OFFSET_S)


def test_the_truth_gives_the_known_heart_rate(tree):
    dataset = ManifestDataset(tree.root)
    for one in dataset.recordings():
        hr = window_hrs(dataset.ground_truth(one), [0.0], round(one.duration_s * 30.0), 30.0)[0]
        rendered = tree.rendered_by_id[one.id]
        known_bpm = 60 * n_beats(rendered) / DURATION_S if one.id == "p3-rest" else rendered.hr_bpm
        assert hr.beats_bpm == pytest.approx(known_bpm, abs=0.5)


def test_nothing_is_absent_from_the_fixture(tree):
    inventory = ManifestDataset(tree.root).inventory()
    assert (inventory.subjects, inventory.n_recordings) == (("p1", "p2", "p3"), 3)
    assert not inventory.absent + inventory.extra + inventory.notes


def test_recordings_are_in_natural_order(copy):
    set_cells(copy, 0, subject="p10")
    set_cells(copy, 1, subject="p9")
    assert [one.subject for one in ManifestDataset(copy).recordings()] == ["p3", "p9", "p10"]


# --- what a table may say besides ------------------------------------------------------------------------------------


def test_a_part_counts_its_frames_and_begins_its_clock_at_the_first(copy):
    dataset = set_cells(copy, 0, part_first="45", part_end="-15")
    one = recording(dataset, "p1-rest")
    assert one.part == (45, -15)
    assert one.duration_s == pytest.approx(DURATION_S - 2.0)  # 60 frames of 30 a second are gone
    assert truth_of(dataset).times_s[0] == pytest.approx(-1.5)


def test_frame_times_make_the_clock(copy):
    times_s = 100.0 + np.arange(300) / 29.0 + 0.002 * np.sin(np.arange(300))
    np.savetxt(copy / "times.csv", times_s, header="time_s", comments="")
    dataset = set_cells(copy, 0, frame_times="times.csv", part_first="10")
    one = recording(dataset, "p1-rest")
    assert one.clock_files == (copy / "times.csv",)
    assert one.fps_hz == pytest.approx(29.0, abs=0.01)
    np.testing.assert_allclose(dataset.frame_times_s(one), times_s[10:] - times_s[10])
    assert truth_of(dataset).times_s[0] == pytest.approx(100.0 - times_s[10])


def test_a_rate_that_is_not_the_headers_becomes_the_clock_and_is_noted(copy):
    dataset = set_cells(copy, 0, fps_hz="29")
    one = recording(dataset, "p1-rest")
    assert one.duration_s == pytest.approx(300 / 29)
    assert one.clock_files == (one.path,)
    times_s = dataset.frame_times_s(one)
    assert len(times_s) == sum(1 for _ in frames(one.path))
    np.testing.assert_allclose(np.diff(times_s), 1 / 29)
    assert dataset.inventory().notes == ("videos/p1.mkv: 29 frames a second by the table, 30 by its header",)


def test_a_rounded_rate_is_the_headers(tree, copy):
    from rppgbench.testing.rendered_cohort import write_video

    picture = np.zeros((16, 16, 3), np.uint8)
    write_video(
        [picture] * 30, copy / "videos" / "p1.mkv", float(Fraction(30000, 1001)), encoder="ffv1", pix_fmt="bgr0"
    )
    assert not recording(set_cells(copy, 0, fps_hz="29.97"), "p1-rest").clock_files


def test_a_duration_that_is_not_the_headers_is_noted(copy):
    dataset = set_cells(copy, 0, duration_s="7.5")
    assert dataset.inventory().notes == ("videos/p1.mkv: lasts 7.5 s by the table, 10 s by its header",)


def test_leads_skin_source_and_the_sensors_own_length_are_reported(copy):
    ecg = np.loadtxt(copy / "sensors" / "p1.txt")
    np.savetxt(copy / "sensors" / "p1.txt", np.column_stack([ecg, -ecg, 2 * ecg]))
    cells = {
        "leads": "1; 2",
        "frames_are_skin": "true",
        "source": "lossy",
        "source_details": "was H.264",
        "video_s": "6.1",
    }
    dataset = set_cells(copy, 0, **cells)
    one, truth = recording(dataset, "p1-rest"), truth_of(dataset)
    assert (one.frames_are_skin, one.source, one.source_details) == (True, "lossy", "was H.264")
    assert truth.video_s == 6.1
    np.testing.assert_allclose(truth.leads["1"], -truth.samples)
    np.testing.assert_allclose(truth.leads["2"], 2 * truth.samples)


def test_the_length_of_a_video_by_the_sensor_is_that_of_the_whole_file(copy):
    """Of 11 s for 300 frames, 240 frames have 8.8 s, however the frames are timed."""
    cells = {"part_first": "45", "part_end": "-15", "video_s": "11"}
    dataset = set_cells(copy, 0, **cells)
    assert truth_of(dataset).video_s == pytest.approx(8.8)
    assert clock_fault(truth_of(dataset), recording(dataset, "p1-rest").duration_s)
    np.savetxt(copy / "times.csv", np.arange(300) / 30)
    assert truth_of(set_cells(copy, 0, frame_times="times.csv")).video_s == pytest.approx(8.8)
    assert truth_of(set_cells(copy, 0, part_first="", part_end="")).video_s == 11.0


def test_a_sensor_that_drifts_by_two_per_cent_is_doubted_and_with_a_trigger_excluded(copy):
    """A minute of samples at 256 Hz by a clock that is 2 % fast."""
    np.savetxt(copy / "sensors" / "p1.txt", np.ones(round(1.02 * 60 * 256)), fmt="%g")
    dataset = ManifestDataset(copy)
    minute = replace(recording(dataset, "p1-rest"), duration_s=60.0)
    truth = dataset.ground_truth(minute)
    assert truth.doubts == ("the sensor stops at 61.2 s, the video at 60.0 s",)
    assert clock_fault(truth, 60.0) is None
    truth = set_cells(copy, 0, video_s="61.2").ground_truth(minute)
    assert truth.doubts == ()
    assert "disagree by 2.0 %: 61.2 s against 60.0 s" in str(clock_fault(truth, 60.0))


def test_a_sensor_that_ran_before_and_after_the_video_is_not_doubted(copy):
    np.savetxt(copy / "sensors" / "p1.txt", np.ones(60 * 256), fmt="%g")
    assert truth_of(set_cells(copy, 0, offset_s="-20")).doubts == ()


def test_another_row_changes_nothing_of_a_recording(copy):
    before = {one.id: one for one in ManifestDataset(copy).recordings()}
    set_cells(copy, 2, column="1", subject="p9")
    rewrite(copy, lambda rows: rows.append({**rows[0], "session": "later", "part_first": "90"}))
    after = {one.id: one for one in ManifestDataset(copy).recordings()}
    assert set(after) == {"p1-rest", "p1-later", "p2-rest", "p9-rest"}
    assert all(after[name] == before[name] for name in ("p1-rest", "p2-rest"))


def test_truth_details_of_a_row_hold_no_paths(copy):
    said = recording(ManifestDataset(copy), "p2-rest").truth_details
    (copy / "sensors").rename(copy / "signals")
    changes = [
        {"truth": "signals/p2.csv", "offset_s": "-0.750", "tag_motion": "large", "source_details": "by phone"},
        *({name: value} for name, value in [("offset_s", "0.75"), ("column", "0"), ("video_s", "10"), ("kind", "hr")]),
        {"time_column": "", "rate_hz": "64"},
        {"kind": "ecg", "leads": "1"},
        {"part_first": "9"},
    ]

    def details(cells):
        root = shutil.copytree(copy, copy.parent / "changed", dirs_exist_ok=True)
        set_cells(root, 1, truth="signals/p2.csv")
        return recording(set_cells(root, 1, **cells), "p2-rest").truth_details

    same, *others = map(details, changes)
    assert same == said
    assert len({said, *others}) == len(changes)
    assert "p2" not in said and "/" not in said


def test_a_table_from_a_spreadsheet_is_read(copy):
    path = copy / "manifest.csv"
    path.write_text(path.read_text().replace(",", ";"), encoding="utf-8-sig")
    assert len(ManifestDataset(copy).recordings()) == 3


# --- what can be wrong: the table ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"fps_hz": "fast"}, "manifest.csv:2: fps_hz is 'fast', expected a valid number"),
        ({"fps_hz": "nan"}, "manifest.csv:2: fps_hz is 'nan', expected a finite number"),
        ({"fps_hz": "-30"}, "manifest.csv:2: fps_hz is '-30', expected greater than 0"),
        ({"offset_s": "0,5"}, "manifest.csv:2: offset_s is '0,5'"),
        ({"kind": "eeg"}, "manifest.csv:2: kind is 'eeg', expected 'ecg', 'bvp' or 'hr'"),
        ({"subject": ""}, "manifest.csv:2: no value for subject"),
        ({"subject": "p2"}, "manifest.csv:3: recording 'p2-rest' stands there twice, first in"),
        ({"video": "videos/p2.mp4"}, "manifest.csv:3: videos/p2.mp4 shows 'p2' here, and 'p1' in"),
        ({"rate_hz": ""}, "manifest.csv:2: neither of rate_hz and time_column has a value"),
        ({"time_column": "t"}, "manifest.csv:2: both of rate_hz and time_column has a value"),
        ({"kind": "bvp", "leads": "1"}, "manifest.csv:2: leads are of an ECG, and kind is 'bvp'"),
        ({"part_first": "9", "part_end": "9"}, "manifest.csv:2: no frames from part_first 9 to part_end 9"),
        ({"vido": "x"}, "manifest.csv:1: unknown column 'vido'\n  -> did you mean 'video'"),
        ({"light": "lamp"}, "begin the name of a column of your own with tag_"),
    ],
)
def test_a_wrong_cell_is_reported_by_line(copy, cells, complaint):
    with pytest.raises(DatasetUnavailable) as caught:
        set_cells(copy, 0, **cells)
    assert complaint in str(caught.value)


def test_all_wrong_rows_are_reported_at_once(copy):
    def spoil(rows):
        rows[0]["kind"] = "eeg"
        rows[2]["fps_hz"] = "fast"

    with pytest.raises(DatasetUnavailable, match=r"manifest.csv:2: kind .*\n.*manifest.csv:4: fps_hz"):
        rewrite(copy, spoil)
        ManifestDataset(copy)


def test_the_same_frames_twice_are_reported(copy):
    def double(rows):
        rows.append({**rows[0], "session": "again"})

    rewrite(copy, double)
    with pytest.raises(DatasetUnavailable, match=r"manifest.csv:5: the same frames of videos/p1.mkv stand in .*:2"):
        ManifestDataset(copy)


def test_parts_of_one_video_are_recordings_of_their_own(copy):
    def part(rows):
        rows.append({**rows[0], "session": "later", "part_first": "90"})
        rows[0]["part_end"] = "90"

    rewrite(copy, part)
    halves = [one for one in ManifestDataset(copy).recordings() if one.subject == "p1"]
    assert [(one.session, one.duration_s) for one in halves] == [("later", 7.0), ("rest", 3.0)]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("subject,session,video,truth,column,kind,rate_hz\n", "has no rows"),
        ("subject,video,truth,column,kind,rate_hz\np1,a,b,0,ecg,5\n", ":1: no column 'session'\n"),
        ("subject,subject\n", ":1: column 'subject' stands there twice"),
        ("subject,session,video,truth,column,kind,rate_hz\np1,a,b,c,0,ecg,25,6\n", ":2: 8 cells, expected 7"),
        (b"subject\xff\n", "is no CSV table in UTF-8"),
    ],
)
def test_a_table_of_another_form_is_refused(copy, text, complaint):
    (copy / "manifest.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetUnavailable) as caught:
        ManifestDataset(copy)
    assert complaint in str(caught.value)


def test_a_folder_without_a_table_is_refused_and_the_right_one_named(copy):
    for wrong in (copy.parent, copy / "videos"):
        with pytest.raises(DatasetUnavailable, match=r"looked for a table manifest.csv, found ") as caught:
            ManifestDataset(wrong)
        assert str(copy) in str(caught.value.hint)


# --- what can be wrong: the files ------------------------------------------------------------------------------------


def test_a_renamed_video_is_absent_and_the_others_are_not(copy):
    (copy / "videos" / "p2.mp4").rename(copy / "videos" / "p2_final.mp4")
    dataset = ManifestDataset(copy)
    assert [one.id for one in dataset.recordings()] == ["p1-rest", "p3-rest"]
    inventory = dataset.inventory()
    (absent,) = inventory.absent
    assert (absent.id, absent.path, absent.reason) == ("p2-rest", copy / "videos" / "p2.mp4", "no such file")
    assert absent.remedy == "there is p2_final.mp4: renamed?"
    assert inventory.extra == (copy / "videos" / "p2_final.mp4",)
    assert inventory.n_recordings == 3


def test_a_missing_sensor_file_makes_a_recording_absent(copy):
    (copy / "sensors" / "p1.txt").unlink()
    (absent,) = ManifestDataset(copy).inventory().absent
    assert absent.path == copy / "sensors" / "p1.txt"
    assert "manifest.csv" in absent.remedy  # p2.csv lies beside it, and is another recording's


@pytest.mark.parametrize(("content", "reason"), [(b"", "is empty"), (b"no video", "not a video|is text")])
def test_a_broken_video_makes_a_recording_absent(copy, content, reason):
    (copy / "videos" / "p3.avi").write_bytes(content)
    (absent,) = ManifestDataset(copy).inventory().absent
    assert (absent.id, absent.path) == ("p3-rest", copy / "videos" / "p3.avi")
    assert re.search(reason, absent.reason)


@pytest.mark.parametrize(
    ("row", "times_s", "reason"),
    [
        (0, 1000 * np.arange(300) / 30, "its frame times span 10000 s, and videos/p1.mkv lasts 10 s by its header"),
        (0, np.arange(300) / 30 / 60, "its frame times span 0.166667 s, and videos/p1.mkv lasts 10 s by its header"),
        (1, np.arange(299) / 30, "has 299 frame times, and videos/p2.mp4 300 frames by its header"),
        (2, np.arange(251) / 25, "has 251 frame times, and videos/p3.avi 250 frames by its header"),
        (0, np.arange(1.0), "has 1 frame times, and videos/p1.mkv more frames by its header"),
    ],
)
def test_frame_times_that_are_another_videos_or_in_another_unit_are_reported(copy, row, times_s, reason):
    np.savetxt(copy / "times.csv", times_s)
    (absent,) = set_cells(copy, row, frame_times="times.csv").inventory().absent
    assert (absent.id, absent.path, absent.reason) == (f"p{row + 1}-rest", copy / "times.csv", reason)
    assert ("in ms" in absent.remedy) == ("span" in reason)


def test_a_wrong_line_of_frame_times_is_reported(copy):
    (copy / "times.csv").write_text("0.0\n0.04\nlate\n")
    (absent,) = set_cells(copy, 0, frame_times="times.csv").inventory().absent
    assert absent.path == copy / "times.csv"
    assert absent.reason == "line 3: column '0' is 'late', expected a number"


def test_a_part_beyond_the_video_makes_a_recording_absent(copy):
    (absent,) = set_cells(copy, 0, part_first="300").inventory().absent
    assert "has 300 frames, so 0 from 300 to None" in absent.reason


def test_what_is_in_no_row_is_extra(copy):
    (copy / "videos" / "p4.mp4").write_bytes(b"x")
    (copy / "README.txt").write_text("x")
    assert ManifestDataset(copy).inventory().extra == (copy / "videos" / "p4.mp4",)


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"column": "bvp_raw"}, "p2.csv:1: no column 'bvp_raw'\n  -> did you mean 'bvp'?"),
        ({"time_column": "2"}, "p2.csv: has 2 columns, so none at place 2"),
        (
            {"offset_s": "600"},
            r"p2.csv: runs from 600 s to 610\.\d* s on the .* of 10 s: they do not overlap",
        ),
        ({"offset_s": "-60"}, "they do not overlap"),
    ],
)
def test_a_wrong_column_or_offset_is_reported(copy, cells, complaint):
    with pytest.raises(DatasetUnavailable, match=complaint) as caught:
        truth_of(set_cells(copy, 1, **cells), "p2-rest")
    assert caught.value.hint


def test_a_name_for_a_column_of_a_file_without_names_is_reported(copy):
    with pytest.raises(DatasetUnavailable, match=r"first line is numbers, so no column is called 'ecg'"):
        truth_of(set_cells(copy, 0, column="ecg"))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("0.5,loud", r"p2.csv:5: column 'bvp' is 'loud', expected a number"),
        ('0.5,"0,25"', r"p2.csv:5: column 'bvp' is '0,25'[\s\S]*write decimals with a point"),
        ("0.5", r"p2.csv:5: 1 columns, expected 2"),
        ("0.01,1.0", r"p2.csv: column 'time_s': sample 4 is at 0.01 s, after .*: times must ascend"),
        ("nan,1.0", r"p2.csv: column 'time_s': sample 4 is at nan s"),
    ],
)
def test_a_wrong_line_of_a_sensor_file_is_reported(copy, line, complaint):
    path = copy / "sensors" / "p2.csv"
    lines = path.read_text().splitlines()
    lines[4] = line
    path.write_text("\n".join(lines))
    with pytest.raises(DatasetUnavailable, match=complaint):
        truth_of(ManifestDataset(copy), "p2-rest")


def test_times_in_milliseconds_are_reported(copy):
    path = copy / "sensors" / "p2.csv"
    names, *lines = path.read_text().splitlines()
    times = [f"{1000 * float(line.split(',')[0]):.2f},{line.split(',')[1]}" for line in lines]
    path.write_text("\n".join([names, *times]))
    with pytest.raises(DatasetUnavailable, match=r"runs from .*[\s\S]*are its times in ms\?"):
        truth_of(ManifestDataset(copy), "p2-rest")


def test_samples_that_are_missing_stay_missing(copy):
    path = copy / "sensors" / "p2.csv"
    lines = path.read_text().splitlines()
    lines[4], lines[5] = lines[4].split(",")[0] + ",", lines[5].split(",")[0] + ",NaN"
    path.write_text("\n".join(lines))
    samples = truth_of(ManifestDataset(copy), "p2-rest").samples
    assert np.flatnonzero(np.isnan(samples)).tolist() == [3, 4]


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"", "is empty"), (b"bvp,time_s\n", "no samples"), (b"\xff", "text")]
)
def test_a_sensor_file_of_nothing_is_reported(copy, content, complaint):
    (copy / "sensors" / "p2.csv").write_bytes(content)
    with pytest.raises(DatasetUnavailable, match=rf"p2.csv: .*{complaint}"):
        truth_of(ManifestDataset(copy), "p2-rest")


def test_columns_are_parted_by_white_space_too(copy):
    path = copy / "sensors" / "p2.csv"
    path.write_text(path.read_text().replace(",", "   "))
    assert len(truth_of(ManifestDataset(copy), "p2-rest").samples) == round((DURATION_S - BVP_OFFSET_S) * 64)
