"""Boxes: where the face is in the reference video, every few tenths of a second."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, decoding_bytes, n_frames
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, StageSettings, TaskCost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.media.box import Box
    from rppgbench.pipeline.task import Task

SECONDS_PER_FRAME, SECONDS_PER_MEGAPIXEL = 0.0012, 0.0002


class BoxesSettings(StageSettings):
    """Face detector, the seconds between its looks, frames of the file that count."""

    detector: str
    every_s: float
    frames_are_skin: bool
    frames: tuple[int, int | None]


def plan(graph: TaskBuilder, recording: Recording) -> Task:
    """Task that finds the face on the reference, whatever the condition: a detector's failure is no codec's effect."""
    face = graph.protocol.clips.face
    video, local, encoded = graph.video(recording, graph.protocol.reference)
    pixels, frames = graph.frame_pixels(recording), n_frames(recording)
    return graph.task(
        STAGE,
        BoxesSettings(
            detector=face.detector,
            every_s=face.every_s,
            frames_are_skin=recording.frames_are_skin,
            frames=(0, None) if encoded else recording.part,
        ),
        {"video": video},
        TaskCost(
            seconds=frames * (SECONDS_PER_FRAME + SECONDS_PER_MEGAPIXEL * pixels / 1e6),
            bytes_out=FOLDER_BYTES + 200 * recording.duration_s / face.every_s,
            bytes_in=graph.video_bytes(local),
            memory_bytes=decoding_bytes(pixels),
        ),
        recording=recording,
        local=local,
    )


def run(context: StageContext[BoxesSettings]) -> Facts:
    """Write ``boxes.json``, a track of face boxes; the share of looks that found one is in the facts."""
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


def read_box(context: StageContext[Any], margin: float) -> Box:
    """The one box that all frames of the recording are cut by, from the input in the role "boxes"."""
    from rppgbench.media.face_detection import FaceTrack

    return FaceTrack.from_json((context.input("boxes") / "boxes.json").read_text(encoding="utf-8")).fixed(margin)


STAGE = Stage(name="boxes", position=40, settings=BoxesSettings, plan=plan, run=run)
