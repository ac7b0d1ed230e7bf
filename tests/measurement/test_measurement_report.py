"""The printed lines, and the records for programs."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from rppgbench.measurement import measurement_report
from rppgbench.measurement.measure_video import MeasuredWindow, Measurement, MeasureSettings, measure_video
from rppgbench.registry import load_registry

GOOD = MeasuredWindow(0.0, 30.0, 72.04, 72.5, 4.25, None, None)
RIVALLED = MeasuredWindow(10.0, 40.0, 72.0, 72.5, 4.0, 144.2, None)
BAD = MeasuredWindow(20.0, 50.0, 181.0, 90.0, -7.0, None, "pulse not distinct from noise: -7.0 dB, 0.0 dB needed")
EMPTY = MeasuredWindow(30.0, 60.0, None, None, None, None, "no skin to be seen for 2.0 s of it")


@pytest.fixture(scope="module")
def measured(face_video: Path) -> Measurement:
    return measure_video(face_video, MeasureSettings("pos", load_registry().create("method", "pos")))


def test_the_record_is_json_with_the_documented_keys(measured: Measurement) -> None:
    record: dict[str, Any] = json.loads(json.dumps(measurement_report.measurement_record(measured), allow_nan=False))
    assert set(record) == {
        "file", "status", "hr_bpm", "method", "roi", "video", "compression", "face", "windows", "notes",
    }  # fmt: skip
    assert set(record["windows"][0]) == set(measurement_report.COLUMNS) - {"file"}
    assert record["video"]["codec"] == "h264" and record["video"]["width"] == 320
    assert record["compression"]["effect"] in {"kept", "weakened", "destroyed", "unknown"}


def test_csv_has_a_line_for_each_window(measured: Measurement) -> None:
    rows = list(csv.DictReader(io.StringIO(measurement_report.csv_text([measured, measured]))))
    assert len(rows) == 2 * len(measured.windows)
    assert tuple(rows[0]) == measurement_report.COLUMNS
    assert float(rows[0]["spectrum_bpm"]) == pytest.approx(measured.windows[0].spectrum_bpm, abs=0.01)


def test_cells_have_numbers_and_a_remark() -> None:
    assert measurement_report.window_cells(GOOD) == ("0-30", "72.0", "72.5", "4.2", "")
    assert measurement_report.window_cells(RIVALLED)[-1] == "or 144.2 bpm: nearly as strong"
    assert measurement_report.window_cells(BAD)[-1].startswith("no reliable pulse: pulse not distinct from noise")
    assert measurement_report.window_cells(EMPTY)[1:4] == ("-", "-", "-")


def test_the_plain_table_is_aligned() -> None:
    lines = measurement_report.plain_table([GOOD, BAD, EMPTY])
    assert len(lines) == 4
    ends = {line.index("dB") + 2 for line in lines[:1]} | {line.index("-7.0") + 4 for line in lines[2:3]}
    assert len(ends) == 1


def test_the_summary_names_codec_rate_and_ambiguity(measured: Measurement) -> None:
    text = "\n".join(measurement_report.summary_lines(measured))
    assert "h264 in mov, 320 x 240, 30 frames/s, 12.0 s" in text
    assert "bpm (1 of 1 windows reliable)" in text
    changed = Measurement(**{**vars(measured), "windows": (RIVALLED, BAD)})
    assert "72 or 144 bpm" in "\n".join(measurement_report.summary_lines(changed))
    nothing = Measurement(**{**vars(measured), "windows": (BAD, EMPTY)})
    assert "heart rate: no reliable pulse" in measurement_report.summary_lines(nothing)
