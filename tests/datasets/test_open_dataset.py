"""A folder is opened only if it holds the dataset; the error names other datasets that it holds."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.datasets.open_dataset import open_dataset
from rppgbench.errors import DatasetUnavailable, UnknownName
from rppgbench.hookspecs import hookimpl
from rppgbench.registry import Registry


def test_a_folder_that_is_not_there_and_a_file_are_refused(registry, tmp_path):
    spec = registry.spec("dataset", "sheets")
    with pytest.raises(DatasetUnavailable, match="nowhere: no such folder"):
        open_dataset(registry, spec, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DatasetUnavailable, match="file: is a file, expected a folder") as raised:
        open_dataset(registry, spec, tmp_path / "file")
    assert raised.value.hint == f"name the folder that it lies in: {tmp_path}"


def test_a_folder_of_another_dataset_is_recognised(sheets, root):
    class Other:
        def __init__(self, root):
            raise DatasetUnavailable(f"{root}: looked for other things", hint="point elsewhere")

    sheets.Other = Other
    twin = DatasetSpec(name="other", factory="sheets:Other", summary="not these")

    @hookimpl
    def rppgbench_datasets():
        yield from sheets.rppgbench_datasets()
        yield twin

    registry = Registry.from_plugins(both=SimpleNamespace(rppgbench_datasets=rppgbench_datasets))
    with pytest.raises(DatasetUnavailable, match="looked for other things") as raised:
        open_dataset(registry, twin, root)
    assert raised.value.hint == f"it looks like sheets: rppgbench data add sheets {root}"


def test_a_folder_without_one_whole_recording_is_refused(registry, root):
    for video in root.glob("*/video.avi"):
        video.unlink()
    dataset = open_dataset(registry, registry.spec("dataset", "sheets"), root)
    with pytest.raises(DatasetUnavailable, match=r"not one whole recording .*s1/video\.avi: no such file") as raised:
        dataset.recordings()
    assert "(there is: s1, s2, s3)" in raised.value.message
    assert raised.value.hint == "ask the lab"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("s4-rest", "here: s1-rest, s2-rest, s3-rest"), ("s2-rset", "did you mean 's2-rest'?")],
)
def test_a_name_with_another_number_is_not_taken_for_its_neighbour(sheets, dataset, monkeypatch, name, hint):
    monkeypatch.setattr(sheets.Sheets, "inventory", lambda self: None)
    with pytest.raises(UnknownName) as raised:
        dataset.recording(name)
    assert raised.value.hint == hint


def test_a_dataset_is_pickled_without_its_loader(dataset):
    loader = dataset.loader
    sent = pickle.loads(pickle.dumps(dataset))
    assert sent == dataset
    assert sent.loader is not loader
    assert sent.recordings() == dataset.recordings()
