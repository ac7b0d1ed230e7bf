"""CPU time of one question about a recording by the number of recordings in a table: ``manifest.csv``, OBF's loader.

All rows name hard links to one video of a second and one sensor file, so what grows is the table and the folder.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rppgbench.testing.rendered_cohort import write_video
from rppgbench_datasets.own_recordings import ManifestDataset

SIZES = (200, 2_000, 20_000)
N_QUESTIONS = 100


def write_dataset(root: Path, n_recordings: int) -> None:
    """``manifest.csv`` of two recordings a subject, with their files."""
    frames = np.zeros((30, 48, 64, 3), np.uint8)
    write_video(iter(frames), root / "video.avi", 30.0, encoder="mpeg4", pix_fmt="yuv420p")
    samples = np.column_stack([np.arange(256) / 256, np.sin(np.arange(256) / 40)])
    np.savetxt(root / "signal.csv", samples, fmt="%.6f", delimiter=",", header="time_s,ecg", comments="")
    rows = ["subject,session,video,fps_hz,truth,column,time_column,kind"]
    for n in range(n_recordings):
        subject, session = f"{n // 2:05d}", ("rest", "exercise")[n % 2]
        os.link(root / "video.avi", root / f"{subject}_{session}.avi")
        os.link(root / "signal.csv", root / f"{subject}_{session}.csv")
        rows.append(f"{subject},{session},{subject}_{session}.avi,30,{subject}_{session}.csv,ecg,time_s,ecg")
    (root / "manifest.csv").write_text("\n".join(rows) + "\n")


def cpu_s(work: Callable[[], object]) -> float:
    start_s = time.process_time()
    work()
    return time.process_time() - start_s


def measure(root: Path) -> tuple[float, float, float, float]:
    """CPU seconds of the table, of listing, of a truth and of a clock."""
    table_s = cpu_s(lambda: ManifestDataset(root))
    recordings = list(ManifestDataset(root).recordings())
    listing_s = cpu_s(lambda: ManifestDataset(root).recordings())
    asked = recordings[:: len(recordings) // N_QUESTIONS]
    truth_s = cpu_s(lambda: [ManifestDataset(root).ground_truth(one) for one in asked]) / len(asked)
    clock_s = cpu_s(lambda: [ManifestDataset(root).frame_times_s(one) for one in asked]) / len(asked)
    return table_s, listing_s, truth_s, clock_s


def main() -> None:
    for n_recordings in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            write_dataset(Path(folder), n_recordings)
            table_s, listing_s, truth_s, clock_s = measure(Path(folder))
        print(
            f"{n_recordings:6d} recordings: table {table_s:.3f} s once a process, listing {listing_s:.2f} s; "
            f"a truth {1000 * truth_s:.2f} ms, a clock {1000 * clock_s:.2f} ms"
        )


if __name__ == "__main__":
    main()
