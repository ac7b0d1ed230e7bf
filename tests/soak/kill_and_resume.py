"""Kill a run with SIGKILL again and again: it must end with the same scores as one left in peace.

    python tests/soak/kill_and_resume.py --kills 100
    python tests/soak/kill_and_resume.py --kills 5 --protocol smoke_learned --keep build/soak

Runs ``protocols/smoke.yaml`` (or another) once undisturbed in one process, then in another store with two workers,
killing the driver or one of the processes that do the tasks at random moments, and starting again what was killed. When
a disturbed run is done before it was killed often enough, another store is begun. Compares scores, rendered and encoded
files byte for byte, reads every artefact again, and checks that no more tasks were redone than were in flight.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROTOCOLS = Path(__file__).parents[2] / "protocols"


def start(protocol: str, store: Path, out: Path, workers: int, only: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rppgbench", "run", str(PROTOCOLS / f"{protocol}.yaml")]
    command += ["--store", str(store), "--out", str(out), "--workers", str(workers)]
    command += [word for what in only for word in ("--only", what)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def processes_of(pid: int) -> list[int]:
    """Worker processes of a driver, on Linux; none elsewhere."""
    try:
        threads = Path(f"/proc/{pid}/task").iterdir()
        children = [int(child) for thread in threads for child in (thread / "children").read_text().split()]
        return [child for child in children if "execution.worker_process" in Path(f"/proc/{child}/cmdline").read_text()]
    except OSError:
        return []


def artefacts(store: Path) -> dict[str, dict[str, str]]:
    """Digests of every file of every artefact, by key."""
    manifests = [json.loads(path.read_text()) for path in store.glob("objects/*/*/manifest.json")]
    return {m["key"]: {name: file["sha256"] for name, file in m["files"].items()} for m in manifests}


def times_started(store: Path) -> Counter[str]:
    """Number of starts of each task, over all runs in the store."""
    lines = (line for path in store.glob("runs/*/events.jsonl") for line in path.read_text().splitlines())
    events = (json.loads(line) for line in lines if line.endswith("}"))  # a kill may cut the last line short
    return Counter(event["task"] for event in events if event["status"] == "started")


@dataclass
class Kills:
    """Numbers of kills of running drivers and of their worker processes."""

    drivers: int = 0
    processes: int = 0

    @property
    def in_flight(self) -> int:
        """Largest number of tasks that the kills interrupted: those of both processes of each driver."""
        return 2 * self.drivers + self.processes


def disturbed(protocol: str, store: Path, out: Path, n_kills: int, moments: random.Random) -> Kills:
    """Run to the end with up to ``n_kills`` kills at random moments."""
    kills = Kills()
    while kills.drivers + kills.processes < n_kills:
        process = start(protocol, store, out, workers=2)
        at_work = moments.random() < 0.9  # now and then it is killed while it starts
        while at_work and process.poll() is None and not processes_of(process.pid):
            time.sleep(0.05)
        while process.poll() is None and kills.drivers + kills.processes < n_kills:
            time.sleep(moments.uniform(0.2, 8.0))
            if process.poll() is not None:
                break
            processes = processes_of(process.pid)
            if processes and moments.random() < 0.6:
                os.kill(moments.choice(processes), signal.SIGKILL)
                kills.processes += 1
            else:  # the driver alone: its processes must notice by themselves and leave nothing behind
                os.kill(process.pid, signal.SIGKILL)
                kills.drivers += 1
        if process.wait() == 0:
            return kills
    final = start(protocol, store, out, workers=2)
    if final.wait() != 0:
        raise SystemExit(f"the last run ended with exit code {final.returncode}")
    return kills


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--protocol", default="smoke")
    parser.add_argument("--keep", type=Path, help="where store and leaderboards of the undisturbed run stay")
    arguments = parser.parse_args()
    moments, left = random.Random(arguments.seed), arguments.kills
    with tempfile.TemporaryDirectory() as folder:
        kept = arguments.keep or Path(folder)
        peaceful, boards = kept / "store", kept / "leaderboards"
        if start(arguments.protocol, peaceful, boards, workers=0).wait() != 0:
            raise SystemExit("the undisturbed run failed")
        for round_ in itertools.count():
            troubled, out = Path(folder, f"elsewhere{round_}", "troubled"), Path(folder, f"b{round_}")
            kills = disturbed(arguments.protocol, troubled, out, left, moments)
            compare(peaceful, troubled, (boards, out), kills)
            left -= kills.drivers + kills.processes
            if left <= 0:
                return


def compare(peaceful: Path, troubled: Path, outs: tuple[Path, Path], kills: Kills) -> None:
    """Say what was found, and fail on any difference."""
    expected, found = artefacts(peaceful), artefacts(troubled)
    different = [key for key in expected if expected[key] != found.get(key)]
    rows = [next(out.glob("*/*/rows.parquet")).read_bytes() for out in outs]
    redone = sum(count - 1 for count in times_started(troubled).values())
    left_over = [*(troubled / "tmp").iterdir(), *troubled.glob("partial/*/*")]
    verify = subprocess.run([sys.executable, "-m", "rppgbench", "cache", "verify", "--store", str(troubled)])
    print(f"{len(expected)} artefacts, {len(different)} differ, {len(set(found) - set(expected))} are extra")
    print(f"scores {'equal' if rows[0] == rows[1] else 'DIFFERENT'}, byte for byte")
    print(f"{kills.drivers} drivers and {kills.processes} worker processes were killed; {redone} tasks were started "
          f"again, at most {kills.in_flight} were in flight")  # fmt: skip
    print(f"{len(left_over)} left-overs", flush=True)
    odd = different or set(found) != set(expected) or rows[0] != rows[1] or left_over or verify.returncode
    if odd or redone > kills.in_flight or not (kills.drivers + kills.processes):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
