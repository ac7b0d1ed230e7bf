"""The audit uses the windows of a run."""

from __future__ import annotations

import pytest

from rppgbench.datasets.truth_check import windows_of


@pytest.mark.parametrize(
    ("duration_s", "starts_s", "length_s"),
    [
        (60.0, [0.0, 30.0], 30.0),
        (59.97, [0.0, 30.0], 30.0),  # 0.05 s short at the end still counts in a run
        (59.9, [0.0], 30.0),
        (12.0, [0.0], 12.0),
    ],
)
def test_windows_are_those_of_a_run_and_one_of_a_short_recording(duration_s, starts_s, length_s):
    found_s, found_length_s = windows_of(duration_s)
    assert (found_s.tolist(), found_length_s) == (starts_s, length_s)
