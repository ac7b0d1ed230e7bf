"""Partial recordings in the layouts of the published datasets."""

from __future__ import annotations

from pathlib import Path

import pytest

from rppgbench.contracts import Absent, Inventory, Recording
from rppgbench.datasets.completeness import check_completeness
from rppgbench.datasets.partial_recordings import PartialRecordings

WHOLE = {
    "own folders": ("01-01", "01", ("Sessions/01-01/video.avi", "Sessions/01-01/pulse.csv")),
    "one folder": ("s1-T1", "s1", ("s1/vid_s1_T1.avi", "s1/bvp_s1_T1.csv")),
    "two folders": ("p1-rest", "p1", ("videos/p1.avi", "sensors/p1.csv")),
    "more of two folders": ("p2-rest", "p2", ("videos/p2.avi", "sensors/p2.csv")),
}


def damaged(root: Path, missing: str, name: str, *here: str, remedy: str = "copy it") -> bool:
    """Whether recording ``name`` without file ``missing`` and with the files ``here`` is reported as trouble."""
    found = []
    for whole, subject, files in WHOLE.values():
        paths = tuple(root / file for file in files)
        touch(*paths)
        found.append(
            Recording(
                id=whole,
                subject=subject,
                session="1",
                fps_hz=30.0,
                duration_s=1.0,
                path=paths[0],
                truth_files=paths[1:],
            )
        )
    touch(*(root / file for file in here))
    absent = Absent(id=name, subject=name[:2], path=root / missing, reason="no such file", remedy=remedy)
    other = Absent(id="s9-T9", subject="s9", path=root / "s1" / "vid_s9_T9.avi", reason="no such file")
    inventory = Inventory(subjects=("s1", "s9"), n_recordings=9, absent=(absent, other))
    reported = {
        f.recording for f in check_completeness(inventory, found, root, partial=True) if f.severity == "trouble"
    }
    partials = PartialRecordings(inventory, found, root)
    assert not partials.has_leftovers(other)
    assert reported == ({name} if partials.has_leftovers(absent) else set())
    return bool(reported)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize(
    ("missing", "name", "here"),
    [
        ("Sessions/01-02/video.avi", "01-02", "Sessions/01-02/video.avi"),  # it is there, but wrong
        ("Sessions/01-02", "01-02", "Sessions/01-02/nothing.txt"),
        ("Sessions/01-02/video.avi", "01-02", "Sessions/01-02/pulse.csv"),
        ("Sessions/01-02", "01-02", "Sessions/01-02.zip"),
        ("Sessions/01-02.json", "01-02", "Sessions/01-02/Image1.png"),
        ("s1/vid_s1_T2.avi", "s1-T2", "s1/bvp_s1_T2.csv"),
        ("s1/vid_s1_T2.avi", "s1-T2", "s1/vid_s1_T2.mp4"),
        ("videos/p3.avi", "p3-rest", "sensors/p3.csv"),
    ],
)
def test_damaged_and_partial_recordings_are_trouble_in_a_partial_copy(tmp_path, missing, name, here):
    assert damaged(tmp_path, missing, name, here)


@pytest.mark.parametrize(
    ("missing", "name", "here"),
    [
        ("Sessions/01-02/video.avi", "01-02", ()),
        ("Sessions/01-02", "01-02", ("Sessions/1-02-3.zip",)),
        ("Sessions/01-02/video.avi", "01-02", ("Sessions/01-02/.DS_Store",)),
        ("s1/vid_s1_T2.avi", "s1-T2", ("s1/info_s1.txt",)),
        ("s1/vid_s1_T2.avi", "s1-T2", ("s1/vid_s1_T20.avi",)),
        ("videos/p3.avi", "p3-rest", ("videos/readme.txt", "sensors/p30.csv")),
    ],
)
def test_absent_recordings_are_no_trouble_in_a_partial_copy(tmp_path, missing, name, here):
    assert not damaged(tmp_path, missing, name, *here)


def test_a_renamed_recording_is_here(tmp_path):
    assert damaged(tmp_path, "videos/p3.avi", "p3-rest", remedy="there is q3.avi: renamed?")


def test_empty_folders_are_nothing(tmp_path):
    (tmp_path / "Sessions" / "01-02" / "01-02").mkdir(parents=True)
    assert not damaged(tmp_path, "Sessions/01-02/01-02.json", "01-02")


def test_a_dangling_link_is_here(tmp_path):
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "p3.avi").symlink_to(tmp_path / "gone.avi")
    assert damaged(tmp_path, "videos/p3.avi", "p3-rest")


def test_a_trouble_has_a_remedy_even_where_the_loader_has_none(tmp_path):
    (tmp_path / "video.avi").touch()
    absent = Absent(id="a", subject="a", path=tmp_path / "video.avi", reason="is empty")
    inventory = Inventory(subjects=("a",), n_recordings=1, absent=(absent,))
    (finding,) = check_completeness(inventory, [], tmp_path, partial=True)
    assert finding.remedy == "copy or download it again"
