"""The training set in the inputs of a training task: clips, skin masks and target waves by recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rppgbench.learning.clip_sampler import TrainingRecording
from rppgbench.learning.target import target_wave
from rppgbench.pipeline.stage_context import LazyArray, StageContext

if TYPE_CHECKING:
    from rppgbench.contracts import FloatArray
    from rppgbench.pipeline.stage_settings import StageSettings


@dataclass(frozen=True)
class TrainingSet:
    """Training recordings, and by id the measured delays of the face and the reasons for unusable sensors.

    A delay is None if it cannot be measured: the median of the others is in its place.
    """

    recordings: Sequence[TrainingRecording]
    delays_s: Mapping[str, float | None]
    unusable: Mapping[str, str]


def read_training_set(
    context: StageContext[StageSettings], names: Sequence[str], conditions: Mapping[str, int], fps_hz: float
) -> TrainingSet:
    """The recordings of these ids under ``conditions``, numbered with 0 for the reference.

    Clips are read on access; the target wave of a recording with an unusable sensor is NaN.
    """
    delays_s: dict[str, float | None] = {}
    unusable: dict[str, str] = {}
    for name in names:
        alignment = context.facts(f"alignment {name}")
        if alignment["unusable"] is not None:
            unusable[name] = alignment["unusable"]
        delays_s[name] = None if name in unusable else alignment["delay_s"]
    known = [delay_s for delay_s in delays_s.values() if delay_s is not None]
    median_s = float(np.median(known)) if known else 0.0
    recordings = []
    for name, delay_s in delays_s.items():
        n_frames = len(context.crops(f"reference {name}"))
        if name in unusable:
            wave = np.full(n_frames, np.nan)
        else:
            truth = context.truth(f"truth {name}")
            wave = target_wave(truth, median_s if delay_s is None else delay_s, n_frames, fps_hz)
        recordings.append(_recording(context, name, conditions, wave))
    return TrainingSet(recordings, delays_s, unusable)


def _recording(
    context: StageContext[StageSettings], name: str, conditions: Mapping[str, int], wave: FloatArray
) -> TrainingRecording:
    role = f"skin {name}"
    skin: Any = LazyArray(context.input(role) / "skin.npy") if context.has_input(role) else None
    clips: Any = {
        condition: context.crops(f"crops {name} {condition}") for condition, number in conditions.items() if number != 0
    }
    reference: Any = context.crops(f"reference {name}")
    return TrainingRecording(recording=name, clips=clips, reference=reference, wave=wave, skin=skin)
