"""rPPGNet: Yu, Peng, Li, Hong, Zhao, "Remote heart rate measurement from highly compressed facial videos", ICCV 2019.

Written from section 3.2, Figure 2 and Table 1, in their order: sizes, input, the network from pixels to waves, its
(2+1)-D convolutions, the skin branch, the attention (equation 7), the heads of the face and of its parts, and last the
learner with its losses (equations 5, 6 and 8) and its prediction of long clips. Params are in ``__init__.py``.

Clips are ``(B, T, H, W, C)`` throughout; time is never strided, so T frames in are T samples out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rppgbench.errors import PluginError, SignalError
from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import Response, TrainingBatch, TrainingContext
from rppgbench.learning.losses import negative_pearson
from rppgbench_yu2019 import AttentionOver, Normalisation, RppgnetParams, Size
from rppgbench_yu2019.convolution import SpatialConv, TemporalConv, as_frames, from_frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# --- sizes (Table 1) -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Architecture:
    """Widths and depths: ``blocks`` holds the channels out of each (2+1)-D convolution of each block."""

    stem: int
    blocks: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    skin: tuple[int, int]
    normalise: Normalisation
    equal_cost: bool  # mid channels that give a (2+1)-D convolution the weights of a 3-D one, else as many as come out
    shared_head: bool  # the first part is read by the head of the whole face


# Table 1 fixes the channels of the stem and of the last block. Two convolutions a block, as many mid channels as come
# out, biases in all convolutions and affine norms make 391,791 parameters. The released network has seven convolutions
# and 550,266 parameters, and 513 more in two layers that it never calls: 550,779.
_RELEASED = ((32, 32), (64,), (64,), (64, 64, 64))
ARCHITECTURES: Mapping[Size, Architecture] = {
    "paper": Architecture(32, ((64, 64),) * 4, (16, 8), normalise="affine", equal_cost=False, shared_head=False),
    "released": Architecture(16, _RELEASED, (16, 8), normalise="affine", equal_cost=True, shared_head=True),
    "small": Architecture(8, ((16, 16),) * 4, (8, 4), normalise="temporal", equal_cost=False, shared_head=False),
}


# --- input -----------------------------------------------------------------------------------------------------------

# Frames on either side in a pixel's mean: a training clip's worth in all. Over a whole recording a pixel wanders
# further from its mean than training ever showed.
_MEAN_REACH_FRAMES = 32
# The pulse is about half a percent of a pixel's brightness: this brings it to the order of one.
_SCALE = 100.0
# What motion does to a pixel is a hundred times that, and would be all that a batch norm sees.
_LIMIT = 5.0
_DARKEST = 0.05  # darker than this there is more noise than pulse


def affine(video: Tensor) -> Tensor:
    """Pixels in [-1, 1] from pixels in [0, 1], the same whatever the clip: no effect of an enhancer is hidden."""
    return 2 * video - 1


def temporal(video: Tensor) -> Tensor:
    """Each pixel's relative change against its own mean over about two seconds around each frame, in percent.

    Clamped to 5 %. Colour and lasting light are gone: the network need not find half a percent beneath them.
    In float32 whatever the precision around it.
    """
    with torch.autocast(video.device.type, enabled=False):
        video = video.float()
        mean = _moving_mean(video).clamp_min(_DARKEST)
        return (_SCALE * (video / mean - 1)).clamp(-_LIMIT, _LIMIT)


def _moving_mean(video: Tensor) -> Tensor:
    """Means over frames t - 32 to t + 32, over fewer at the ends: ``(B, T, H, W, C)`` to the same shape."""
    B, T, _, _, _ = video.shape
    frames = torch.arange(T, device=video.device)
    band = ((frames - frames[:, None]).abs() <= _MEAN_REACH_FRAMES).float()
    # A product with a band matrix is many times faster than sums that slide. Some GPUs multiply in ten bits, which the
    # pulse would not survive: so what does not move stays out of the product. Whatever it is, it cancels.
    still = video.detach().mean(1, keepdim=True)
    moving = torch.matmul(band / band.sum(1, keepdim=True), (video - still).reshape(B, T, -1))
    return still + moving.view(video.shape)


# By name in the params: the function, and the frames on either side that a frame of its output depends on.
INPUTS: Mapping[Normalisation, tuple[Callable[[Tensor], Tensor], int]] = {
    "affine": (affine, 0),
    "temporal": (temporal, _MEAN_REACH_FRAMES),
}


# --- the network (section 3.2, Figure 2) -----------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class RppgnetResponse(Response):
    """A response with the skin branch's logits ``(B, T, h, w)``: from saturated probabilities there is no gradient."""

    skin_logits: Tensor | None


class RppgNetwork(nn.Module):
    """Four blocks of (2+1)-D convolutions at 1/2, 1/4, 1/4 and 1/8 of the input's height and width.

    The skin branch follows block 1, the mid head block 3, the heads of the whole face and of its quarters block 4.
    Attention stands before blocks 3 and 4 (Figure 2), or before the heads alone. A frame of the answer depends on
    ``reach_frames`` frames on either side of it.
    """

    def __init__(self, params: RppgnetParams) -> None:
        super().__init__()
        sizes = ARCHITECTURES[params.size]
        self._prepare, input_reach_frames = INPUTS[params.normalise or sizes.normalise]
        self.reach_frames = input_reach_frames + sum(len(widths) for widths in sizes.blocks)
        self.stem = ConvNormRelu(SpatialConv(3, sizes.stem, 5))
        entries = (sizes.stem, *(widths[-1] for widths in sizes.blocks[:-1]))
        self.blocks = nn.ModuleList(
            _block((entry, *widths), sizes.equal_cost) for entry, widths in zip(entries, sizes.blocks, strict=True)
        )
        self.skin = SkinBranch(sizes.blocks[0][-1], sizes.skin) if params.ablation != "base" else None
        self.head = nn.Linear(sizes.blocks[3][-1], 1)
        self.mid_head = nn.Linear(sizes.blocks[2][-1], 1)
        n_parts = 4 - sizes.shared_head if params.ablation in ("base+skin+parts", "full") else 0
        self.part_heads = nn.ModuleList(nn.Linear(sizes.blocks[3][-1], 1) for _ in range(n_parts))
        self._shared_head = sizes.shared_head
        self._attends = params.ablation in ("base+skin+atten", "full")
        in_backbone = params.attention_in_backbone
        self._in_backbone = params.size != "released" if in_backbone is None else in_backbone
        self._over = params.attention

    def forward(self, video: Tensor) -> RppgnetResponse:
        """Waves, maps and features of ``(B, T, H, W, 3)`` pixels in [0, 1]; without those of absent branches."""
        early: Tensor = self.blocks[0](halve(self.stem(self._prepare(video))))  # (B, T, H / 2, W / 2, C)
        logits = skin = skin_quarter = skin_eighth = None
        if self.skin is not None:
            logits = self.skin(early)  # (B, T, H / 2, W / 2, 1)
            skin = torch.sigmoid(logits.float())
            skin_quarter = halve(skin)
            skin_eighth = halve(skin_quarter)
        # Figure 2: attention before blocks 3 and 4; in the released network, before the heads of blocks 3 and 4.
        seen, backbone_weights = self._attend(self.blocks[1](halve(early)), skin_quarter, at_head=False)
        mid: Tensor = self.blocks[2](seen)  # (B, T, H / 4, W / 4, C)
        mid_seen, head_weights = self._attend(mid, skin_quarter, at_head=True)
        seen, _ = self._attend(halve(mid), skin_eighth, at_head=False)
        deep: Tensor = self.blocks[3](seen)  # (B, T, H / 8, W / 8, C)
        deep_seen, _ = self._attend(deep, skin_eighth, at_head=True)

        maps = {} if skin is None else {"skin": skin.squeeze(-1)}
        weights = head_weights if backbone_weights is None else backbone_weights
        if weights is not None:
            maps["attention"] = (weights / weights.sum((2, 3), keepdim=True)).squeeze(-1)
        return RppgnetResponse(
            wave=_read(self.head, deep_seen),
            side_waves={"mid": _read(self.mid_head, mid_seen), **self._read_parts(deep_seen)},
            feature_maps={"early": early.permute(0, 4, 1, 2, 3), "mid": mid.permute(0, 4, 1, 2, 3)},
            maps=maps,
            skin_logits=None if logits is None else logits.squeeze(-1),
        )

    def _attend(self, features: Tensor, skin: Tensor | None, *, at_head: bool) -> tuple[Tensor, Tensor | None]:
        """Features and their weights where attention stands in this place; else the features as they are, and None."""
        if not self._attends or skin is None or at_head == self._in_backbone:
            return features, None
        weights = attention(features, skin, self._over)
        return attend(features, weights, self._over), weights

    def _read_parts(self, deep: Tensor) -> dict[str, Tensor]:
        """``(B, T)`` waves "part1" to "part4" of the four quarters of the face, row by row (N = 4)."""
        if not self.part_heads:
            return {}
        heads = [self.head, *self.part_heads] if self._shared_head else self.part_heads
        row, column = deep.shape[2] // 2, deep.shape[3] // 2
        quarters = [half for band in deep.tensor_split((row,), 2) for half in band.tensor_split((column,), 3)]
        return {
            f"part{i}": _read(head, quarter)
            for i, (head, quarter) in enumerate(zip(heads, quarters, strict=True), start=1)
        }


def _read(head: nn.Linear, features: Tensor) -> Tensor:
    """The mean over pixels through a 1x1x1 convolution: ``(B, T, H, W, C)`` to ``(B, T)``.

    Written out, or autocast would not leave it in float32: a wave of eight bits has steps.
    """
    return (features.mean((2, 3), dtype=torch.float32) * head.weight).sum(-1) + head.bias


# --- (2+1)-D convolutions (Tran et al., CVPR 2018) -------------------------------------------------------------------


class ChannelNorm(nn.BatchNorm2d):
    """Batch normalisation of every channel over ``(B, T, H, W)``, of clips ``(B, T, H, W, C)``."""

    def forward(self, input: Tensor) -> Tensor:
        return from_frames(super().forward(as_frames(input)), input.shape[0])

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """``(C,)`` twice: the norm outside training, from its running statistics."""
        assert self.running_mean is not None and self.running_var is not None  # this class always tracks them
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        return scale, self.bias - self.running_mean * scale


class ConvNormRelu(nn.Module):
    """A convolution, its batch normalisation and a ReLU.

    Outside training the norm is a scale and a shift, taken up by the weights: one pass over the clip less.
    """

    def __init__(self, conv: SpatialConv | TemporalConv) -> None:
        super().__init__()
        self.conv = conv
        self.norm = ChannelNorm(conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            return _relu(self.norm(self.conv(x)))
        scale, shift = self.norm.scale_and_shift()
        bias = shift if self.conv.bias is None else self.conv.bias * scale + shift
        return _relu(self.conv.convolve(x, self.conv.weight * scale.view(-1, 1, 1, 1, 1), bias))


class SpatioTemporalConv(nn.Sequential):
    """1x3x3 into ``mid`` channels, then 3x1x1, norm and ReLU after each."""

    def __init__(self, cin: int, mid: int, cout: int) -> None:
        super().__init__(ConvNormRelu(SpatialConv(cin, mid, 3)), ConvNormRelu(TemporalConv(mid, cout, 3)))


def _block(widths: tuple[int, ...], equal_cost: bool) -> nn.Sequential:
    return nn.Sequential(
        *(
            SpatioTemporalConv(cin, 27 * cin * cout // (9 * cin + 3 * cout) if equal_cost else cout, cout)
            for cin, cout in pairwise(widths)
        )
    )


def halve(x: Tensor) -> Tensor:
    """Mean of every two by two pixels: ``(B, T, H, W, C)`` to ``(B, T, H / 2, W / 2, C)``."""
    return from_frames(functional.avg_pool2d(as_frames(x), 2), x.shape[0])


def _relu(x: Tensor) -> Tensor:
    """In place where there is no graph: with one, an operation in place on a view costs the gradient a copy."""
    return functional.relu(x, inplace=not torch.is_grad_enabled())


# --- skin and attention (section 3.2) --------------------------------------------------------------------------------


class SkinBranch(nn.Module):
    """Logits of skin from early features: spatial and channel-wise convolutions with a residual connection.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T, H, W, 1)``.
    """

    def __init__(self, cin: int, widths: tuple[int, int]) -> None:
        super().__init__()
        wide, narrow = widths
        self.main = nn.Sequential(
            ConvNormRelu(SpatialConv(cin, wide, 3)),
            ConvNormRelu(SpatialConv(wide, narrow, 3)),
        )
        self.residual = ConvNormRelu(SpatialConv(cin, narrow, 1))
        self.logit = SpatialConv(narrow, 1, 3)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.logit(self.main(features) + self.residual(features))
        return logits


def attention(features: Tensor, skin: Tensor, over: AttentionOver) -> Tensor:
    """Equation 7: the softmax of mean and maximum over channels, both through a sigmoid, and the probability of skin.

    In float32 whatever the precision around it.

    Args:
        features: ``(B, T, H, W, C)``.
        skin: ``(B, T, H, W, 1)`` probabilities.
        over: The sum of 1: each frame, or the whole clip.

    Returns:
        ``(B, T, H, W, 1)``.
    """
    mean, largest = features.mean(-1, keepdim=True, dtype=torch.float32), features.amax(-1, keepdim=True).float()
    evidence = torch.sigmoid(mean) + torch.sigmoid(largest) + skin
    return evidence.flatten(2 if over == "spatial" else 1).softmax(-1).view(evidence.shape)


def attend(features: Tensor, weights: Tensor, over: AttentionOver) -> Tensor:
    """Features by their attention, brought to a mean of 1: the next layer gets them at their usual scale."""
    _, T, H, W, _ = weights.shape
    n_summed = H * W if over == "spatial" else T * H * W
    return features * (weights * n_summed).to(features.dtype)


# --- learning and prediction -----------------------------------------------------------------------------------------

# Equation 8: alpha, beta, gamma, delta.
LOSS_WEIGHTS = {"rppg": 1.0, "mid": 0.5, "skin": 0.1, "parts": 0.5}
# Pixels predicted at once: 4 s at 128 x 128, of which the widest layer of size paper makes 0.25 GB.
_CHUNK_PIXELS = 120 * 128 * 128


class Rppgnet:
    """A learner, and a method to train an enhancer through; takes the fields of ``RppgnetParams``.

    Feature maps are "early" (after block 1, at half the clip's height and width) and "mid" (after block 3, at a
    quarter); side waves "mid" and "part1" to "part4", the quarters of the face row by row; maps "skin" (half size) and
    "attention" (quarter size, each frame with a sum of 1).
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
        """The response to ``(B, T, H, W, 3)`` float32 in [0, 1] or near it, with its graph.

        Raises:
            SignalError: height or width is not a multiple of 8 from 16 up.
        """
        _check_size(*video.shape[2:4])
        response: RppgnetResponse = self._network(video)
        return response

    def losses(self, response: Response, batch: TrainingBatch) -> dict[str, Tensor]:
        """The terms of equations 6 and 8, unweighted, without those of absent branches; "parts" is a sum.

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

    def _distance(self, wave: Tensor, target: Tensor) -> Tensor:
        """Equation 5, the negative Pearson correlation, or the squared error in its place."""
        if self.params.loss == "mse":
            return functional.mse_loss(wave.float(), target.float())
        return negative_pearson(wave, target, max_shift=self.params.max_shift)

    def predict(self, video: Any, fps_hz: float) -> NDArray[np.float32]:
        """``(B, T)`` waves of ``(B, T, H, W, 3)`` uint8, or float in [0, 1]: those of whole clips, in chunks.

        Chunks overlap by the full reach of an answer. Only attention over space and time also depends on the chunk's
        length, as it depends in training on the clip's: each chunk is attended by itself.

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
