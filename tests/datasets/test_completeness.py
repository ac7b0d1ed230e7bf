"""Completeness findings, subjects that are here, and ranges of names."""

from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.contracts import Absent, Inventory, Recording
from rppgbench.datasets.completeness import check_completeness, spans, subjects_here
from rppgbench.datasets.partial_recordings import PartialRecordings


def absent(subject: str, path: Path) -> Absent:
    return Absent(id=f"{subject}-1", subject=subject, path=path, reason="no such file")


def recording(subject: str, path: Path) -> Recording:
    return Recording(id=f"{subject}-0", subject=subject, session="0", fps_hz=30.0, duration_s=1.0, path=path)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["s1", "s2", "s3", "s7"], ["s1 to s3", "s7"]),
        (["01", "02", "03"], ["01 to 03"]),
        (["P9", "P10", "P11", "F12"], ["P9 to P11", "F12"]),
        (["s1", "s2"], ["s1", "s2"]),
        (["alex", "cpi"], ["alex", "cpi"]),
        ([], []),
    ],
)
def test_runs_of_names_become_ranges(names, expected):
    assert spans(names) == expected


def test_a_subject_is_here_with_a_recording_a_wrong_file_or_a_folder_of_its_own(tmp_path):
    for folder in ("a", "b", "c"):
        (tmp_path / folder).mkdir()
    (tmp_path / "b" / "wrong.avi").touch()
    found = [recording("a", tmp_path / "a" / "v.avi")]
    missing = [
        absent("a", tmp_path / "a" / "w.avi"),
        absent("b", tmp_path / "b" / "wrong.avi"),
        absent("c", tmp_path / "c" / "v.avi"),
        absent("d", tmp_path / "d" / "v.avi"),
    ]
    inventory = Inventory(subjects=("a", "b", "c", "d"), n_recordings=5, absent=tuple(missing))
    assert subjects_here(inventory, found, PartialRecordings(inventory, found, tmp_path)) == {"a", "b", "c"}


def test_a_shared_folder_makes_no_subject_present(tmp_path):
    (tmp_path / "all").mkdir()
    found = [recording("a", tmp_path / "all" / "a.avi")]
    missing = (absent("b", tmp_path / "all" / "b.avi"), absent("c", tmp_path / "c.avi"))
    inventory = Inventory(subjects=("a", "b", "c"), n_recordings=3, absent=missing)
    assert subjects_here(inventory, found, PartialRecordings(inventory, found, tmp_path)) == {"a"}


def test_of_many_extra_files_the_first_are_named_and_the_rest_counted(tmp_path):
    extra = tuple(tmp_path / f"{number}.avi" for number in range(14))
    inventory = Inventory(subjects=("a",), n_recordings=1, extra=extra)
    findings = list(check_completeness(inventory, [recording("a", tmp_path / "a.avi")], tmp_path, partial=False))
    assert [finding.path for finding in findings[:10]] == list(extra[:10])
    assert findings[-1].found == "4 more files that belong to no published recording"


def test_recordings_that_are_missing_for_one_reason_are_one_trouble_with_all_their_names(tmp_path):
    here = Recording(id="1", subject="a", session="0", fps_hz=30.0, duration_s=1.0, path=tmp_path / "1" / "v.avi")
    reasons = {number: "no such folder" if number < 40 else "is not to be had" for number in range(2, 41)}
    missing = tuple(
        Absent(id=f"{number}", subject="a", path=tmp_path / f"{number}" / "v.avi", reason=reason, remedy="get it")
        for number, reason in reasons.items()
    )
    inventory = Inventory(subjects=("a",), n_recordings=40, absent=missing)
    together, alone = check_completeness(inventory, [here], tmp_path, partial=False)
    assert together.found == "no such folder; so it is with 38 recordings of subjects that are here: 2 to 39"
    assert (together.severity, together.recording, together.remedy) == ("trouble", None, "get it")
    assert together.path == tmp_path / "2" / "v.avi"
    assert (alone.severity, alone.recording, alone.found) == ("trouble", "40", "is not to be had")
