"""Params of the rendered dataset."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from rppgbench.contracts import Params

SessionName = Literal["rest", "exercise"]
MotionLevel = Literal["still", "small", "talk", "large"]
SensorKind = Literal["ecg", "bvp"]
TruthKind = Literal["ecg", "bvp", "mixed"]


class SyntheticParams(Params):
    subjects: int = Field(20, ge=1, le=999, description="number of subjects, of six skin tones in turn")
    recordings: tuple[SessionName, ...] = Field(
        ("rest", "exercise"), min_length=1, description="sessions of each subject: rest, exercise (just after it)"
    )
    duration_s: float = Field(30.0, ge=0.1, le=3600.0, description="length of a recording, s")
    fps_hz: float = Field(30.0, ge=5.0, le=240.0, description="frames per second, Hz")
    size: tuple[int, int] = Field((320, 240), description="width and height of the picture, pixels")
    seed: int = Field(0, ge=0, description="another seed is another set of people")
    motions: tuple[MotionLevel, ...] = Field(
        ("small", "still", "small", "talk", "small"),
        min_length=1,
        description="motion levels, given to the recordings in turn: still, small, talk, large",
    )
    truth: TruthKind = Field("mixed", description="contact sensor: ecg (256 Hz), bvp (64 Hz), or mixed over subjects")

    @field_validator("recordings")
    @classmethod
    def _each_session_once(cls, sessions: tuple[SessionName, ...]) -> tuple[SessionName, ...]:
        if len(set(sessions)) != len(sessions):
            raise ValueError(f"each session at most once, found {', '.join(sessions)}")
        return sessions

    @field_validator("size")
    @classmethod
    def _room_for_a_face(cls, size: tuple[int, int]) -> tuple[int, int]:
        width, height = size
        if not (96 <= height <= 2160 and height <= width <= 4096) or width % 2 or height % 2:
            raise ValueError(f"even width >= height, from 96x96 to 4096x2160, found {width}x{height}")
        return size
