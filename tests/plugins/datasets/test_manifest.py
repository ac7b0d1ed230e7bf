"""A dataset described by a table."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.registry import load_registry

HEADER = "subject,session,video,fps_hz,duration_s,truth,kind\n"
ROW = "1,rest,videos/1.avi,60,300,truth/1.csv,ecg\n"


@pytest.fixture
def obf(tmp_path):
    """A function from the table's text to the dataset."""

    def made(text: str = HEADER + ROW):
        (tmp_path / "manifest.csv").write_text(text, encoding="utf-8-sig")
        (tmp_path / "truth").mkdir(exist_ok=True)
        (tmp_path / "truth" / "1.csv").write_text("time_s,value\n0.0,1.5\n0.5,2.5\n")
        return load_registry().create("dataset", "obf", root=tmp_path)

    return made


def test_a_row_is_a_recording(obf, tmp_path):
    (recording,) = obf().recordings()
    assert (recording.id, recording.subject, recording.fps_hz, recording.duration_s) == ("1-rest", "1", 60.0, 300.0)
    assert recording.path == tmp_path / "videos" / "1.avi"


def test_the_truth_has_its_times(obf):
    dataset = obf()
    truth = dataset.ground_truth(dataset.recordings()[0])
    np.testing.assert_array_equal(truth.times_s, [0.0, 0.5])
    np.testing.assert_array_equal(truth.samples, [1.5, 2.5])
    assert truth.kind == "ecg"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEADER + ROW.replace("60", "fast"), "manifest.csv:2: fps_hz is 'fast'"),
        (HEADER + ROW.replace("60", "nan"), "manifest.csv:2: fps_hz is 'nan'"),
        (HEADER + ROW.replace("ecg", "eeg"), "manifest.csv:2: kind is 'eeg', expected ecg, bvp or hr"),
        (HEADER + ROW + ROW.replace("1,rest", ",rest"), "manifest.csv:3: no value for subject"),
        (HEADER + ROW + ROW, "manifest.csv:3: recording '1-rest' stands there twice"),
        (HEADER.replace("truth", "ecg_file") + ROW, "no value for truth"),
    ],
)
def test_a_wrong_table_is_told_by_line(obf, text, complaint):
    with pytest.raises(DatasetUnavailable) as caught:
        obf(text)
    assert complaint in caught.value.message


def test_a_folder_without_a_table_says_what_to_write(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"manifest.csv: no such table") as caught:
        load_registry().create("dataset", "obf", root=tmp_path)
    assert "duration_s" in str(caught.value.hint)


def test_a_truth_that_is_no_table_of_numbers_is_named(obf, tmp_path):
    dataset = obf()
    (tmp_path / "truth" / "1.csv").write_text("time_s,value\n0.0,loud\n")
    with pytest.raises(DatasetUnavailable, match=r"truth.1.csv: cannot be read"):
        dataset.ground_truth(dataset.recordings()[0])
