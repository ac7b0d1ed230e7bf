"""A protocol opened with its data and its store."""

from __future__ import annotations

import pytest

from rppgbench.errors import DatasetUnavailable, ProtocolError
from rppgbench.pipeline.open_plan import data_items, items, known_roots, open_plans, open_protocol
from rppgbench.store.store import Store


def test_one_item_may_stand_alone():
    assert items("method=pos") == ("method=pos",)
    assert items(["fold=0", "method=pos"]) == ("fold=0", "method=pos")


def test_folders_by_name_or_as_text(tmp_path):
    assert data_items({"pure": tmp_path}) == (f"pure={tmp_path}",) == data_items([f"pure={tmp_path}"])
    assert data_items(None) == ()


def test_a_dataset_that_no_protocol_reads(tmp_path):
    with pytest.raises(ProtocolError, match="none of the protocols reads a dataset 'pur'") as caught:
        open_plans(["smoke", "pure_compressed"], store=Store.open(tmp_path), data=["pur=/x"], hint="")
    assert caught.value.hint == "did you mean 'pure'?"


def test_each_of_several_protocols_takes_its_own_data(tmp_path):
    with pytest.raises(DatasetUnavailable, match="no such folder, expected dataset 'pure'"):
        open_plans(["smoke", "pure_compressed"], store=Store.open(tmp_path), data=[f"pure={tmp_path / 'x'}"], hint="")


def test_roots_that_are_not_known_are_left_out(monkeypatch, tmp_path):
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(tmp_path / "config.yaml"))
    protocol = open_protocol("pure_compressed")
    assert known_roots(protocol, None) == {}
    assert known_roots(protocol, {"pure": tmp_path}) == {"pure": tmp_path}
    with pytest.raises(ProtocolError, match="this protocol reads no dataset"):
        known_roots(protocol, {"pur": tmp_path})
