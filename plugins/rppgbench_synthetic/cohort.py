"""Subjects and their sessions: skin tones, heart rates and looks, spread evenly over the subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rppgbench_synthetic.randomness import stream
from rppgbench_synthetic.rendering_params import MotionLevel, SensorKind, SessionName, SyntheticParams, TruthKind

SKIN_TONES = ("I", "II", "III", "IV", "V", "VI")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One subject; ``looks`` names the random stream that the face is drawn from."""

    id: str
    skin_tone: str
    resting_hr_bpm: float
    looks: tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class SubjectSession:
    """One recording session of one subject: its name, motion level, mean heart rate and contact sensor."""

    id: str
    subject: Subject
    name: SessionName
    motion: MotionLevel
    hr_bpm: float
    truth: SensorKind


def subject_sessions(params: SyntheticParams) -> Iterator[SubjectSession]:
    """Every session of every subject, in natural order."""
    for number, subject in enumerate(_subjects(params)):
        for place, session in enumerate(params.recordings):
            turn = number * len(params.recordings) + place
            yield SubjectSession(
                id=f"{subject.id}-{session}",
                subject=subject,
                name=session,
                motion=params.motions[turn % len(params.motions)],
                hr_bpm=_session_hr_bpm(params.seed, subject, session),
                truth=_sensor(params.truth, number),
            )


def _subjects(params: SyntheticParams) -> Iterator[Subject]:
    rng = stream(params.seed, "cohort", params.subjects)
    # One heart rate from each of as many equal slices of 50-105 bpm as there are subjects.
    ranks = rng.permutation(params.subjects)
    within = rng.random_sample(params.subjects)
    digits = max(2, len(str(params.subjects)))
    for number in range(params.subjects):
        name = f"s{number + 1:0{digits}d}"
        yield Subject(
            id=name,
            skin_tone=SKIN_TONES[number % len(SKIN_TONES)],
            resting_hr_bpm=50.0 + 55.0 * (ranks[number] + within[number]) / params.subjects,
            looks=(params.seed, name, "looks"),
        )


def _sensor(truth: TruthKind, number: int) -> SensorKind:
    if truth != "mixed":
        return truth
    # Shifted by one after each round of tones, so that no tone always has the same sensor.
    return "bvp" if (number + number // len(SKIN_TONES)) % 2 else "ecg"


def _session_hr_bpm(seed: int, subject: Subject, session: SessionName) -> float:
    if session == "rest":
        return subject.resting_hr_bpm
    rise = stream(seed, subject.id, session, "heart rate").uniform(15.0, 40.0)
    return float(min(140.0, subject.resting_hr_bpm + rise))
