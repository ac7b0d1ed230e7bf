"""A scheduler and two workers started by commands, workers killed in the middle: the scores of one process.

    python tests/soak/by_hand.py                              # the main job
    python tests/soak/by_hand.py --protocol smoke_learned

Runs the protocol once in one process, then by ``dask scheduler`` and two ``dask worker``. The first time that a task of
each of ``--kill-during`` runs, the worker that runs it is killed with SIGKILL, with its worker processes. Compares
artefacts and scores byte for byte.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parent))
from kill_and_resume import PROTOCOLS, artefacts, start


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """``dask scheduler`` or ``dask worker``, ended with all that it started."""
    process = subprocess.Popen([sys.executable, "-m", "dask", *arguments], stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        for one in family(process.pid):
            one.kill()
        process.wait()


def family(pid: int) -> list[psutil.Process]:
    """A process and all its descendants; empty when it is gone."""
    try:
        process = psutil.Process(pid)
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def busy_processes(worker: subprocess.Popen[str]) -> list[psutil.Process]:
    """The worker processes of a worker that compute just now."""
    processes = [one for one in family(worker.pid) if "execution.worker_process" in " ".join(one.cmdline())]
    return [one for one in processes if one.cpu_percent(0.3) > 20]


def running(store: Path, stage: str) -> bool:
    """Whether a task of the stage has been started and has not ended."""
    lines = [line for path in store.glob("runs/*/events.jsonl") for line in path.read_text().splitlines()]
    events = [event for event in map(json.loads, lines) if event.get("stage") == stage]
    started = sum(event["status"] == "started" for event in events)
    return started > sum(event["status"] in ("done", "failed", "retried") for event in events)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", default="synthetic_compressed")
    parser.add_argument("--kill-during", nargs="*", default=["encode", "train"])
    parser.add_argument("--against", type=Path, help="a board's folder: compare with its rows, and run nothing else")
    parser.add_argument("--only", action="append", default=[], help="as of 'rppgbench run'")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as leaving:
        alone, against = Path(name, "alone"), arguments.against
        if against is None:
            if start(arguments.protocol, alone / "store", alone / "out", 0, arguments.only).wait() != 0:
                raise SystemExit("the run in one process failed")
            against = next((path.parent for path in (alone / "out").glob("*/*/rows.parquet")), None)
        scheduler = leaving.enter_context(dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"))
        assert scheduler.stderr is not None
        address = next(found[1] for line in scheduler.stderr if (found := re.search(r"at: +(tcp://\S+)", line)))
        workers = [
            leaving.enter_context(dask("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"))
            for _ in range(2)
        ]
        store, out = Path(name, "store"), Path(name, "out")
        command = [sys.executable, "-m", "rppgbench", "run", str(PROTOCOLS / f"{arguments.protocol}.yaml")]
        command += ["--store", str(store), "--out", str(out), "--scheduler", address]
        command += [word for only in arguments.only for word in ("--only", only)]
        driver = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        for stage in arguments.kill_during:
            if not kill_during(stage, driver, store, workers):
                print(f"no task of stage {stage} was caught running")
                continue
            workers.append(
                leaving.enter_context(dask("worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"))
            )
        if driver.wait() != 0:
            raise SystemExit(f"the run ended with exit code {driver.returncode}")
        board = next((path.parent for path in out.glob("*/*/rows.parquet")), None)
        same = same_artefacts(alone / "store", store)
        if against is not None and board is not None:
            same &= same_rows(against, board)
        if not same:
            raise SystemExit(1)


def same_artefacts(alone: Path, store: Path) -> bool:
    """Scores among them; say what was found."""
    expected, found = artefacts(alone), artefacts(store)
    if expected:
        print(f"{len(expected)} artefacts, {sum(expected[key] != found.get(key) for key in expected)} differ")
    return not expected or expected == found


def same_rows(against: Path, board: Path) -> bool:
    """Byte for byte; say what was found."""
    tables = [pd.read_parquet(folder / "rows.parquet") for folder in (against, board)]
    columns = [name for name in tables[0] if not tables[0][name].equals(tables[1][name])]
    print(f"{len(tables[0])} and {len(tables[1])} rows; columns that differ: {', '.join(columns) or 'none'}")
    rows = [(folder / "rows.parquet").read_bytes() for folder in (against, board)]
    print(f"scores {'equal' if rows[0] == rows[1] else 'DIFFERENT'}, byte for byte")
    return rows[0] == rows[1]


def kill_during(stage: str, driver: subprocess.Popen[bytes], store: Path, workers: list[subprocess.Popen[str]]) -> bool:
    """Kill the busier worker while a task of the stage runs; whether there was one."""
    while driver.poll() is None:
        alive = [worker for worker in workers if worker.poll() is None]
        if running(store, stage) and (busy := [worker for worker in alive if busy_processes(worker)]):
            for one in family(busy[0].pid):
                os.kill(one.pid, signal.SIGKILL)
            print(f"a worker was killed with SIGKILL while a task of stage {stage} ran", flush=True)
            return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    main()
