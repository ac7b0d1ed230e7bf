"""Encode: a recording compressed by a condition's codec."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rppgbench.contracts import CodecSpec
from rppgbench.errors import PluginError
from rppgbench.pipeline.stage import Facts, Stage, StageContext, TaskBuilder, component_settings
from rppgbench.pipeline.stage_settings import FOLDER_BYTES, ComponentSettings, StageSettings
from rppgbench.pipeline.stages.render_stage import lossless_bytes
from rppgbench.pipeline.video_input import decoding_cost

if TYPE_CHECKING:
    from rppgbench.contracts import Recording
    from rppgbench.pipeline.task import Task
    from rppgbench.protocol.resolved_component import Condition

SECONDS_PER_FRAME = 0.001
GUESSED_BPS = 8e6  # of a condition that asks for no bitrate


class EncodeSettings(StageSettings):
    """Codec, the build of its encoder, nominal frame rate, frames of the recording in the source."""

    codec: ComponentSettings
    build: str
    fps_hz: float
    frames: tuple[int, int | None]

    @property
    def cost_group(self) -> str:
        return self.codec.cost_group


def plan(graph: TaskBuilder, recording: Recording, condition: Condition) -> Task | None:
    """Task that encodes the recording; None for a condition without an encoder."""
    spec = condition.codec.spec
    if not isinstance(spec, CodecSpec):
        raise TypeError(f"{spec.name} is a {spec.kind}")
    if spec.encoder is None:
        return None
    video = graph.video(recording, None)
    bits = recording.duration_s * (condition.nominal_bps or GUESSED_BPS)
    return graph.task(
        STAGE,
        EncodeSettings(
            codec=component_settings(condition.codec),
            build=graph.encoder_build(condition),
            fps_hz=recording.fps_hz,
            frames=video.part,
        ),
        {"video": video.key},
        decoding_cost(
            recording,
            graph.frame_pixels(recording),
            SECONDS_PER_FRAME,
            spec.seconds_per_megapixel * condition.codec.params.cost_factor(),
            # Encoders are let off 5 %, and the file has an index.
            bytes_out=FOLDER_BYTES + (lossless_bytes(graph, recording) if spec.lossless else 1.12 * bits / 8),
            bytes_in=video.bytes_in,
            bytes_per_pixel=spec.memory_bytes_per_pixel,
        ),
        recording=recording,
        details=condition.id,
        local=video.local,
        components=[spec],
    )


def run(context: StageContext[EncodeSettings]) -> Facts:
    """Write ``video.mp4``; rate, PSNR and build are in the facts.

    Raises:
        PluginError: this machine's encoder is another build than the plan's.
    """
    settings = context.settings
    codec = context.component(settings.codec)
    if (build := codec.build()) != settings.build:
        raise PluginError(
            f"the encoder here is {build}, not {settings.build}",
            hint="install the same versions on every host, or share one environment; after an update start anew",
        )
    target = context.folder / "video.mp4"
    encoded = codec.encode(context.video(), target, settings.fps_hz, part=settings.frames)
    return {"file": target.name, **asdict(encoded)}


STAGE = Stage(name="encode", position=50, settings=EncodeSettings, plan=plan, run=run)
