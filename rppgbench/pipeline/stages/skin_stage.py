"""Skin: masks of the skin in the reference's face clips, for methods that learn them as a second task."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, StageSettings, TaskCost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task

SECONDS_PER_WINDOW = 0.2
FRAMES_AT_ONCE = 64


class SkinMaskSettings(StageSettings):
    """The skin classifier's threshold."""

    skin_threshold: float


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that marks the skin in the recording's reference clips."""
    crops = graph.need("crop", recording, graph.protocol.reference)
    return graph.task(
        STAGE,
        SkinMaskSettings(skin_threshold=graph.protocol.clips.skin.threshold),
        {"crops": crops.key},
        TaskCost(
            seconds=SECONDS_PER_WINDOW * max(graph.windows(recording).n_windows, 1),
            bytes_out=FOLDER_BYTES + crops.bytes_out / 3,
        ),
        recording=recording,
    )


def run(context: StageContext[SkinMaskSettings]) -> Facts:
    """Write ``skin.npy``, ``(T, H, W)`` bool."""
    from rppgbench.media.skin import skin_mask

    crops = context.crops("crops")
    header = {"descr": "|b1", "fortran_order": False, "shape": crops.shape[:3]}
    n_skin = 0
    with (context.folder / "skin.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, len(crops), FRAMES_AT_ONCE):
            masks = skin_mask(crops[first : first + FRAMES_AT_ONCE], context.settings.skin_threshold)
            file.write(masks.tobytes())
            n_skin += int(masks.sum())
    return {"skin_share": n_skin / math.prod(crops.shape[:3]) if len(crops) else 0.0}


STAGE = Stage(name="skin", position=100, settings=SkinMaskSettings, plan=plan, run=run, transient=True)
