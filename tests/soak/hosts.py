"""Several hosts on one store, one of them cut off in the middle: the run must end, with the scores of one process.

    sudo python tests/soak/hosts.py

Each host is a network namespace with an address and a host name of its own (Linux, root); all see the same folder.
One has the scheduler and the driver, two have a worker each. When some tasks are done, the link of one of these goes
down, without closing its connections. Prints how long the run stood still, and compares scores and artefacts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from kill_and_resume import PROTOCOLS, artefacts, start

BRIDGE, NET = "rppgb0", "10.77.7"
# How long the scheduler waits for a sign of life: minutes by default, and this is to show what happens then.
PATIENCE = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "20s", "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "20s"}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


@contextmanager
def network(n_hosts: int) -> Iterator[None]:
    """Hosts ``rppg1`` and on, each on its own cable to one switch."""
    names = [f"rppg{n}" for n in range(1, n_hosts + 1)]
    try:
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("link", "set", BRIDGE, "up")
        for n, name in enumerate(names, 1):
            ip("netns", "add", name)
            ip("link", "add", f"{name}sw", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{name}sw", "master", BRIDGE, "up")
            ip("-n", name, "addr", "add", f"{NET}.{n}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)
        subprocess.run(["ip", "link", "del", BRIDGE], stderr=subprocess.DEVNULL)


@contextmanager
def on(n: int, *command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command on host ``n``, ended with all that it started."""
    inside = f"hostname rppg{n} && exec {' '.join(command)}"
    with log.open("ab") as words:
        process = subprocess.Popen(
            ["ip", "netns", "exec", f"rppg{n}", "unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", inside],
            stdout=words, stderr=words, env={**os.environ, **PATIENCE},
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def done_in(store: Path) -> list[dict[str, object]]:
    """The events of tasks that are done, in their order."""
    lines = [line for path in store.glob("runs/*/events.jsonl") for line in path.read_text().splitlines()]
    return [event for event in map(json.loads, lines) if event["status"] == "done"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protocol", default="smoke")
    parser.add_argument("--cut-after", type=int, default=150, help="tasks done before the link goes down")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("network namespaces need root")
    with tempfile.TemporaryDirectory() as name, ExitStack() as leaving:
        folder = Path(name)
        alone, shared = folder / "alone", folder / "shared"
        if start(arguments.protocol, alone, folder / "a", workers=0).wait() != 0:
            raise SystemExit("the undisturbed run failed")
        leaving.enter_context(network(3))
        run_on_hosts(arguments.protocol, shared, folder, arguments.cut_after)
        expected, found = artefacts(alone), artefacts(shared)
        rows = [next(folder.glob(f"{out}/*/*/rows.parquet")).read_bytes() for out in ("a", "b")]
        print(f"{len(expected)} artefacts, {sum(expected[k] != found.get(k) for k in expected)} differ")
        print(f"scores {'equal' if rows[0] == rows[1] else 'DIFFERENT'}, byte for byte")
        if expected != found or rows[0] != rows[1]:
            raise SystemExit(1)


def run_on_hosts(protocol: str, store: Path, folder: Path, cut_after: int) -> None:
    address, python = f"tcp://{NET}.1:8786", sys.executable
    log = folder / "log"
    with ExitStack() as hosts:
        hosts.enter_context(on(1, python, "-m", "dask", "scheduler", "--host", f"{NET}.1", "--no-dashboard", log=log))
        for n in (2, 3):
            worker = ["worker", address, "--host", f"{NET}.{n}", "--nthreads", "1", "--no-dashboard"]
            hosts.enter_context(on(n, python, "-m", "dask", *worker, log=log))
        command = [python, "-m", "rppgbench", "run", str(PROTOCOLS / f"{protocol}.yaml"), "--scheduler", address]
        command += ["--store", str(store), "--out", str(folder / "b")]
        driver = hosts.enter_context(on(1, *command, log=log))
        while driver.poll() is None and (not store.is_dir() or len(done_in(store)) < cut_after):
            time.sleep(0.2)
        before = done_in(store)
        ip("link", "set", "rppg3sw", "down")
        print(f"after {len(before)} tasks on {sorted({str(e['host']) for e in before})} rppg3 was cut off", flush=True)
        if driver.wait() != 0:
            print(log.read_text(errors="replace")[-5000:])
            raise SystemExit(f"the run ended with exit code {driver.returncode}")
        after = done_in(store)[len(before) :]
        times = [float(e["at"]) for e in [*before[-1:], *after]]  # type: ignore[arg-type]
        pause_s = max(b - a for a, b in itertools.pairwise(times))
        hosts = sorted({str(e["host"]) for e in after})
        print(f"{len(after)} more tasks were done, on {hosts}; the longest pause was {pause_s:.1f} s")


if __name__ == "__main__":
    main()
