"""The Python functions: what they return, and that bad use of them raises the project's own errors with a remedy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

import rppgbench
from rppgbench.application.run_results import FailedTask, RunRecord, RunResults
from rppgbench.errors import (
    DatasetUnavailable,
    IncomparableResults,
    MediaError,
    PluginError,
    ProtocolError,
    RppgbenchError,
    SignalError,
    StoreError,
    TasksFailed,
    UnknownName,
)
from rppgbench.evaluation.schema import COLUMNS
from rppgbench.pipeline.task_result import TaskEnded, TaskStarted
from rppgbench.results.board_table import print_board
from rppgbench.runs.snapshot import Snapshot

ROOT = Path(__file__).parents[1]
PUBLISHED = ROOT / "leaderboards" / "synthetic_compressed" / "v2"
HEAVY = {"numpy", "torch", "pandas", "dask", "distributed", "pydantic", "click", "scipy", "av", "rich"}
TINY = """\
rppgbench: 1
name: tiny
version: 1
title: Two faces as recorded
dataset: {use: synthetic, subjects: 2, recordings: [rest], duration_s: 8.0, size: [160, 120]}
folds: {scheme: subject_kfold, k: 2, seed: 0}
conditions: {reference: {use: original}}
clips: {length_s: 8.0, fps_hz: 30.0}
evaluation: {interval: {bootstrap: 100}}
entries: [{method: pos}, {method: green}]
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The protocol's file, its store and leaderboards, and the results of a whole run."""
    folder = tmp_path_factory.mktemp("api")
    path = folder / "tiny.yaml"
    path.write_text(TINY)
    results = rppgbench.run(path, store=folder / "store", out=folder / "out", workers=0, progress=False)
    return path, folder, results


@pytest.fixture(scope="module")
def published() -> RunResults:
    return rppgbench.open_results(PUBLISHED)


class TestImport:
    def test_nothing_is_imported_before_it_is_used(self):
        code = "import rppgbench, sys; print(*sys.modules, sep='\\n')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        found = {name.partition(".")[0] for name in done.stdout.splitlines()}
        assert "rppgbench" in found
        assert not found & HEAVY

    def test_its_names_are_those_of_the_api(self):
        from rppgbench import api

        assert set(rppgbench.__all__) == {*api.__all__, "__version__"} <= set(dir(rppgbench))
        for name in api.__all__:
            assert getattr(rppgbench, name) is getattr(api, name)
            assert not (ROOT / "rppgbench" / name).exists() and not (ROOT / "rppgbench" / f"{name}.py").exists()

    def test_every_function_has_an_example(self):
        from rppgbench import api

        assert all(">>> " in getattr(api, name).__doc__ for name in api.__all__)

    def test_no_other_name(self):
        with pytest.raises(AttributeError, match="has no attribute 'runn'"):
            rppgbench.runn  # noqa: B018


class TestRun:
    def test_a_whole_run_is_published_and_opened_again(self, tiny):
        path, folder, results = tiny
        assert results.folder == folder / "out" / "tiny" / "v1"
        assert results.failures == () and results.raise_for_failures() is results
        again = rppgbench.open_results(path, out=folder / "out")
        assert again.folder == results.folder and again.protocol.digest == results.protocol.digest
        pd.testing.assert_frame_equal(again.rows, results.rows)
        assert str(again.board()) == str(results.board())

    def test_what_is_in_the_store_is_not_computed_again(self, tiny, capsys):
        path, folder, results = tiny
        planned = rppgbench.plan(path, store=folder / "store")
        assert planned.to_do == [] and str(planned).endswith("all cached")
        again = rppgbench.run(path, store=folder / "store", out=None, progress=True)
        assert again.folder is None and again.run.n_done == 0
        printed = capsys.readouterr()
        assert printed.out == "" and "all cached" in printed.err
        pd.testing.assert_frame_equal(again.rows, results.rows)

    def test_a_narrowed_run_is_not_published(self, tiny):
        path, folder, _ = tiny
        part = rppgbench.run(
            path, store=folder / "store", out=folder / "part", only="entry=pos", workers=0, progress=False
        )
        assert part.folder is None and not (folder / "part").exists()
        assert set(part.rows["entry"]) == {"pos"}
        assert "not published" in str(part)

    def test_a_loaded_protocol_is_as_good_as_its_file(self, tiny):
        path, folder, _ = tiny
        loaded = rppgbench.load_protocol(path)
        assert rppgbench.plan(loaded, store=folder / "store").to_do == []
        assert rppgbench.open_results(loaded, out=folder / "out").protocol is loaded
        with pytest.raises(ProtocolError, match="tiny is loaded already") as caught:
            rppgbench.plan(loaded, store=folder / "store", rehearse=True)
        assert "load_protocol" in caught.value.hint

    def test_an_observer_hears_of_each_task(self, tiny, tmp_path):
        path, _, _ = tiny

        class Counting:
            n_started = n_ended = 0

            def event(self, event):
                self.n_started += isinstance(event, TaskStarted)
                self.n_ended += isinstance(event, TaskEnded)

        counting = Counting()
        results = rppgbench.run(path, store=tmp_path / "store", out=None, only="fold=0", workers=0, progress=counting)
        assert counting.n_started == counting.n_ended == results.run.n_done > 0

    def test_the_costs_of_a_plan_have_units(self, tiny):
        path, folder, _ = tiny
        costs = rppgbench.plan(path, store=folder / "empty").costs
        assert list(costs.columns) == list(costs.attrs["units"]) == list(costs.attrs["meanings"])
        assert (costs["to_do"] == costs["tasks"]).all() and costs["core_s"].sum() > 0
        assert costs.attrs["units"]["core_s"] == "s"

    def test_no_signal_handler_is_installed(self, tiny):
        import signal

        path, folder, _ = tiny
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        held = []

        class Looking:
            def event(self, event):
                held.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))

        rppgbench.run(path, store=folder / "other", out=None, only="fold=0", workers=0, progress=Looking())
        assert set(held) == {before}

    def test_an_interrupted_run_leaves_as_it_should(self, tiny, tmp_path):
        path, _, _ = tiny

        class Interrupting:
            def event(self, event):
                if isinstance(event, TaskStarted):
                    raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rppgbench.run(path, store=tmp_path / "store", out=None, workers=0, progress=Interrupting())
        (events,) = (tmp_path / "store").glob("runs/*/events.jsonl")
        assert json.loads(events.read_text().splitlines()[-1])["state"] == "stopped"

    def test_failures_are_not_silent(self, published):
        failed = tuple(FailedTask("predict", f"predict {n}", "no such thing", None, Path("why.txt")) for n in range(12))
        run = RunRecord(Path("runs/x"), 3, 5, failed, Snapshot())
        results = RunResults(published.content, published.protocol, run=run)
        assert results.failures == failed
        assert "12 tasks FAILED" in str(results)
        with pytest.raises(TasksFailed, match="12 tasks failed and blocked 5 others\n  predict 0: no such") as caught:
            results.raise_for_failures()
        assert caught.value.exit_code == 3 and "and 2 more" in str(caught.value)
        assert str(Path("runs/x/failures")) in caught.value.hint


class TestResults:
    def test_rows_have_units_and_meanings(self, published):
        rows = published.rows
        assert isinstance(rows, pd.DataFrame) and len(rows) == len(published.content.rows)
        assert list(rows.columns) == [column.name for column in COLUMNS]
        assert rows.attrs["units"] == {column.name: column.unit for column in COLUMNS}
        assert rows.attrs["meanings"] == {column.name: column.meaning for column in COLUMNS}
        assert rows.attrs["digest"] == published.protocol.digest
        assert rows["window"].dtype == "int64" and rows["beats_pred"].dtype == "Int64"
        assert rows.query("status == 'scored'").attrs == rows.attrs

    def test_the_board_is_what_the_command_prints(self, published):
        with (console := Console(width=200, color_system=None)).capture() as captured:
            print_board(console, published.board())
        assert str(published.board()) == captured.get().strip("\n")
        assert max(map(len, str(published.board()).splitlines()[:10])) >= 80
        assert "\x1b" not in str(published.board())

    def test_the_board_as_a_table(self, published):
        board = published.board()
        frame = board.to_frame()
        written = pd.read_csv(PUBLISHED / "board.csv")
        assert list(frame.columns) == list(written.columns)
        pd.testing.assert_frame_equal(frame, written, check_dtype=False, check_column_type=False)
        assert frame.attrs["primary"] == board.primary and board.primary in frame.attrs["meanings"]

    def test_results_of_another_question_are_refused(self, tiny, tmp_path):
        _, folder, results = tiny
        with pytest.raises(IncomparableResults, match="must not be ranked together; they differ in") as caught:
            rppgbench.open_results(results.folder, PUBLISHED)
        assert "protocol: tiny | synthetic_compressed" in caught.value.message
        changed = tmp_path / "tiny.yaml"
        changed.write_text(TINY.replace("seed: 0", "seed: 7"))
        with pytest.raises(IncomparableResults, match=r"folds\.seed: 0 \| 7"):
            rppgbench.open_results(changed, out=folder / "out")
        with pytest.raises(IncomparableResults, match="holds the board of another question"):
            rppgbench.run(changed, store=folder / "store", out=folder / "out", workers=0, progress=False)

    def test_results_of_one_question_are_ranked_together(self, published, tmp_path):
        shutil.copytree(PUBLISHED, tmp_path / "copy")
        both = rppgbench.open_results(PUBLISHED, tmp_path / "copy")
        assert both.folder is None
        assert str(both.board()) == str(published.board())

    @pytest.mark.parametrize("what", [PUBLISHED.parent, "leaderboards/nothing", "tiny"])
    def test_no_results(self, what, tmp_path):
        with pytest.raises(RppgbenchError) as caught:
            rppgbench.open_results(what, out=tmp_path)
        assert caught.value.hint


class TestMeasure:
    def test_no_such_video(self):
        with pytest.raises(MediaError, match=r"nothing\.mp4: no such file"):
            rppgbench.measure("nothing.mp4")

    @pytest.mark.parametrize(
        ("settings", "error"),
        [
            ({"window_s": 2.0}, SignalError),
            ({"step_s": float("nan")}, SignalError),
            ({"roi": "nose"}, SignalError),
            ({"method": "poss"}, UnknownName),
            ({"method": "white_noise"}, PluginError),
        ],
    )
    def test_wrong_settings(self, settings, error):
        with pytest.raises(error):
            rppgbench.measure("nothing.mp4", **settings)


class TestComponents:
    def test_all_or_of_a_kind(self):
        every = rppgbench.list_components()
        assert {spec.kind for spec in every} == {"method", "enhancer", "codec", "dataset"}
        codecs = rppgbench.list_components("codec")
        assert codecs == [spec for spec in every if spec.kind == "codec"]
        assert all(spec.name and spec.summary for spec in codecs)

    def test_no_such_kind(self):
        with pytest.raises(UnknownName, match="no kind of component is called 'codecs'") as caught:
            rppgbench.list_components("codecs")
        assert caught.value.hint == "did you mean 'codec'?"


class TestBadUse:
    """Each mistake costs nothing: it is refused before anything is computed."""

    @pytest.mark.parametrize(
        "function", [rppgbench.load_protocol, rppgbench.plan, rppgbench.run, rppgbench.open_results]
    )
    def test_an_unknown_protocol(self, function):
        with pytest.raises(ProtocolError, match="no protocol is called 'smok'") as caught:
            function("smok")
        assert caught.value.hint == "did you mean 'smoke'?"

    def test_no_such_file(self, tmp_path):
        with pytest.raises(ProtocolError, match="no such protocol file"):
            rppgbench.run(tmp_path / "none.yaml")

    def test_missing_data(self, monkeypatch, tmp_path):
        monkeypatch.setenv("RPPGBENCH_CONFIG", str(tmp_path / "config.yaml"))
        with pytest.raises(DatasetUnavailable, match="how to get it") as caught:
            rppgbench.run("pure_compressed", store=tmp_path / "store")
        assert "rppgbench.run('synthetic_compressed')" in caught.value.hint
        assert not (tmp_path / "store").exists()

    def test_data_that_is_not_there(self, tmp_path):
        with pytest.raises(DatasetUnavailable, match="no such folder"):
            rppgbench.run("pure_compressed", data={"pure": tmp_path / "none"}, store=tmp_path / "store")

    def test_a_wrong_data_name(self, tmp_path):
        with pytest.raises(ProtocolError, match="this protocol reads no dataset 'pur'") as caught:
            rppgbench.run("pure_compressed", data={"pur": tmp_path})
        assert caught.value.hint == "did you mean 'pure'?"

    @pytest.mark.parametrize(
        ("only", "message"),
        [
            ("method", "expected WHAT=NAME"),
            ("methd=pos", "'methd' cannot be narrowed"),
            (["method=poss"], "no such method here"),
            (["method=pos", "fold=99"], "no such fold here"),
        ],
    )
    def test_a_wrong_narrowing(self, tiny, only, message):
        path, folder, _ = tiny
        with pytest.raises(ProtocolError, match=message):
            rppgbench.run(path, store=folder / "store", only=only)

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"disk_limit": "lots"}, "--disk-limit: 'lots' is no size"),
            ({"memory_limit": "-3GB"}, "--memory-limit: '-3GB' is no size"),
            ({"task_limit": "soon"}, "--task-limit: 'soon' is no time"),
            ({"workers": -1}, "--workers -1: expected 0 or more"),
            ({"scheduler": "here"}, "expected an address with a port"),
            ({"scheduler": "tcp://a:1", "cluster": "slurm.yaml"}, "both say whose workers to use"),
            ({"cluster": "slurm.yaml", "gpus": [0]}, "the tasks go to others"),
        ],
    )
    def test_wrong_limits_and_workers(self, limits, message):
        with pytest.raises(RppgbenchError, match=message) as caught:
            rppgbench.run("smoke", **limits)
        assert caught.value.hint

    def test_a_store_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StoreError, match="the store cannot be written") as caught:
            rppgbench.run("smoke", store=tmp_path / "file" / "store")
        assert "RPPGBENCH_STORE" in caught.value.hint

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
    def test_a_store_that_is_read_only(self, tmp_path):
        store = tmp_path / "store"
        store.mkdir(mode=0o500)
        with pytest.raises(StoreError, match="the store cannot be written"):
            rppgbench.run("smoke", store=store)

    def test_too_small_a_disk(self, tiny, tmp_path):
        path, _, _ = tiny
        with pytest.raises(StoreError, match="this run needs about"):
            rppgbench.run(path, store=tmp_path / "store", disk_limit="1kB", progress=False)

    def test_leaderboards_that_cannot_be_written(self, tiny, tmp_path):
        path, folder, _ = tiny
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(RppgbenchError, match="cannot be written"):
            rppgbench.run(path, store=folder / "store", out=tmp_path / "file", progress=False)


SCRIPT = """\
from pathlib import Path

import pandas as pd

import rppgbench
from rppgbench.errors import RppgbenchError, TasksFailed

protocol = rppgbench.load_protocol("smoke", rehearse=True)
digest: str = protocol.digest
planned = rppgbench.plan(protocol, store=Path("store"), only=["method=pos"])
seconds: float = float(planned.costs["core_s"].sum())
try:
    results = rppgbench.run(
        "smoke", store="store", data={"synthetic": Path("x")}, only="fold=0", out=None, workers=2, gpus=[0],
        device="cpu", disk_limit="1GB", memory_limit="2GB", task_limit="1h", progress=False,
    ).raise_for_failures()
except TasksFailed as error:
    raise SystemExit(error.exit_code) from error
except RppgbenchError as error:
    print(error.message, error.hint)
    raise
rows: pd.DataFrame = results.rows
frame: pd.DataFrame = results.board().to_frame()
text: str = str(results.board())
for failure in results.failures:
    print(failure.stage, failure.task, failure.message, failure.report.name)
folder: Path | None = rppgbench.open_results("smoke", out="leaderboards").folder
measured = rppgbench.measure("selfie.mp4", method="pos", window_s=20.0, roi="full")
rate: float | None = measured.hr_bpm
doubts: list[str | None] = [window.doubt for window in measured.windows]
names: list[str] = [f"{spec.kind} {spec.name} {spec.summary}" for spec in rppgbench.list_components("codec")]
"""


class TestTypes:
    """A user's script is checked as a user's: strictly, without this project's settings and mypy plugins."""

    @staticmethod
    def checked(tmp_path: Path, script: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "script.py"
        path.write_text(script)
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull, "--python-version", "3.11"]
        environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*command, "--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent", str(path)],
            capture_output=True, text=True, env=environment, cwd=tmp_path,
        )  # fmt: skip

    @pytest.mark.slow
    def test_right_use_is_accepted_and_wrong_use_refused(self, tmp_path):
        done = self.checked(tmp_path, SCRIPT)
        assert done.returncode == 0, done.stdout
        wrong = "import rppgbench\n" + "\n".join(
            (
                "rppgbench.runn('smoke')",
                "rppgbench.run(3)",
                "rppgbench.run('smoke', workers='two')",
                "rppgbench.measure('x.mp4', roi='nose')",
                "rppgbench.open_results('smoke').bored()",
            )
        )
        done = self.checked(tmp_path, wrong)
        assert [line.split(":")[1] for line in done.stdout.splitlines() if "error:" in line] == list("23456")


def test_progress_that_is_no_observer_is_refused_before_a_run(tmp_path):
    with pytest.raises(RppgbenchError, match="no observer"):
        rppgbench.run("smoke", store=tmp_path / "store", out=None, progress=print)  # type: ignore[arg-type]


def test_a_mistyped_folder_of_results_is_answered_with_those_that_hold_some(tmp_path):
    (tmp_path / "smoke" / "v1").mkdir(parents=True)
    (tmp_path / "smoke" / "v1" / "results.json").write_text("{}")
    (tmp_path / "letters").mkdir()
    for typed, hint in (
        ("smoke/v2", "known: v1"),
        ("smokee", "did you mean 'smoke'?"),
        ("else", "known: smoke"),
        ("letters/x", "holds results"),
    ):
        with pytest.raises(RppgbenchError, match="no such protocol or folder of results") as refusal:
            rppgbench.open_results(tmp_path / typed)
        assert hint in str(refusal.value.hint)
