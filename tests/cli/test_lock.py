"""`rppgbench lock`: written, checked, and never silently replaced by a smaller or contradicting one."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from click.testing import CliRunner

import rppgbench_classical
import rppgbench_ffmpeg
from rppgbench.cli.lock_command import lock
from rppgbench.contracts import Absent, DatasetSpec, Inventory, Recording
from rppgbench.errors import DatasetUnavailable, RppgbenchError
from rppgbench.hookspecs import hookimpl
from rppgbench.pipeline.local_dataset import open_local_dataset
from rppgbench.pipeline.task_graph import TaskGraph
from rppgbench.protocol.resolve import load_protocol
from rppgbench.registry import Registry
from rppgbench.store.store import Store

PUBLISHED = ("s1", "s2", "s3", "s4")
TEXT = """\
rppgbench: 1
name: tiny
version: 1
title: A protocol to lock
dataset: {use: filed}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions:
  grid:
    - {use: x264, preset: ultrafast, sweep: {bitrate_kbps: [60]}}
clips: {length_s: 10.0, fps_hz: 30.0}
evaluation: {metrics: [hr_mae_bpm], primary: hr_mae_bpm}
entries:
  - {method: pos}
"""


class Filed:
    """Four published subjects with a file of video and one of truth each, as far as they are there."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def recordings(self):
        return [
            Recording(id=f"{s}-a", subject=s, session="a", fps_hz=30.0, duration_s=10.0, path=self.root / f"{s}.avi",
                      truth_files=(self.root / f"{s}.csv",))
            for s in PUBLISHED if (self.root / f"{s}.avi").exists()
        ]  # fmt: skip

    def ground_truth(self, recording):
        raise DatasetUnavailable("a lock reads no truth")

    def inventory(self):
        here = {recording.subject for recording in self.recordings()}
        absent = [Absent(id=f"{s}-a", subject=s, path=self.root / f"{s}.avi", reason="not here") for s in PUBLISHED]
        return Inventory(
            subjects=PUBLISHED, n_recordings=4, absent=tuple(a for a in absent if a.subject not in here)
        )  # fmt: skip


@hookimpl
def rppgbench_datasets():
    yield DatasetSpec(name="filed", factory="filed:Filed", summary="")


@pytest.fixture(autouse=True)
def registry(monkeypatch, tmp_path):
    module = module_from_spec(spec_from_file_location("filed", __file__))
    module.Filed, module.rppgbench_datasets = Filed, rppgbench_datasets
    monkeypatch.setitem(sys.modules, "filed", module)
    monkeypatch.setenv("RPPGBENCH_CONFIG", str(tmp_path / "none.yaml"))
    found = Registry.from_plugins(filed=module, ffmpeg=rppgbench_ffmpeg, classical=rppgbench_classical)
    monkeypatch.setattr("rppgbench.pipeline.open_plan.load_registry", lambda: found)
    return found


@pytest.fixture
def protocol(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def data(tmp_path):
    return copy_of(tmp_path / "data")


def copy_of(root: Path, subjects=PUBLISHED, content="") -> Path:
    root.mkdir()
    for subject in subjects:
        (root / f"{subject}.avi").write_text(f"video of {subject}{content}")
        (root / f"{subject}.csv").write_text(f"truth of {subject}")
    return root


@pytest.fixture
def run(tmp_path, protocol):
    """A function from further arguments to the result of the command."""

    def ran(*arguments, store="store"):
        return CliRunner().invoke(lock, [str(protocol), "--store", str(tmp_path / store), *map(str, arguments)])

    return ran


def written(protocol: Path):
    return json.loads(protocol.with_suffix(".lock.json").read_text())


def encode(protocol: Path, root: Path, store: Path, registry, content="stream") -> None:
    """Publish an artefact like that of an encoding."""
    loaded, opened = load_protocol(protocol, registry), Store.open(store)
    collection = open_local_dataset(loaded.dataset, root)
    graph = TaskGraph(loaded, [collection], opened)
    for recording in collection.recordings:
        task = graph.may_need("encode", recording, loaded.conditions[1])

        def write(folder, recording=recording):
            (folder / "video.mp4").write_text(f"{content} {recording.id}")
            return {"file": "video.mp4", "bitrate_bps": 61234.5678}

        opened.publish(task.preimage, write)


def test_without_the_data_it_says_what_it_cannot(run, protocol):
    done = run()
    assert done.exit_code == 0, done.output
    found = written(protocol)
    assert (found["folds"], found["datasets"]) == (None, {"filed": None})
    assert found["encoders"]["x264-60k"].startswith("libx264")
    assert "datasets.filed: its files were not here" in done.output
    assert str(protocol.parent) not in json.dumps(found)


def test_with_the_data_it_holds_folds_and_sums_and_no_paths(run, protocol, data, tmp_path):
    assert run("--data", f"filed={data}").exit_code == 0
    text = protocol.with_suffix(".lock.json").read_text()
    found = json.loads(text)
    assert sorted(subject for fold in found["folds"] for subject in fold) == list(PUBLISHED)
    # SHA-256 by sha256sum (coreutils) of a file that holds "video of s1".
    assert found["datasets"]["filed"]["recordings"]["s1-a"]["video"] == "bdb7c446483537187eeaaccc8932c94246beadbb"
    assert found["datasets"]["filed"]["complete"]
    assert str(tmp_path) not in text
    assert text.endswith("}\n")


def test_the_same_data_elsewhere_has_the_same_bits(run, protocol, data, tmp_path, registry):
    encode(protocol, data, tmp_path / "store", registry)
    run("--data", f"filed={data}")
    again = copy_of(tmp_path / "again")
    encode(protocol, again, tmp_path / "elsewhere", registry)
    done = run("--check", "--data", f"filed={again}", store="elsewhere")
    assert done.exit_code == 0, done.output
    assert "4 of 4 locked recordings" in done.output
    assert "bitstreams of x264-60k: 4 of 4 locked" in done.output
    assert written(protocol)["bitstreams"]["filed"]["x264-60k"]["s1-a"]["bitrate_bps"] == 61234.568


def test_a_changed_file_and_a_changed_bitstream_are_named(run, protocol, data, tmp_path, registry):
    encode(protocol, data, tmp_path / "store", registry)
    run("--data", f"filed={data}")
    (data / "s3.csv").write_text("another truth")
    encode(protocol, data, tmp_path / "elsewhere", registry, content="other bits")
    done = run("--check", "--data", f"filed={data}", store="elsewhere")
    assert done.exit_code == 3
    assert "dataset filed, s3-a: truth: " in done.output
    assert done.output.count("bitstream of") == 4
    assert "5 differences" in done.output


def test_a_part_of_the_data_is_checked_as_far_as_it_goes(run, protocol, data, tmp_path):
    run("--data", f"filed={data}")
    part = copy_of(tmp_path / "part", ("s1", "s4"))
    done = run("--check", "--data", f"filed={part}")
    assert done.exit_code == 0
    assert "folds: 2" in done.output
    assert "2 of 4 locked recordings are not here" in done.output


def test_missing_data_and_bitstreams_are_reported_and_are_no_difference(run, data, tmp_path, protocol, registry):
    encode(protocol, data, tmp_path / "store", registry)
    run("--data", f"filed={data}")
    done = run("--check", store="empty")
    assert done.exit_code == 0
    assert "dataset filed: this machine has none of its files" in done.output
    assert "bitstreams of x264-60k: 4 of 4 locked are not in this store" in done.output


def test_neither_absence_nor_a_part_takes_anything_out_of_a_full_lock(run, protocol, data, tmp_path, registry):
    encode(protocol, data, tmp_path / "store", registry)
    run("--data", f"filed={data}")
    full = written(protocol)
    assert run(store="empty").exit_code == 0
    assert written(protocol) == full
    assert run("--data", f"filed={copy_of(tmp_path / 'part', ('s1', 's2'))}", store="empty").exit_code == 0
    assert written(protocol) == full


def test_a_lock_of_a_part_says_so_and_is_filled_up_later(run, protocol, data, tmp_path):
    done = run("--data", f"filed={copy_of(tmp_path / 'part', ('s1', 's2'))}")
    assert "2 recordings of filed, not all that were published" in done.output
    assert not written(protocol)["datasets"]["filed"]["complete"]
    done = run("--data", f"filed={data}")
    assert "4 recordings of filed\n" in done.output
    assert written(protocol)["datasets"]["filed"]["complete"]


def test_a_sample_in_the_place_of_the_data_is_refused_unless_forced(run, protocol, data, tmp_path):
    run("--data", f"filed={data}")
    full = written(protocol)
    sample = copy_of(tmp_path / "sample", ("s1", "s2"), content=", rendered")
    refused = run("--data", f"filed={sample}")
    assert isinstance(refused.exception, RppgbenchError)
    assert "dataset filed, s1-a: video: " in refused.exception.message
    assert "--force" in refused.exception.hint
    assert written(protocol) == full
    assert run("--data", f"filed={sample}", "--force").exit_code == 0
    assert sorted(written(protocol)["datasets"]["filed"]["recordings"]) == ["s1-a", "s2-a"]


def test_another_meaning_needs_another_version(run, protocol, data):
    run("--data", f"filed={data}")
    protocol.write_text(TEXT.replace("length_s: 10.0", "length_s: 8.0"))
    refused = run()
    assert isinstance(refused.exception, RppgbenchError)
    assert "meaning: clips.length_s: 10.0 | 8.0" in refused.exception.message
    assert "raise 'version:' to 2" in refused.exception.hint
    assert run("--check").exit_code == 3
    protocol.write_text(TEXT.replace("length_s: 10.0", "length_s: 8.0").replace("version: 1", "version: 2"))
    assert run().exit_code == 0
    found = written(protocol)
    assert found["version"] == 2
    assert len(found["datasets"]["filed"]["recordings"]) == 4, "the same dataset is known still"


def test_entries_and_prose_may_change(run, protocol):
    run()
    protocol.write_text(TEXT.replace("A protocol to lock", "Another title") + "  - {method: chrom}\n")
    assert run("--check").exit_code == 0


def test_the_lock_of_another_protocol_is_left_alone(run, protocol, tmp_path):
    run("--out", tmp_path / "some.lock.json")
    protocol.write_text(TEXT.replace("name: tiny", "name: other"))
    refused = run("--out", tmp_path / "some.lock.json")
    assert "is the lock of protocol 'tiny', not of 'other'" in refused.exception.message


def test_checking_without_a_lock_names_it(run):
    refused = run("--check")
    assert "tiny.lock.json: no such lock" in refused.exception.message


def test_a_wrong_folder_is_a_mistake(run, tmp_path):
    refused = run("--data", f"filed={tmp_path / 'nowhere'}")
    assert isinstance(refused.exception, DatasetUnavailable)
    assert "nowhere: no such folder" in refused.exception.message
