"""Folders and plain files as they lie on a disk."""

from __future__ import annotations

import numpy as np
import pytest

from rppgbench.errors import DatasetUnavailable
from rppgbench_datasets.layout import extra, listed, natural, near, numbers, optional_reader, refuse_root


def test_natural_order_counts():
    assert sorted(["s10", "s9", "s1", "S2", "s01"], key=natural) == ["S2", "s01", "s1", "s9", "s10"]


def test_a_folder_is_listed_in_natural_order_without_hidden_files(tmp_path):
    for name in ("b10", "b9", ".DS_Store"):
        (tmp_path / name).touch()
    assert [path.name for path in listed(tmp_path)] == ["b9", "b10"]


def test_what_is_no_folder_is_told_with_what_lies_beside_it(tmp_path):
    (tmp_path / "DATASET_2").touch()
    with pytest.raises(DatasetUnavailable, match=r"DATASET-2: no such folder\n  -> there is DATASET_2: renamed"):
        listed(tmp_path / "DATASET-2")
    with pytest.raises(DatasetUnavailable, match="is a file, expected a folder"):
        listed(tmp_path / "DATASET_2")


def test_no_near_name_is_no_hint(tmp_path):
    (tmp_path / "completely_else.csv").touch()
    assert near(tmp_path / "vid.avi") == ""
    assert near(tmp_path / "gone" / "vid.avi") == ""


def test_a_wrong_root_is_refused_with_a_few_names_and_where_to_look(tmp_path):
    for index in range(7):
        (tmp_path / f"file{index}").touch()
    with pytest.raises(DatasetUnavailable) as caught:
        refuse_root(tmp_path, "subject<N>/vid.avi", [tmp_path / "sub"])
    assert "looked for subject<N>/vid.avi, found file0, file1, file2, file3, file4 and 2 more" in caught.value.message
    assert caught.value.hint == f"the data seem to be in {tmp_path / 'sub'}: point there"


def test_an_empty_root_is_told(tmp_path):
    with pytest.raises(DatasetUnavailable, match=r"found an empty folder\n  -> point to the folder that holds it"):
        refuse_root(tmp_path, "anything")


def test_numbers_are_read_with_their_oddities(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("time, value\n 1.5e+00, nan\n\n-2 ,3\n", encoding="utf-8-sig")
    table = numbers(path, delimiter=",", skip_lines=1, n_columns=2)
    np.testing.assert_array_equal(table, [[1.5, np.nan], [-2.0, 3.0]])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"1 2\n3 x7\n", r"table.txt:2: column 2 is 'x7', expected a number"),
        (b"1 2\n3\n", r"table.txt:2: 1 columns, expected 2"),
        (b"\n\n", r"table.txt: holds no numbers"),
        (b"\xff\xfe\x00", r"table.txt: is no text"),
    ],
)
def test_numbers_that_are_none_are_named_by_line(tmp_path, content, complaint):
    path = tmp_path / "table.txt"
    path.write_bytes(content)
    with pytest.raises(DatasetUnavailable, match=complaint):
        numbers(path)


def test_a_missing_table_is_named_with_a_near_one(tmp_path):
    (tmp_path / "ground_truth2.txt").touch()
    with pytest.raises(DatasetUnavailable, match=r"ground_truth.txt: no such file\n  -> there is ground_truth2.txt"):
        numbers(tmp_path / "ground_truth.txt")


def test_an_optional_reader_that_is_not_installed_says_how_to_get_it():
    assert optional_reader("json").loads("1") == 1
    with pytest.raises(DatasetUnavailable, match=r"no_such_reader.*\n  -> pip install 'rppgbench\[datasets\]'"):
        optional_reader("no_such_reader")


def test_what_belongs_to_nothing_is_told_folders_as_a_whole(tmp_path):
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
    strangers = extra(tmp_path, lambda path: path.name == "vid.avi" or path == tmp_path / "s2")
    assert [path.relative_to(tmp_path).as_posix() for path in strangers] == ["old", "s1/copy.avi", "x.txt"]
