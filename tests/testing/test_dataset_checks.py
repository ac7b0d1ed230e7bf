"""Loaders that break the contract are refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType

import pytest

from rppgbench.contracts import DatasetSpec
from rppgbench.errors import PluginError
from rppgbench.testing import check
from rppgbench_datasets.header import read_header
from rppgbench_datasets.ubfc_rppg import UbfcRppg, write_fixture


class Listing(UbfcRppg):
    def ground_truth(self, recording):
        assert recording in self.recordings()
        return super().ground_truth(recording)


class OpeningAllHeaders(UbfcRppg):
    def frame_times_s(self, recording):
        for video in self.root.glob("*/vid.avi"):
            read_header(video)
        return super().frame_times_s(recording)


class OfAnotherSize(UbfcRppg):
    def recordings(self):
        return [replace(recording, frame_size=(640, 480)) for recording in super().recordings()]


class AnsweringFromItsList(UbfcRppg):
    listed = False

    def recordings(self):
        self.listed = True
        return super().recordings()

    def ground_truth(self, recording):
        truth = super().ground_truth(recording)
        truth.samples[:] *= 1 if self.listed else 2
        return truth


@pytest.mark.parametrize(
    ("loader", "complaint"),
    [
        (Listing, "lists all its recordings to answer about one"),
        (OpeningAllHeaders, "questions about 'subject1' open files of other recordings: .*subject3"),
        (OfAnotherSize, r"frames are of size \(128, 96\), frame_size says \(640, 480\)"),
        (AnsweringFromItsList, "a loader that has not listed its recordings gives another ground truth"),
    ],
)
def test_a_loader_that_breaks_the_contract_is_refused(loader, complaint, tmp_path, monkeypatch):
    module = ModuleType("broken_loaders")
    module.Loader, module.write_fixture = loader, write_fixture
    monkeypatch.setitem(sys.modules, "broken_loaders", module)
    spec = DatasetSpec(
        name="broken",
        factory="broken_loaders:Loader",
        fixture="broken_loaders:write_fixture",
        summary="",
        how_to_get="nowhere",
        license="none",
    )
    with pytest.raises(PluginError, match=complaint):
        check(spec, tmp_path)
