"""Plausibility of a recording's ground truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.datasets.audit_finding import AuditFinding, Severity, of_error
from rppgbench.datasets.clock_check import check_sensor_clock
from rppgbench.evaluation.labels import DIFFERENT_BPM, ESTIMATORS_DIFFER, LEADS_DIFFER, NOISY, Label, label_windows
from rppgbench.pipeline.stage_settings import WindowSettings
from rppgbench.signal.contact_sensor import PLAUSIBLE_BPM, missing_share, stuck_spans_s
from rppgbench.signal.ground_truth import LONGEST_GAP_S
from rppgbench.signal.heart_rate import BAND_HZ, PERIODS_NEEDED, HeartRateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rppgbench.contracts import Dataset, FloatArray, GroundTruth, Recording

WINDOW_S = 30.0
GRID_HZ = 30.0
# Reasons of exclusion that findings on the whole recording already report.
_REPORTED = ("does not cover", "is stuck", "clock and the video's disagree", "no heart rate of")


@dataclass(frozen=True)
class TruthSummary:
    """Measures of a ground truth; windows are of 30 s, or one window for a shorter recording."""

    kind: str
    start_s: float
    end_s: float
    video_s: float | None
    hr_bpm: float | None
    n_windows: int
    n_excluded: int
    n_flagged: int


def check_ground_truth(
    dataset: Dataset, recording: Recording, duration_s: float
) -> tuple[TruthSummary | None, list[AuditFinding]]:
    """A summary of a recording's ground truth and the findings on it; None if it cannot be read or is malformed.

    ``duration_s`` is the measured duration of the recording's video.
    """
    path = next(iter(recording.truth_files), recording.path)
    try:
        truth = dataset.ground_truth(recording)
    except Exception as error:  # a loader may raise anything; the other recordings must still be audited
        return None, [of_error("truth", error, recording, path)]
    malformed = malformation(truth)
    if malformed is not None:
        return None, [_finding(recording, "trouble", "truth", malformed, "copy the file again, or tell the "
                               "dataset plugin's author")]  # fmt: skip
    findings = list(check_sensor_clock(truth, recording, duration_s))
    findings += _gaps(truth, recording)
    findings += _stuck(truth, recording)
    findings += _impossible(truth, recording)
    labels = labels_of(truth, *windows_of(duration_s), video_s=duration_s)
    findings += _unscored(labels, recording, explained=bool(findings))
    findings += _flagged(labels, recording)
    findings += [
        _finding(recording, "remark", "loader", f"{doubt}; each window of it is flagged") for doubt in truth.doubts
    ]
    rates = [label.rate.spectrum_bpm for label in labels if label.rate is not None]
    summary = TruthSummary(
        kind=truth.kind,
        start_s=float(truth.times_s[0]),
        end_s=float(truth.times_s[-1]),
        video_s=truth.video_s,
        hr_bpm=float(np.median(rates)) if rates else None,
        n_windows=len(labels),
        n_excluded=sum(label.excluded is not None for label in labels),
        n_flagged=sum(bool(label.flags) for label in labels),
    )
    return summary, findings


def malformation(truth: GroundTruth) -> str | None:
    """The reason why a ground truth is unusable; None if it is usable."""
    if truth.video_s is not None and not np.isfinite(truth.video_s):
        return "how long the video lasts by the sensor's clock is no number"
    if truth.samples.ndim != 1 or truth.samples.shape != truth.times_s.shape:
        return f"{truth.samples.shape} samples at {truth.times_s.shape} times, expected (N,) of both"
    if len(truth.times_s) < 2:
        return f"{len(truth.times_s)} samples, expected at least 2"
    if not np.isfinite(truth.times_s).all():
        return f"the time of sample {int(np.argmin(np.isfinite(truth.times_s)))} is no number"
    step_s = np.diff(truth.times_s)
    if (step_s <= 0).any():
        at = int(np.argmax(step_s <= 0)) + 1
        return f"times do not ascend at sample {at}: {truth.times_s[at - 1]:g} s, then {truth.times_s[at]:g} s"
    if not np.isfinite(truth.samples).any():
        return "not one sample is a number"
    return None


def windows_of(duration_s: float) -> tuple[FloatArray, float]:
    """``(B,)`` starts and length in s of the windows of 30 s of a run; a shorter recording is one window."""
    starts_s = WindowSettings(length_s=WINDOW_S, fps_hz=GRID_HZ, duration_s=duration_s).starts_s
    return (np.array(starts_s), WINDOW_S) if starts_s else (np.zeros(1), duration_s)


def labels_of(
    truth: GroundTruth, starts_s: FloatArray, length_s: float, *, video_s: float | None = None
) -> list[Label]:
    """Labels of the windows; none if they are too short for a heart rate.

    With ``video_s``, the video's duration, all are excluded if the sensor's clock disagrees with it.
    """
    if length_s < PERIODS_NEEDED / BAND_HZ[0] + 1 / GRID_HZ:
        return []
    n_frames = int(length_s * GRID_HZ + 1e-6)
    return label_windows(truth, starts_s, n_frames, GRID_HZ, HeartRateSettings(), video_s=video_s)


def _gaps(truth: GroundTruth, recording: Recording) -> Iterator[AuditFinding]:
    finite_s = truth.times_s[np.isfinite(truth.samples)]
    gaps_s = np.diff(finite_s)
    share = missing_share(truth)
    longest = int(gaps_s.argmax()) if len(gaps_s) else 0
    if share == 0 and (truth.kind == "hr" or not len(gaps_s) or gaps_s[longest] <= LONGEST_GAP_S):
        return
    lost = len(gaps_s) > 0 and gaps_s[longest] > LONGEST_GAP_S and truth.kind != "hr"
    what = f"{share:.1%} of the samples are no numbers" if share else "samples are missing"
    where = f", none from {finite_s[longest]:.1f} s to {finite_s[longest + 1]:.1f} s" if lost else ""
    effect = "windows there cannot be scored" if lost else "the gaps are short enough to be bridged"
    severity: Severity = "trouble" if lost else "remark"
    remedy = "compare with the file as it was published; if it is so there, live with it" if lost else ""
    yield _finding(recording, severity, "label", f"{what}{where}: {effect}", remedy)


def _stuck(truth: GroundTruth, recording: Recording) -> Iterator[AuditFinding]:
    spans_s = stuck_spans_s(truth)
    if not spans_s:
        return
    first_s, last_s = max(spans_s, key=lambda span: span[1] - span[0])
    more = f" and {len(spans_s) - 1} more times" if len(spans_s) > 1 else ""
    found = f"the contact sensor is stuck at one value from {first_s:.1f} s to {last_s:.1f} s{more}: windows there "
    yield _finding(recording, "trouble", "label", f"{found}cannot be scored",
                   "compare with the file as it was published; if it is so there, live with it")  # fmt: skip


def _impossible(truth: GroundTruth, recording: Recording) -> Iterator[AuditFinding]:
    if truth.kind != "hr":
        return
    low, high = PLAUSIBLE_BPM
    with np.errstate(invalid="ignore"):
        wrong = (truth.samples < low) | (truth.samples > high)
    if wrong.any():
        at = int(wrong.argmax())
        yield _finding(recording, "trouble", "label",
                       f"a heart rate of {truth.samples[at]:g} bpm at {truth.times_s[at]:.1f} s, {wrong.mean():.1%} of "
                       f"all samples are like that; expected {low:g} to {high:g} bpm",
                       "is it the column, and the unit, of a heart rate?")  # fmt: skip


def _unscored(labels: list[Label], recording: Recording, *, explained: bool) -> Iterator[AuditFinding]:
    """One trouble per reason for windows without a label; reasons that are ``explained`` by a finding are left out."""
    reasons = Counter(label.excluded for label in labels if label.excluded is not None)
    for reason, count in reasons.items():
        if not (explained and any(known in reason for known in _REPORTED)):
            yield _finding(recording, "trouble", "label",
                           f"{count} of {len(labels)} windows cannot be scored: {reason}",
                           f"look at it: rppgbench data show NAME {recording.id} --plot")  # fmt: skip


def _flagged(labels: list[Label], recording: Recording) -> Iterator[AuditFinding]:
    whats = {
        ESTIMATORS_DIFFER: f"heart rate by beats and by spectrum differ by more than {DIFFERENT_BPM:g} bpm",
        LEADS_DIFFER: f"heart rates of the ECG's leads differ by more than {DIFFERENT_BPM:g} bpm",
        NOISY: "the contact sensor's SNR about its own rate is below 0 dB (noise, or an irregular rhythm)",
    }
    for flag, what in whats.items():
        count = sum(flag in label.flags for label in labels)
        if count:
            yield _finding(
                recording, "remark", "label", f"{what} in {count} of {len(labels)} windows; they are flagged"
            )


def _finding(recording: Recording, severity: Severity, check: str, found: str, remedy: str = "") -> AuditFinding:
    path = next(iter(recording.truth_files), recording.path)
    return AuditFinding(severity=severity, check=check, found=found, remedy=remedy, recording=recording.id, path=path)
