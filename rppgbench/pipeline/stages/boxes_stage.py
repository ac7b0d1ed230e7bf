"""Boxes: positions of the face in the reference video, every few tenths of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, StageSettings
from rppgbench.pipeline.video_input import decoding_cost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.media.box import Box
    from rppgbench.pipeline.task import Task

SECONDS_PER_FRAME, SECONDS_PER_MEGAPIXEL = 0.0012, 0.0002


class BoxesSettings(StageSettings):
    """Face detector, seconds from detection to detection, frames of the recording in the file."""

    detector: str
    every_s: float
    frames_are_skin: bool
    frames: tuple[int, int | None]


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that finds the face on the reference, whatever the condition: a detector's failure is no codec's effect."""
    face = graph.protocol.clips.face
    video = graph.video(recording, graph.protocol.reference)
    return graph.task(
        STAGE,
        BoxesSettings(
            detector=face.detector,
            every_s=face.every_s,
            frames_are_skin=recording.frames_are_skin,
            frames=video.part,
        ),
        {"video": video.key},
        decoding_cost(
            recording,
            graph.frame_pixels(recording),
            SECONDS_PER_FRAME,
            SECONDS_PER_MEGAPIXEL,
            bytes_out=FOLDER_BYTES + 200 * recording.duration_s / face.every_s,
            bytes_in=video.bytes_in,
        ),
        recording=recording,
        local=video.local,
    )


def run(context: StageContext[BoxesSettings]) -> Facts:
    """Write ``boxes.json``, a track of face boxes; the share of detections with a face is in the facts."""
    from rppgbench.media import face_detection

    settings = context.settings
    if settings.frames_are_skin:
        track = face_detection.whole_frame(context.video())
    else:
        track = face_detection.find_faces(
            context.video(), detector=settings.detector, every_s=settings.every_s, part=settings.frames
        )
    (context.folder / "boxes.json").write_text(track.to_json(), encoding="utf-8")
    return {"found_share": track.found_share}


def read_box(context: StageContext[StageSettings], margin: float) -> Box:
    """The one box of the whole recording, from the input "boxes"."""
    from rppgbench.media.face_detection import FaceTrack

    return FaceTrack.from_json((context.input("boxes") / "boxes.json").read_text(encoding="utf-8")).fixed(margin)


STAGE = Stage(name="boxes", position=40, settings=BoxesSettings, plan=plan, run=run)
