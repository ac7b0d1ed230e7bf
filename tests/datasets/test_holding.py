"""A folder is taken for a dataset only when it holds one; what else it may be is said."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.datasets.holding import hold
from rppgbench.errors import DatasetUnavailable
from rppgbench.hookspecs import hookimpl
from rppgbench.registry import Registry


def test_a_folder_that_is_not_there_and_a_file_are_refused(registry, tmp_path):
    spec = registry.spec("dataset", "sheets")
    with pytest.raises(DatasetUnavailable, match="nowhere: no such folder"):
        hold(registry, spec, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DatasetUnavailable, match="file: is a file, expected a folder"):
        hold(registry, spec, tmp_path / "file")


def test_a_folder_of_another_dataset_is_named_as_that(sheets, root):
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
        hold(registry, twin, root)
    assert raised.value.hint == f"it looks like sheets: rppgbench data add sheets {root}\n     point elsewhere"


def test_a_folder_without_one_whole_recording_says_what_is_missing_and_what_is_there(registry, root):
    for video in root.glob("*/video.avi"):
        video.unlink()
    holding = hold(registry, registry.spec("dataset", "sheets"), root)
    with pytest.raises(DatasetUnavailable, match=r"not one whole recording .*s1/video\.avi: no such file") as raised:
        holding.recordings()
    assert "(there is: s1, s2, s3)" in raised.value.message
    assert raised.value.hint == "ask the lab"


def test_a_holding_travels_without_its_loader(holding):
    loader = holding.dataset
    sent = pickle.loads(pickle.dumps(holding))
    assert sent == holding
    assert sent.dataset is not loader
    assert sent.recordings() == holding.recordings()
