"""MAHNOB-HCI: its sessions by formula, and its loader against a small copy with known beats."""

from __future__ import annotations

import shutil
import sys
import xml.etree.ElementTree as ET

import av
import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.evaluation.labels import label_windows
from rppgbench.signal.ecg import r_peaks
from rppgbench.signal.ground_truth import window_hrs
from rppgbench.signal.heart_rate import HeartRateSettings
from rppgbench_datasets import bdf
from rppgbench_datasets.mahnob_hci import MahnobHci
from rppgbench_datasets.mahnob_sessions import other_ids, stimuli

# Sessions whose clocks pyVHR's authors found to agree (github.com/phuselab/pyVHR, issue 22): stimulus sessions all.
AGREEING = (
    *(10, 34, 152, 274, 276, 408, 556, 800, 806, 808, 814, 926, 1042, 1184, 1198, 1322, 1576, 1590, 1698, 2094, 2114),
    *(2120, 2226, 2246, 2346, 2604, 2606, 2624, 2634, 2888, 3006, 3136, 3388, 3396, 3644, 3662),
)
COLOUR = "P1-Rec1-2009.07.01.10.53.46_C1 trigger _C_Section_2.avi"
ECG_HZ = 256


@pytest.fixture(scope="module")
def tree(fixture_tree):
    return fixture_tree("mahnob_hci", 1, 1.0)


@pytest.fixture
def copy(tree, tmp_path):
    """A copy of the tree to be spoilt: its folder Sessions."""
    return shutil.copytree(tree.root / "Sessions", tmp_path / "mahnob" / "Sessions")


@pytest.fixture(scope="module")
def dataset(tree):
    return MahnobHci(tree.root)


def reworded(sessions, old, new):
    path = sessions / "2" / "session.xml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def why_idle(sessions, session="2"):
    dataset = MahnobHci(sessions)
    assert session not in [recording.id for recording in dataset.recordings()]
    return next(entry for entry in dataset.inventory().absent if entry.id == session)


# --- the published list: numbers from shared metadata of all 3,490 sessions (bob.db.hci_tagging) ----------------------


def test_527_sessions_of_27_participants():
    by_subject = {}
    for stimulus in stimuli():
        by_subject.setdefault(stimulus.subject, []).append(stimulus.trial)
    assert len(stimuli()) == 527
    assert len(by_subject) == 27
    assert {s: len(trials) for s, trials in by_subject.items() if len(trials) != 20} == {"P3": 17, "P9": 14, "P16": 16}
    assert not {"P12", "P15", "P26"} & set(by_subject)


def test_ids_ascend_and_are_those_of_no_other_session():
    ids = [int(stimulus.id) for stimulus in stimuli()]
    assert ids == sorted(set(ids))
    assert (ids[0], ids[-1]) == (2, 3810)
    assert set(AGREEING) <= set(ids)
    assert len(other_ids()) == 527 + 3 * 812
    assert not other_ids() & set(map(str, ids))


# --- the layout ------------------------------------------------------------------------------------------------------


def test_the_tree_is_the_published_one(tree):
    assert tree.files() == {
        "Sessions/2/session.xml",
        "Sessions/2/Part_1_S_Trial1_emotion.bdf",
        f"Sessions/2/{COLOUR}",
        "Sessions/4/session.xml",
        "Sessions/4/Part_1_S_Trial2_emotion.bdf",
        "Sessions/4/P1-Rec1-2009.07.01.11.53.46_C1 trigger _C_Section_4.avi",
    }


def test_the_video_is_h264_at_61_fps_and_long_enough(tree):
    with av.open(str(tree.root / "Sessions" / "2" / COLOUR)) as container:
        video = container.streams.video[0]
        assert (container.format.name, video.codec_context.name, video.average_rate) == ("avi", "h264", 61)
        assert video.frames >= 2136


def test_the_bdf_is_an_active_two_s(tree):
    header = (tree.root / "Sessions" / "2" / "Part_1_S_Trial1_emotion.bdf").read_bytes()[: 256 * 49]
    assert header[:8] == b"\xffBIOSEMI"
    assert header[192:197] == b"24BIT"
    assert int(header[252:256]) == 48
    labels = [header[256 + 16 * n : 272 + 16 * n].decode().strip() for n in range(48)]
    assert (labels[0], labels[31], labels[32], labels[33], labels[34]) == ("Fp1", "Cz", "EXG1", "EXG2", "EXG3")
    assert labels[40:] == ["GSR1", "GSR2", "Erg1", "Erg2", "Resp", "Plet", "Temp", "Status"]


def test_the_xml_has_the_published_attributes(tree):
    root = ET.parse(tree.root / "Sessions" / "2" / "session.xml").getroot()
    published = (
        "sessionId date time experimentType isStim feltEmo feltArsl feltVlnc feltCtrl feltPred cutNr cutLenSec "
        "mediaFile vidRate vidBeginSmp vidEndSmp audRate audBeginSmp audEndSmp"
    )
    assert set(root.attrib) == set(published.split())
    assert [track.get("color") for track in root.iter("track") if track.get("type") == "Video"] == ["1", *"00000"]


# --- what the loader makes of it -------------------------------------------------------------------------------------


def test_recordings(dataset, tree):
    recordings = dataset.recordings()
    assert [(r.id, r.subject, r.session) for r in recordings] == [("2", "P1", "trial1"), ("4", "P1", "trial2")]
    first = recordings[0]
    assert first.path == tree.root / "Sessions" / "2" / COLOUR
    assert (first.part, first.fps_hz, first.duration_s, first.source) == ((306, 2136), 61.0, 30.0, "lossy")
    assert {path.name for path in first.truth_files} == {"session.xml", "Part_1_S_Trial1_emotion.bdf"}
    assert first.tags["felt_emotion"] == "4"


def test_heart_rate_is_that_of_the_known_beats(dataset, tree):
    for recording in dataset.recordings():
        truth = dataset.ground_truth(recording)
        assert truth.doubts == ()
        rate = window_hrs(truth, [0.0], round(30.0 * recording.fps_hz), recording.fps_hz)[0]
        assert rate.spectrum_bpm == pytest.approx(tree.rendered_by_id[recording.id].hr_bpm, abs=0.5)
        assert rate.beats_bpm == pytest.approx(tree.rendered_by_id[recording.id].hr_bpm, abs=0.5)


def test_beats_of_every_lead_are_on_the_clock_of_frame_306(dataset, tree):
    recording = dataset.recordings()[0]
    truth, known_s = dataset.ground_truth(recording), tree.rendered_by_id["2"].beats_s
    assert set(truth.leads) == {"EXG1", "EXG3"}
    for samples in (truth.samples, *truth.leads.values()):
        beats_s = np.interp(r_peaks(samples, ECG_HZ), np.arange(len(samples)), truth.times_s)
        beats_s = beats_s[(beats_s > 0) & (beats_s < 30)]
        assert len(beats_s) == np.sum((known_s > 0) & (known_s < 30))
        # Status marks the first sample after the first frame: up to a period early, and a little for noise.
        late_s = beats_s - known_s[np.abs(known_s[:, None] - beats_s).argmin(axis=0)]
        assert np.all((late_s > -1 / ECG_HZ - 0.001) & (late_s < 0.001))


def test_frames_are_timed_by_the_rate_of_the_session(copy):
    reworded(copy, 'vidRate="61.0000"', 'vidRate="60.9708"')
    dataset = MahnobHci(copy)
    recording = dataset.recordings()[0]
    assert recording.clock_files == (copy / "2" / "session.xml",)
    times_s = dataset.frame_times_s(recording)
    assert times_s.shape == (1830,)
    np.testing.assert_allclose(times_s[[0, 1, -1]], [0.0, 1 / 60.9708, 1829 / 60.9708])
    assert recording.duration_s == pytest.approx(1830 / 60.9708)
    assert dataset.ground_truth(recording).doubts == ()


def test_a_clock_that_drifts_is_doubted_with_both_lengths(copy):
    reworded(copy, 'vidRate="61.0000"', 'vidRate="58.0000"')
    dataset = MahnobHci(copy)
    truth = dataset.ground_truth(dataset.recordings()[0])
    assert truth.doubts == (
        "the video's header says 61 frames a second, session.xml 58",
        "2136 frames at 58 Hz last 36.83 s, and 35.02 s from first to last event of Status",
    )
    assert truth.video_s is None  # what Status spans may be more than the video: windows are flagged, none is excluded
    hr = window_hrs(truth, [0.0], 1740, 58.0)[0]
    assert np.isfinite(hr.beats_bpm)


def test_a_status_that_spans_another_length_is_doubted_and_excludes_nothing(copy):
    path = copy / "2" / "Part_1_S_Trial1_emotion.bdf"
    whole = bdf.read(path, ["EXG2"])
    status = np.zeros(len(whole.triggers), dtype=np.int32)
    first, end = whole.events()[[0, -1]]
    status[[first, end - 2 * ECG_HZ]] = 16  # the last one 2 s before the camera stops
    bdf.write(path, whole.channels, status, ECG_HZ)
    dataset = MahnobHci(copy)
    recording = dataset.recordings()[0]
    truth = dataset.ground_truth(recording)
    assert truth.doubts == ("2136 frames at 61 Hz last 35.02 s, and 33.02 s from first to last event of Status",)
    (label,) = label_windows(truth, np.zeros(1), 1830, 61.0, HeartRateSettings(), video_s=recording.duration_s)
    assert label.excluded is None


def test_another_view_is_not_taken_for_the_renamed_video(copy):
    mono = COLOUR.replace("C1 trigger _C", "BW1")
    (copy / "2" / COLOUR).rename(copy / "2" / mono)
    entry = why_idle(copy)
    assert (entry.path, entry.remedy) == (copy / "2" / COLOUR, "copy the session again")


def test_an_unreadable_video_leaves_the_truth_with_a_doubt(copy):
    (copy / "2" / COLOUR).write_bytes(b"RIFF")
    dataset = MahnobHci(copy)
    truth = dataset.ground_truth(dataset.recordings()[0])
    assert truth.video_s is None
    assert COLOUR in truth.doubts[0]


@pytest.mark.parametrize(
    ("events", "complaint"),
    [([], "its Status channel has no event"), ([0, 900], "Status is not at rest where the physiology begins")],
)
def test_status_without_a_beginning(copy, events, complaint):
    status = np.zeros(40 * ECG_HZ, dtype=np.int32)
    status[events] = 16
    channels = {"EXG2": np.random.default_rng(0).normal(size=len(status))}
    bdf.write(copy / "2" / "Part_1_S_Trial1_emotion.bdf", channels, status, ECG_HZ)
    dataset = MahnobHci(copy)
    if events:
        assert complaint in dataset.ground_truth(dataset.recordings()[0]).doubts
    else:
        with pytest.raises(DatasetUnavailable, match=complaint):
            dataset.ground_truth(dataset.recordings()[0])


def test_a_physiology_that_is_cut_off_is_named(copy):
    path = copy / "2" / "Part_1_S_Trial1_emotion.bdf"
    path.write_bytes(path.read_bytes()[:500_000])
    dataset = MahnobHci(copy)
    with pytest.raises(DatasetUnavailable, match=r"Part_1_S_Trial1_emotion\.bdf: cannot be read as BDF"):
        dataset.ground_truth(dataset.recordings()[0])


# --- traps -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('vidRate="61.0000"', "", "has no attribute vidRate, the video's frame rate"),
        ('vidRate="61.0000"', 'vidRate="sixty"', "vidRate is 'sixty', expected a rate in Hz"),
        ('vidRate="61.0000"', 'vidRate="0"', "vidRate is '0', expected a rate in Hz"),
        ('color="1"', 'color="0"', 'has 0 tracks of the colour camera (type="Video" color="1"), expected 1'),
        ('color="0"', 'color="1"', 'has 6 tracks of the colour camera (type="Video" color="1"), expected 1'),
        ('"Physiological"', '"Audio"', 'has 0 tracks of physiology (type="Physiological"), expected 1'),
        ('sessionId="2"', 'sessionId="4"', "is of session 4, expected 2"),
        ("Part_1_S", "Part_7_S", "names Part_7_S_Trial1_emotion.bdf, expected Part_1_S_Trial1_emotion.bdf"),
        ("</session>", "", "is no XML"),
    ],
)
def test_a_session_whose_xml_cannot_be_used_is_absent_with_the_reason(copy, old, new, reason):
    reworded(copy, old, new)
    entry = why_idle(copy)
    assert (entry.path, entry.subject) == (copy / "2" / "session.xml", "P1")
    assert entry.reason.startswith(reason)
    assert entry.remedy


def test_a_renamed_video_is_found_by_its_near_name(copy):
    renamed = COLOUR.replace(" _C", "_C")
    (copy / "2" / COLOUR).rename(copy / "2" / renamed)
    entry = why_idle(copy)
    assert entry.path == copy / "2" / COLOUR
    assert entry.remedy == f"there is {renamed}: renamed?"


def test_a_session_that_is_not_here_is_not_taken_for_a_renamed_one(copy):
    entry = why_idle(copy, "20")  # beside 2
    assert (entry.path, entry.reason, entry.remedy) == (copy / "20", "no such folder", "copy the session")


def test_an_empty_physiology_is_absent(copy):
    path = copy / "2" / "Part_1_S_Trial1_emotion.bdf"
    path.write_bytes(b"")
    assert (why_idle(copy).path, why_idle(copy).reason) == (path, "is empty (0 bytes)")


def test_a_monochrome_view_is_not_taken_for_the_video(copy):
    (copy / "2" / COLOUR.replace("C1 trigger _C", "BW1")).write_bytes(b"RIFF")
    assert MahnobHci(copy).recordings()[0].path == copy / "2" / COLOUR


def test_inventory_counts_published_recordings(copy):
    shutil.copytree(copy / "2", copy / "3")  # a neutral session
    shutil.copytree(copy / "2", copy / "12 (copy)")
    inventory = MahnobHci(copy).inventory()
    assert (len(inventory.subjects), inventory.n_recordings, len(inventory.absent)) == (27, 527, 525)
    assert inventory.subjects[:3] == ("P1", "P2", "P3")
    assert inventory.extra == (copy / "12 (copy)",)
    assert "1 of the 2963 neutral and tagging sessions are here: not used" in inventory.notes


def test_the_folder_sessions_itself_will_do(tree, dataset):
    assert MahnobHci(tree.root / "Sessions").recordings() == dataset.recordings()


@pytest.mark.parametrize("where", [".", "Sessions/2"])
def test_a_wrong_root_is_refused_with_the_right_one(tree, where, tmp_path):
    root = (tmp_path / "all").resolve()
    shutil.copytree(tree.root, root / "mahnob", ignore=shutil.ignore_patterns("*.avi", "*.bdf"))
    wrong, right = (root, root / "mahnob") if where == "." else (root / "mahnob" / where, root / "mahnob" / "Sessions")
    with pytest.raises(DatasetUnavailable, match=r"looked for Sessions/<id>/session\.xml") as caught:
        MahnobHci(wrong)
    assert f"the data seem to be in {right}: point there" in (caught.value.hint or "")


def test_without_the_reader_it_says_what_to_install(tree, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyedflib", None)
    with pytest.raises(DatasetUnavailable) as caught:
        MahnobHci(tree.root)
    assert caught.value.hint == "pip install 'rppgbench[datasets]'"


def test_another_dataset_is_refused(tmp_path):
    for subject in "1234":  # as COHFACE numbers its people
        (tmp_path / subject / "0").mkdir(parents=True)
        (tmp_path / subject / "0" / "data.hdf5").write_bytes(b"x")
    with pytest.raises(DatasetUnavailable, match="found 1, 2, 3, 4"):
        MahnobHci(tmp_path)
