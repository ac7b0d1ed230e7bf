"""Every kind of damage is reported with its file and a remedy, and nothing else is."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from rppgbench.contracts import GroundTruth
from rppgbench.datasets.audit import audit
from rppgbench.errors import UnknownName


def troubles(report):
    return [finding for finding in report.findings if finding.severity == "trouble"]


def only_trouble(report, recording=None, path=None):
    """The one trouble of a report, which must be about the recording and the file."""
    (finding,) = troubles(report)
    assert (finding.recording, finding.path) == (recording, path)
    assert finding.remedy
    return finding


def test_a_sound_copy_has_no_trouble_and_a_remark_on_the_absent_subject(dataset):
    report = audit(dataset)
    assert [(f.severity, f.check) for f in report.findings] == [("remark", "subjects")]
    assert report.findings[0].found == "1 of 4 published subjects is not here: s4"
    assert report.inventory is not None
    assert report.inventory.notes == ("s5 never came",)


def test_measures_are_those_written(dataset, sheets):
    for one in audit(dataset).examined:
        assert (one.n_frames, one.codec) == (200, "utvideo")
        assert one.duration_s == pytest.approx(10.0)
        assert one.fps_hz == pytest.approx(20.0)
        assert one.truth is not None
        assert one.truth.hr_bpm == pytest.approx(60 * sheets.RATES_HZ[one.subject], abs=0.5)
        assert (one.truth.n_windows, one.truth.n_excluded, one.truth.n_flagged) == (1, 0, 0)


def test_several_workers_find_the_same_as_one(dataset, root):
    (root / "s2" / "video.avi").write_bytes(b"")
    assert audit(dataset, workers=2).record() == audit(dataset).record()


def test_progress_counts_up_to_all(dataset):
    calls = []
    audit(dataset, quick=True, progress=lambda done, n, total_s: calls.append((len(done), n, total_s)))
    assert calls == [(0, 3, 30.0), (1, 3, 30.0), (2, 3, 30.0), (3, 3, 30.0)]


@pytest.mark.parametrize("partial", [False, True])
def test_a_missing_file_of_a_recording_whose_others_are_there_is_trouble_in_any_copy(dataset, root, partial):
    (root / "s2" / "video.avi").rename(root / "s2" / "vid.avi")
    report = audit(dataset, partial=partial)
    missing = only_trouble(report, "s2-rest", root / "s2" / "video.avi")
    assert (missing.check, missing.found, missing.remedy) == ("missing", "no such file", "copy it")
    assert [f.path for f in report.findings if f.check == "extra"] == [root / "s2" / "vid.avi"]


def test_a_recording_of_which_nothing_is_there_is_no_trouble_in_a_partial_copy(dataset, root):
    (root / "s2" / "video.avi").unlink()
    (root / "s2" / "pulse.csv").unlink()
    assert {finding.recording for finding in troubles(audit(dataset))} == {"s2-rest"}
    report = audit(dataset, partial=True)
    assert not troubles(report)
    assert "s2-rest" in next(f.found for f in report.findings if f.check == "missing")


def test_a_copy_without_one_whole_recording_is_trouble(dataset, root):
    for video in root.glob("*/video.avi"):
        video.unlink()
    assert "not one recording is whole" in [f.found for f in troubles(audit(dataset, partial=True))]


@pytest.mark.parametrize("file", ["video.avi", "pulse.csv"])
def test_an_empty_file_is_named_once(dataset, root, file):
    (root / "s1" / file).write_bytes(b"")
    finding = only_trouble(audit(dataset), "s1-rest", root / "s1" / file)
    assert finding.found == "is empty (0 bytes)"


def test_a_video_that_was_cut_off_is_named_with_what_is_left_of_it(dataset, root):
    video = root / "s1" / "video.avi"
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    finding = only_trouble(audit(dataset), "s1-rest", video)
    assert "cut off or damaged" in finding.found
    assert " of 10.0 s" in finding.found


def test_a_cut_off_video_is_seen_without_decoding_too(dataset, root):
    video = root / "s1" / "video.avi"
    content = video.read_bytes()
    video.write_bytes(content[: len(content) // 2])
    checks = {finding.check for finding in troubles(audit(dataset, quick=True))}
    assert "video" in checks


def test_a_file_that_is_no_video_is_named_and_the_others_are_looked_at(dataset, root):
    (root / "s1" / "video.avi").write_text("this is no video")
    report = audit(dataset)
    assert "is not a video" in only_trouble(report, "s1-rest", root / "s1" / "video.avi").found
    assert [one.n_frames for one in report.examined] == [None, 200, 200]


def test_a_whole_video_that_is_shorter_than_its_label(dataset, root, sheets):
    video = root / "s1" / "video.avi"
    sheets.write_video(video, 1.0, length_s=6.0)
    found = {finding.check: finding for finding in troubles(audit(dataset))}
    assert set(found) == {"length", "clock"}
    assert found["length"].found == "lasts 6.00 s (120 frames)"
    assert found["clock"].path == video
    assert "the video is shorter than its label: 10.00 s by the sensor, 6.00 s by the video" in found["clock"].found


def test_a_video_shorter_than_its_label_is_found_by_the_label_alone(dataset, root, sheets):
    video = root / "s1" / "video.avi"
    sheets.write_video(video, 1.0, length_s=6.0)
    sheets.write_truth(root / "s1" / "pulse.csv", *sheets.pulse(1.0), video_s=None)
    found = {finding.check: finding for finding in troubles(audit(dataset))}
    assert "the video is shorter than its label: 9.98 s by the sensor, 6.00 s" in found["clock"].found


def test_a_clock_that_drifts_by_two_per_cent_is_named_with_both_durations(dataset, root, sheets, monkeypatch):
    monkeypatch.setattr(sheets.Sheets, "length_s", 20.0)
    label = root / "s1" / "pulse.csv"
    sheets.write_video(root / "s1" / "video.avi", 1.0, length_s=20.0)
    times_s, samples = sheets.pulse(1.0, length_s=20.0)
    sheets.write_truth(label, 1.02 * times_s, samples, video_s=20.4)
    report = audit(dataset, only=["s1-rest"])
    finding = only_trouble(report, "s1-rest", label)
    assert finding.check == "clock"
    assert "drifts against the video's: 20.40 s by the sensor, 20.00 s by the video (+2.0%)" in finding.found
    assert report.examined[0].truth.n_excluded == 1


def test_a_sensor_that_stops_early_is_named(dataset, root, sheets):
    label = root / "s1" / "pulse.csv"
    times_s, samples = sheets.pulse(1.0)
    sheets.write_truth(label, times_s[:350], samples[:350])
    finding = only_trouble(audit(dataset), "s1-rest", label)
    assert "covers 0.0 s to 7.0 s" in finding.found
    assert finding.expected == "0 s to 10.0 s, as the video"


def test_gaps_of_no_numbers_are_trouble_when_too_long_to_bridge(dataset, root, sheets):
    label = root / "s1" / "pulse.csv"
    times_s, samples = sheets.pulse(1.0)
    samples[100:150] = np.nan  # one second from 2 s on
    sheets.write_truth(label, times_s, samples)
    report = audit(dataset)
    finding = only_trouble(report, "s1-rest", label)
    assert "10.0% of the samples are no numbers, none from 2.0 s to 3.0 s" in finding.found
    assert report.examined[0].truth.n_excluded == 1


def test_a_single_sample_that_is_no_number_is_a_remark(dataset, root, sheets):
    times_s, samples = sheets.pulse(1.0)
    samples[100] = np.nan
    sheets.write_truth(root / "s1" / "pulse.csv", times_s, samples)
    report = audit(dataset)
    assert not troubles(report)
    assert report.examined[0].truth.n_excluded == 0


def test_a_stuck_sensor_is_trouble_with_the_place(dataset, root, sheets):
    label = root / "s1" / "pulse.csv"
    times_s, samples = sheets.pulse(1.0)
    samples[100:300] = samples[100]
    sheets.write_truth(label, times_s, samples)
    report = audit(dataset)
    assert "stuck at one value from 2.0 s to 6.0 s" in only_trouble(report, "s1-rest", label).found
    assert report.examined[0].truth.n_excluded == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pulse,1,2,3\n", "line 1: found 'pulse,1,2,3', expected video_s=..."),
        ("video_s=10\n0,1\n0.1,2\n0.05,3\n", "times do not ascend at sample 2: 0.1 s, then 0.05 s"),
        ("video_s=10\n", "0 samples, expected at least 2"),
        ("video_s=10\n0,nan\n0.1,nan\n", "not one sample is a number"),
        ("video_s=10\n0,one\n0.1,two\n", "the dataset's plugin failed: ValueError: could not convert string"),
    ],
)
def test_a_label_that_cannot_be_used_is_named_and_the_others_are_looked_at(dataset, root, text, found):
    (root / "s2" / "pulse.csv").write_text(text)
    report = audit(dataset)
    assert found in only_trouble(report, "s2-rest", root / "s2" / "pulse.csv").found
    assert [one.truth is None for one in report.examined] == [False, True, False]


@pytest.mark.parametrize(("file", "what"), [("video.avi", "videos"), ("pulse.csv", "ground truths")])
def test_identical_files_of_two_subjects_are_named(dataset, root, file, what):
    shutil.copy(root / "s1" / file, root / "s3" / file)
    finding = only_trouble(audit(dataset, quick=True), "s1-rest", root / "s1" / file)
    assert finding.found == f"recordings s1-rest, s3-rest (subjects s1, s3): {what} are identical, byte for byte"


def test_videos_that_differ_in_one_byte_far_from_their_ends_are_no_duplicates(dataset, root):
    video = root / "s3" / "video.avi"
    shutil.copy(root / "s1" / "video.avi", video)
    content = bytearray(video.read_bytes())
    content[int(0.3 * len(content))] ^= 1
    video.write_bytes(content)
    assert not [f for f in audit(dataset, quick=True).findings if f.check == "duplicate"]


def test_doubts_of_the_loader_are_remarks(dataset, root):
    (root / "s1" / "typed").touch()
    report = audit(dataset)
    doubts = [finding.found for finding in report.findings if finding.check == "loader"]
    assert doubts == ["the table was typed by hand; each window of it is flagged"]
    assert report.examined[0].truth.n_flagged == 1


@pytest.mark.parametrize(("part", "n_frames"), [((20, 120), 100), ((20, -10), 170)])
def test_only_frames_of_the_part_are_checked(dataset, sheets, monkeypatch, part, n_frames):
    monkeypatch.setattr(sheets.Sheets, "part", part)
    assert [one.n_frames for one in audit(dataset, only=["s1-rest"]).examined] == [n_frames]


@pytest.mark.parametrize("quick", [True, False])
def test_a_part_that_the_video_does_not_have_is_trouble(dataset, root, sheets, monkeypatch, quick):
    monkeypatch.setattr(sheets.Sheets, "part", (20, 260))
    report = audit(dataset, only=["s1-rest"], quick=quick)
    assert root / "s1" / "video.avi" in {finding.path for finding in troubles(report)}


def test_times_of_the_frames_must_be_as_many_as_frames(dataset, root, sheets, monkeypatch):
    clock = root / "s1" / "video.avi"
    monkeypatch.setattr(sheets.Sheets, "frame_times_s", lambda self, recording: np.arange(199) / 20, raising=False)
    monkeypatch.setattr(sheets.Sheets, "clock_files", (clock,))
    finding = only_trouble(audit(dataset, only=["s1-rest"]), "s1-rest", clock)
    assert (finding.found, finding.expected) == ("199 frame times for 200 frames", "one for each frame")


def test_times_of_the_frames_must_ascend(dataset, root, sheets, monkeypatch):
    times_s = np.arange(200) / 20
    times_s[7] = np.nan
    monkeypatch.setattr(sheets.Sheets, "frame_times_s", lambda self, recording: times_s, raising=False)
    monkeypatch.setattr(sheets.Sheets, "clock_files", (root / "s1" / "video.avi",))
    report = audit(dataset, only=["s1-rest"])
    assert only_trouble(report, "s1-rest", root / "s1" / "video.avi").found == "frame times that do not ascend"
    json.dumps(report.record(), allow_nan=False)


def test_a_failing_loader_does_not_stop_the_audit(dataset, sheets, monkeypatch):
    recordings = sheets.Sheets.recordings

    def nonsense(self):
        return [replace(one, fps_hz=0.0) if one.subject == "s2" else one for one in recordings(self)]

    monkeypatch.setattr(sheets.Sheets, "recordings", nonsense)
    report = audit(dataset)
    assert [finding.recording for finding in troubles(report)] == ["s2-rest"]
    assert [one.n_frames for one in report.examined] == [200, None, 200]


def test_frame_times_are_used_and_a_differing_container_is_reported(dataset, root, sheets, monkeypatch):
    monkeypatch.setattr(sheets.Sheets, "frame_times_s", lambda self, recording: np.arange(200) / 19.2, raising=False)
    monkeypatch.setattr(sheets.Sheets, "clock_files", (root / "s1" / "video.avi",))
    report = audit(dataset, only=["s1-rest"])
    assert report.examined[0].fps_hz == pytest.approx(19.2)
    clocks = [finding for finding in report.findings if finding.check == "clock"]
    assert "by its container the video lasts 10.00 s, by the dataset's frame times 10.42 s (-4.0%)" in clocks[0].found


def test_impossible_heart_rates_are_trouble(dataset, sheets, monkeypatch):
    def in_hz(self, recording):
        return GroundTruth(samples=np.full(10, 1.2), times_s=np.arange(10.0), kind="hr")

    monkeypatch.setattr(sheets.Sheets, "ground_truth", in_hz)
    (finding,) = troubles(audit(dataset, only=["s1-rest"]))
    assert "a heart rate of 1.2 bpm at 0.0 s, 100.0% of all samples are like that" in finding.found


def test_a_noisy_sensor_is_reported(dataset, root, sheets):
    times_s, samples = sheets.pulse(1.0)
    sheets.write_truth(root / "s1" / "pulse.csv", times_s, np.random.RandomState(0).normal(size=len(samples)))
    report = audit(dataset, only=["s1-rest"])
    texts = [finding.found for finding in report.findings]
    assert any("SNR about its own rate is below 0 dB" in text and "in 1 of 1 windows" in text for text in texts)
    assert report.examined[0].truth.n_flagged == 1


def test_recordings_can_be_selected_and_mistyped(dataset, root):
    (root / "s1" / "video.avi").write_bytes(b"")
    assert not audit(dataset, only=["s3-rest", "s2-rest"]).findings
    with pytest.raises(UnknownName, match="no recording 's3-test' here") as raised:
        audit(dataset, only=["s3-test"])
    assert raised.value.hint == "did you mean 's3-rest'?"
    with pytest.raises(UnknownName, match=r"s4/video\.avi: no such file"):
        audit(dataset, only=["s4-rest"])


def test_the_report_is_json_without_any_not_a_number(dataset, root, sheets):
    times_s, samples = sheets.pulse(1.0)
    sheets.write_truth(root / "s1" / "pulse.csv", times_s, np.zeros_like(samples))
    record = json.loads(json.dumps(audit(dataset).record(), allow_nan=False))
    assert record["published"] == {"subjects": 4, "recordings": 4}
    assert record["here"] == {"subjects": 3, "recordings": 3}
    assert record["trouble"] == len([f for f in record["findings"] if f["severity"] == "trouble"]) > 0
    assert record["recordings"][0]["truth"]["hr_bpm"] is None


@pytest.mark.parametrize(
    ("silent", "where"), [((), None), (("s1",), " in 1 of 3 recordings"), (("s1", "s2", "s3"), "")]
)
def test_uncompared_clocks_are_one_note(dataset, root, sheets, silent, where):
    for name in silent:
        sheets.write_truth(root / name / "pulse.csv", *sheets.pulse(sheets.RATES_HZ[name]), video_s=None)
    report = audit(dataset, quick=True)
    assert not troubles(report)
    notes = [note for note in report.notes if "clocks" in note]
    assert report.record()["notes"] == ["s5 never came", *notes]
    assert [note.partition(": ")[0] for note in notes] == (
        [] if where is None else [f"clocks of sensor and video were not compared{where}"]
    )
