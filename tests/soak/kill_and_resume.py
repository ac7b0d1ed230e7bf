"""Kill a run with SIGKILL again and again: it must end with the same scores as one left in peace.

    python tests/soak/kill_and_resume.py --kills 10
    python tests/soak/kill_and_resume.py --kills 5 --protocol smoke_learned

Runs ``protocols/smoke.yaml`` (or another) once undisturbed with one worker, then in another store with two workers,
killing driver and workers at random moments and starting again. Compares scores, rendered and encoded files byte for
byte, and checks that no more tasks were redone than were in flight.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PROTOCOLS = Path(__file__).parents[2] / "protocols"


def start(protocol: str, store: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rppgbench", "run", str(PROTOCOLS / f"{protocol}.yaml")]
    command += ["--store", str(store), "--out", str(out), "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def workers_of(pid: int) -> list[int]:
    """The driver's worker processes, on Linux; none elsewhere."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return [child for child in children if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text()]
    except OSError:
        return []


def artefacts(store: Path) -> dict[str, dict[str, str]]:
    """Digests of every file of every artefact, by key."""
    manifests = [json.loads(path.read_text()) for path in store.glob("objects/*/*/manifest.json")]
    return {m["key"]: {name: file["sha256"] for name, file in m["files"].items()} for m in manifests}


def times_started(store: Path) -> Counter[str]:
    """How often each task was started, over all runs in the store."""
    lines = (line for path in store.glob("runs/*/events.jsonl") for line in path.read_text().splitlines())
    events = (json.loads(line) for line in lines if line.endswith("}"))  # a kill may cut the last line short
    return Counter(event["task"] for event in events if event["status"] == "started")


def disturbed(protocol: str, store: Path, out: Path, kills: int, seconds: float, seed: int) -> int:
    """Run to the end with ``kills`` kills at random moments, ``seconds`` at most in all; returns how many hit."""
    moments = random.Random(seed)
    hits = 0
    for _ in range(kills):
        process = start(protocol, store, out, workers=2)
        time.sleep(moments.uniform(0.5, seconds / kills))
        if process.poll() is None:
            hits += 1
            victims = workers_of(process.pid) if moments.random() < 0.3 else []
            for victim in victims[:1]:  # a worker first, now and then: the driver must go on without it
                os.kill(victim, signal.SIGKILL)
                time.sleep(moments.uniform(0.0, 1.0))
            # Then the driver alone: its workers must notice by themselves and leave nothing behind.
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
    final = start(protocol, store, out, workers=2)
    if final.wait() != 0:
        raise SystemExit(f"the last run ended with exit code {final.returncode}")
    return hits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--protocol", default="smoke")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        peaceful, troubled = Path(folder, "peaceful"), Path(folder, "elsewhere", "troubled")
        started = time.monotonic()
        if start(arguments.protocol, peaceful, Path(folder, "a"), workers=1).wait() != 0:
            raise SystemExit("the undisturbed run failed")
        seconds = time.monotonic() - started
        hits = disturbed(arguments.protocol, troubled, Path(folder, "b"), arguments.kills, seconds, arguments.seed)
        compare(peaceful, troubled, Path(folder), hits)


def compare(peaceful: Path, troubled: Path, folder: Path, hits: int) -> None:
    """Say what was found, and fail on any difference."""
    expected, found = artefacts(peaceful), artefacts(troubled)
    different = [key for key in expected if expected[key] != found.get(key)]
    rows = [next(folder.glob(f"{run}/*/*/rows.parquet")).read_bytes() for run in ("a", "b")]
    redone = sum(count - 1 for count in times_started(troubled).values())
    left_over = [*(troubled / "tmp").iterdir(), *troubled.glob("partial/*/*")]
    print(f"{len(expected)} artefacts, {len(different)} differ, {len(set(found) - set(expected))} are extra")
    print(f"scores {'equal' if rows[0] == rows[1] else 'DIFFERENT'}, byte for byte")
    print(f"{hits} kills hit a running driver; {redone} tasks were started again, at most 2 a kill were in flight")
    print(f"{len(left_over)} left-overs")
    # A kill costs the two tasks in flight; one that takes a worker first may cost two more.
    if different or set(found) != set(expected) or rows[0] != rows[1] or redone > 4 * hits or left_over or not hits:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
