"""rPPGNet of Yu, Peng, Li, Hong, Zhao, "Remote heart rate measurement from highly compressed facial videos", 2019."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rppgbench.errors import PluginError, SignalError
from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import Response, TrainingBatch, TrainingContext
from rppgbench.learning.losses import negative_pearson
from rppgbench_yu2019.convolution import halve
from rppgbench_yu2019.params import RppgnetParams
from rppgbench_yu2019.rppgnet_network import Activity, RppgNetwork

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Equation 8: alpha, beta, gamma, delta.
LOSS_WEIGHTS = {"rppg": 1.0, "mid": 0.5, "skin": 0.1, "parts": 0.5}
# How much is predicted at once: 4 s at 128 x 128, of which the widest layer of size paper makes 0.25 GB.
_CHUNK_PIXELS = 120 * 128 * 128


@dataclass(frozen=True, kw_only=True)
class RppgnetResponse(Response):
    """Also the skin branch's logits ``(B, T, h, w)``: from saturated probabilities there is no gradient."""

    skin_logits: Tensor | None


class Rppgnet:
    """A learner, and a method that an enhancer can be trained through; takes the fields of ``RppgnetParams``.

    Feature maps are "early" (after block 1, at half the clip's height and width) and "mid" (after block 3, at a
    quarter); side waves "mid" and "part1" to "part4", the quarters of the face row by row; maps "skin" (half size) and
    "attention" (quarter size), whose frames sum to 1.
    """

    def __init__(self, **params: Any) -> None:
        self.params = RppgnetParams(**params)
        self._network = RppgNetwork(self.params)
        self.module: nn.Module = self._network
        absent = {"skin": self._network.skin is None, "parts": not self._network.part_heads}
        self.loss_weights: Mapping[str, float] = {n: w for n, w in LOSS_WEIGHTS.items() if not absent.get(n, False)}

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> dict[str, Tensor]:
        return self.losses(self.respond(batch.video), batch)

    def respond(self, video: Tensor) -> RppgnetResponse:
        """Of ``(B, T, H, W, 3)`` float32 in [0, 1] or near it, with its graph.

        Raises:
            SignalError: height or width is not a multiple of 8 from 16 up.
        """
        _check_size(*video.shape[2:4])
        said: Activity = self._network(video)
        maps = {}
        logits = None
        if said.skin_logits is not None:
            logits = said.skin_logits.squeeze(-1)
            maps["skin"] = torch.sigmoid(logits.float())
        if said.attention is not None:
            weights = said.attention.squeeze(-1)
            maps["attention"] = weights / weights.sum((2, 3), keepdim=True)
        return RppgnetResponse(
            wave=said.wave,
            side_waves={"mid": said.mid, **{f"part{i}": part for i, part in enumerate(said.parts, start=1)}},
            feature_maps={
                "early": said.early_features.permute(0, 4, 1, 2, 3),
                "mid": said.mid_features.permute(0, 4, 1, 2, 3),
            },
            maps=maps,
            skin_logits=logits,
        )

    def losses(self, response: Response, batch: TrainingBatch) -> dict[str, Tensor]:
        """The terms of equations 6 and 8, unweighted, without those that the ablation lacks; "parts" is a sum.

        Raises:
            SignalError: there is a skin branch and the batch has no skin labels.
            PluginError: the response is another method's.
        """
        if not isinstance(response, RppgnetResponse):
            raise PluginError(f"rppgnet was given a {type(response).__name__}, expected what its own respond() gives")
        losses = {
            "rppg": self._distance(response.wave, batch.wave),
            "mid": self._distance(response.side_waves["mid"], batch.wave),
        }
        if response.skin_logits is not None:
            losses["skin"] = _skin_loss(response.skin_logits, batch.skin)
        parts = [wave for name, wave in response.side_waves.items() if name.startswith("part")]
        if parts:
            losses["parts"] = torch.stack([self._distance(part, batch.wave) for part in parts]).sum()
        return losses

    def predict(self, video: Any, fps_hz: float) -> NDArray[np.float32]:
        """``(B, T, H, W, 3)`` uint8, or float in [0, 1], to ``(B, T)``: what the whole clip would give, in chunks.

        Chunks overlap by all frames that an answer depends on. Only attention over space and time also depends on
        the chunk's length, as it depends in training on the clip's: each chunk is attended by itself.

        Raises:
            SignalError: not clips, or height or width is not a multiple of 8 from 16 up.
        """
        if len(video.shape) == 5:
            _check_size(*video.shape[2:4])
        was_training = self._network.training
        self._network.eval()
        try:
            with torch.inference_mode():
                waves = [torch.cat(list(self._waves(video[b : b + 1])), dim=1) for b in range(video.shape[0])]
                return as_array(torch.cat(waves))
        finally:
            self._network.train(was_training)

    def _waves(self, clip: Any) -> Iterator[Tensor]:
        """Waves ``(1, t)`` of the chunks of a clip ``(1, T, H, W, 3)``, in order and without overlap."""
        reach, T = self._network.reach_frames, clip.shape[1]
        length = max(_CHUNK_PIXELS // (clip.shape[2] * clip.shape[3]), 2 * reach)
        for start in range(0, T, length):
            first = max(start - reach, 0)
            wave = self._network(as_video(clip[:, first : start + length + reach], self._network)).wave
            yield wave[:, start - first : start - first + length]

    def _distance(self, wave: Tensor, target: Tensor) -> Tensor:
        if self.params.loss == "mse":
            return functional.mse_loss(wave.float(), target.float())
        return negative_pearson(wave, target, max_shift=self.params.max_shift)


def _skin_loss(logits: Tensor, labels: Tensor | None) -> Tensor:
    """Cross-entropy of skin against ``(B, T, H, W)`` labels, averaged over the two by two pixels of each logit."""
    if labels is None:
        raise SignalError(
            "rppgnet learns where skin is, and the training batch has no skin labels",
            hint="ask for skin_labels in the method's spec, or take ablation: base",
        )
    wanted = halve(labels.float().unsqueeze(-1)).squeeze(-1)
    with torch.autocast(logits.device.type, enabled=False):
        return functional.binary_cross_entropy_with_logits(logits.float(), wanted)


def _check_size(height: int, width: int) -> None:
    if height % 8 or width % 8 or min(height, width) < 16:
        raise SignalError(
            f"rppgnet got clips of {height} x {width} pixels, expected multiples of 8 from 16 up",
            hint="set clips.size in the protocol, for example to [128, 128]",
        )
