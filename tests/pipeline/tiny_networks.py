"""Networks and codecs of the specs in tiny_learners, imported on use only, like any plugin's networks."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import torch
from torch import nn

from rppgbench.contracts import Encoded
from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import Response
from rppgbench.learning.losses import negative_pearson


class Pulse:
    """16 weights over the mean colours of frames."""

    def __init__(self):
        self.module = nn.Sequential(nn.BatchNorm1d(3), nn.Conv1d(3, 1, 3, padding=1))
        self.loss_weights = {"wave": 1.0, "size": 0.1}

    def training_step(self, batch, context):
        return self.losses(self.respond(batch.video), batch)

    def respond(self, video):
        normal = self.module[0](video.mean((2, 3)).transpose(1, 2))  # (B, 3, T)
        return Response(
            wave=self.module[1](normal).squeeze(1),
            feature_maps={"normal": normal[..., None, None]},
            maps={"grey": video.mean(4)},
        )

    def losses(self, response, batch):
        return {"wave": negative_pearson(response.wave, batch.wave), "size": response.wave.square().mean()}

    @torch.inference_mode()
    def predict(self, video, fps_hz):
        return np.concatenate([as_array(self.respond(as_video(clip[None], self.module)).wave) for clip in video])


class Masked(Pulse):
    """One that needs skin masks."""

    def losses(self, response, batch):
        return {name: loss * (1 + batch.skin.mean()) for name, loss in super().losses(response, batch).items()}


class Drift(Pulse):
    """One whose loss is not finite at its second step."""

    def training_step(self, batch, context):
        losses = super().training_step(batch, context)
        return losses if context.step == 0 else {name: loss * torch.inf for name, loss in losses.items()}


class Mixer:
    """Mixer of colours with a learnt shade for each condition."""

    def __init__(self, n_conditions):
        self.module = nn.ModuleDict({"mix": nn.Linear(3, 3), "shade": nn.Embedding(n_conditions, 3)})
        self.loss_weights = {"mse": 1.0}

    def training_step(self, batch, context):
        shade = self.module["shade"](batch.condition)[:, None, None, None]
        return {"mse": nn.functional.mse_loss(self.restore(batch.video) + shade, batch.reference)}

    def restore(self, video):
        return video + 0.1 * self.module["mix"](video)

    @torch.inference_mode()
    def enhance(self, video):
        return as_array(self.restore(as_video(video, self.module["mix"])).clamp(0, 1))


class Same:
    def enhance(self, video):
        return video.astype(np.float32) / np.float32(255) if video.dtype == np.uint8 else video


class Brighter:
    """Every red value is higher by so many levels; nothing else is lost."""

    def __init__(self, levels):
        self.levels = levels

    def build(self):
        return "brighter 1"

    def spoil(self, pixels):
        pixels[..., 0] += np.uint8(self.levels)

    def encode(self, source, target, fps_hz, *, part=(0, None)):
        with av.open(str(source)) as given, av.open(str(target), "w", format="avi") as file:
            stream = file.add_stream("utvideo", rate=round(fps_hz))
            stream.width, stream.height, stream.pix_fmt = 32, 32, "gbrp"
            for index, frame in enumerate(given.decode(video=0)):
                pixels = frame.to_ndarray(format="rgb24")
                self.spoil(pixels)
                picture = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                picture.pts, picture.time_base = index, Fraction(1, round(fps_hz))
                file.mux(stream.encode(picture))
            file.mux(stream.encode(None))
        return Encoded(n_frames=index + 1, bitrate_bps=1e5, pix_fmt="gbrp", encoder_build=self.build(), psnr_y_db=40.0)
