"""HeartPy 1.2.7: beats and intervals by code that shares nothing with this project's.

Its last release is of 2021. Its imports from ``pkg_resources`` and from NumPy before 2.0 are put back while it runs,
and its dictionaries are made anew for each call: those in its signatures are kept from one call to the next.
"""

from __future__ import annotations

import importlib
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import resources
from typing import Any
from unittest import mock

import numpy as np


def example(index: int) -> tuple[np.ndarray, float]:
    """Samples and sampling rate in Hz of one of the three recordings that HeartPy brings, all of a finger's pulse.

    0 is 25 s of a clean wave; of 1 the first half minute holds no pulse; 2 is 11 minutes, some of them cut off at the
    top, some of a finger that moves.
    """
    with _heartpy() as heartpy:
        samples, timer = heartpy.load_exampledata(index)
        samples = np.asarray(samples, dtype=np.float64)
        if index == 0:
            return samples, 100.0
        if index == 1:
            return samples, float(heartpy.get_samplerate_mstimer(timer))
        return samples, float(heartpy.get_samplerate_datetime(timer, timeformat="%Y-%m-%d %H:%M:%S.%f"))


def beats(samples: np.ndarray, rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Sample numbers of the peaks that HeartPy finds, and which of them it accepts as beats."""
    with _heartpy() as heartpy:
        found, _ = heartpy.process(samples, rate_hz, measures={}, working_data={})
    return np.asarray(found["peaklist"]), np.asarray(found["binary_peaklist"], dtype=bool)


def without_beats(interval_s: np.ndarray, rejected: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """``update_rr``: intervals in s between accepted beats, and magnitudes in ms of the differences that remain."""
    accepted = np.ones(len(interval_s) + 1, dtype=int)
    accepted[rejected] = 0
    with _heartpy() as heartpy:
        found = heartpy.analysis.update_rr({"RR_list": 1e3 * interval_s, "binary_peaklist": list(accepted)})
    return 1e-3 * np.asarray(found["RR_list_cor"]), np.asarray(found["RR_diff"])


def time_domain(interval_s: np.ndarray, step_ms: np.ndarray | None = None) -> dict[str, Any]:
    """``calc_ts_measures`` of intervals in seconds and magnitudes of their differences; its answers are in ms."""
    interval_ms = 1e3 * interval_s
    step_ms = np.abs(np.diff(interval_ms)) if step_ms is None else step_ms
    with _heartpy() as heartpy:
        _, measures = heartpy.analysis.calc_ts_measures(interval_ms, step_ms, step_ms**2, measures={}, working_data={})
    return measures


def frequency_domain(interval_s: np.ndarray, method: str = "welch") -> dict[str, Any]:
    """``calc_fd_measures`` of intervals in seconds; shares are in per cent."""
    with _heartpy() as heartpy:
        data = {"RR_list_cor": list(1e3 * interval_s)}
        _, measures = heartpy.analysis.calc_fd_measures(method=method, measures={}, working_data=data)
    return measures


def breathing_hz(interval_s: np.ndarray, method: str = "welch") -> float:
    """``calc_breathing`` of intervals in seconds."""
    with _heartpy() as heartpy:
        measures, _ = heartpy.analysis.calc_breathing(1e3 * interval_s, method=method, measures={}, working_data={})
    return float(measures["breathingrate"])


@contextmanager
def _heartpy() -> Iterator[Any]:
    with (
        warnings.catch_warnings(),
        mock.patch.object(np, "trapz", np.trapezoid, create=True),
    ):
        # HeartPy's own: escapes in its texts, short signals, means of nothing.
        for module in (r"heartpy(\.|$)", r"numpy(\.|$)"):
            warnings.filterwarnings("ignore", module=module)
        yield _imported()


@cache
def _imported() -> Any:
    packages = types.ModuleType("pkg_resources")
    packages.resource_filename = lambda module, path: str(resources.files(module.partition(".")[0]) / path)
    earlier = sys.modules.get("pkg_resources")
    sys.modules["pkg_resources"] = packages
    try:
        return importlib.import_module("heartpy")
    finally:
        del sys.modules["pkg_resources"]
        if earlier is not None:
            sys.modules["pkg_resources"] = earlier
