"""Folders as they lie on a disk."""

from __future__ import annotations

import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench.text import natural_order
from rppgbench_datasets.layout import extra, listed, optional_reader, refuse_root, renamed


def test_natural_order_counts():
    assert sorted(["s10", "s9", "s1", "S2", "s01"], key=natural_order) == ["S2", "s01", "s1", "s9", "s10"]


def test_a_folder_is_listed_in_natural_order_without_hidden_files(tmp_path):
    for name in ("b10", "b9", ".DS_Store"):
        (tmp_path / name).touch()
    assert [path.name for path in listed(tmp_path)] == ["b9", "b10"]


def test_a_path_that_is_no_folder_is_reported_with_what_lies_beside_it(tmp_path):
    (tmp_path / "DATASET_2").touch()
    with pytest.raises(DatasetUnavailable, match=r"DATASET-2: no such folder\n  -> there is DATASET_2: renamed"):
        listed(tmp_path / "DATASET-2")
    with pytest.raises(DatasetUnavailable, match="is a file, expected a folder"):
        listed(tmp_path / "DATASET_2")


def test_a_missing_file_was_renamed_to_a_near_name_that_belongs_nowhere(tmp_path):
    for name in ("vid1.avi", "vid2.avi"):
        (tmp_path / name).touch()
    missing = tmp_path / "vid.avi"
    assert renamed(missing, lambda path: path.name == "vid1.avi") == "there is vid2.avi: renamed?"
    assert renamed(missing, lambda path: path.name in ("vid1.avi", "vid2.avi")) == ""


def test_no_near_name_is_no_hint(tmp_path):
    (tmp_path / "completely_else.csv").touch()
    for missing in ("vid.avi", "gone/vid.avi"):
        assert renamed(tmp_path / missing, lambda _: False) == ""


def test_a_number_is_near_the_same_number_alone(tmp_path):
    (tmp_path / "12").mkdir()
    assert renamed(tmp_path / "1", lambda _: False) == ""
    (tmp_path / "01").mkdir()
    assert renamed(tmp_path / "1", lambda _: False) == "there is 01: renamed?"


def test_a_wrong_root_is_refused_with_a_few_names_and_where_to_look(tmp_path):
    for index in range(7):
        (tmp_path / f"file{index}").touch()
    with pytest.raises(DatasetUnavailable) as caught:
        refuse_root(tmp_path, "subject<N>/vid.avi", [tmp_path / "sub"])
    assert "looked for subject<N>/vid.avi, found file0, file1, file2, file3, file4 and 2 more" in caught.value.message
    assert caught.value.hint == f"the data seem to be in {tmp_path / 'sub'}: point there"


def test_an_empty_root_is_reported(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"found an empty folder\n  -> point to the folder that holds it"):
        refuse_root(tmp_path, "anything")


def test_an_optional_reader_that_is_not_installed_says_how_to_get_it():
    assert optional_reader("json").loads("1") == 1
    with pytest.raises(DatasetUnavailable, match=r"no_such_reader.*\n  -> pip install 'rppgbench\[datasets\]'"):
        optional_reader("no_such_reader")


def test_extra_files_are_listed_and_folders_of_them_as_a_whole(tmp_path):
    for path in (
        "s1/vid.avi",
        "s1/copy.avi",
        "s2/vid.avi",
        "old/s1/a.avi",
        "old/b.avi",
        "README.txt",
        ".hidden",
        "x.txt",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    extra_files = extra(tmp_path, lambda path: path.name == "vid.avi" or path == tmp_path / "s2")
    assert [path.relative_to(tmp_path).as_posix() for path in extra_files] == ["old", "s1/copy.avi", "x.txt"]
