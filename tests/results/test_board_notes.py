"""Notes below a board: missing subjects, doubtful labels, lossy recordings."""

from dataclasses import replace

from rppgbench.results.board import Board
from rppgbench.results.board_notes import notes


def lines(results, **changes) -> str:
    """The notes of the results with columns changed by a function of the row each."""
    rows = [{**row, **{name: of(row) for name, of in changes.items()}} for row in results.rows]
    return "\n".join(notes(Board.of(replace(results, rows=rows))))


def test_subjects_and_recordings_that_are_not_here_are_named(results):
    absent = {"x1-1": "no such file", "x2-1": "is empty (0 bytes)"}
    data = {"subjects": 7, "subjects_not_here": ["x1", "x2", "x3"], "recordings": 99, "absent": absent}
    data["too_short_s"] = {"s9-1": 12.34}
    text = "\n".join(notes(Board.of(replace(results, about={**results.about, "data": data}))))
    assert "4 of 7 subjects are here; not here: x1 to x3." in text
    assert "2 of 99 recordings are not here or of no use; the first, x1-1: no such file." in text
    assert "shorter than a window, and so not tested: s9-1 (12.3 s)." in text
    assert "not here" not in lines(results)


def test_windows_with_doubtful_labels_are_counted_once_whatever_the_entries(results):
    windows = {(row["recording"], row["window"]) for row in results.rows}
    first = min(recording for recording, _ in windows)
    n = sum(recording == first for recording, _ in windows)
    text = lines(
        results, label_flags=lambda row: "estimators differ; leads differ" if row["recording"] == first else None
    )
    assert f"{n} of {len(windows)} windows are doubtful: estimators differ ({n}), leads differ ({n})" in text
    assert "doubtful" not in lines(results)


def test_known_delays_are_noted(results):
    recordings = sorted({row["recording"] for row in results.rows})
    delays_s = dict(zip(recordings, [-0.049, 0.3, 0.2], strict=False))
    text = lines(results, truth_delay_s=lambda row: delays_s.get(row["recording"]))
    low, high = (1000 * extreme for extreme in (min(delays_s.values()), max(delays_s.values())))
    known = f"known of {len(delays_s)} of {len(recordings)} recordings, modulo one beat"
    assert f"Delay of the face's pulse behind the contact sensor: {low:.0f} to {high:.0f} ms ({known})." in text


def test_delays_that_hardly_a_pulse_has_are_counted(results):
    first = min(row["recording"] for row in results.rows)
    text = lines(results, truth_delay_s=lambda row: -1.5 if row["recording"] == first else 0.5)
    assert "modulo one beat; 1 outside of +-500 ms)." in text


def test_what_is_lossy_as_it_comes_is_said(results):
    recordings = len({row["recording"] for row in results.rows})
    text = lines(results, source=lambda row: "lossy")
    assert f"{recordings} recordings are lossy as they come: the reference is no original" in text
    assert "compresses them once more" in text
    assert "lossy" not in lines(results, source=lambda row: "raw")


def test_why_windows_are_excluded_is_said_once(results):
    first = min(row["recording"] for row in results.rows)
    n = len({row["window"] for row in results.rows if row["recording"] == first})
    spoilt = {"status": lambda row: "excluded" if row["recording"] == first else row["status"],
              "reason": lambda row: "the sensor is stuck" if row["recording"] == first else row["reason"]}  # fmt: skip
    assert f"excluded: {n} windows: the sensor is stuck" in lines(results, **spoilt)
