"""STVEN: Yu, Peng, Li, Hong, Zhao, "Remote heart rate measurement from highly compressed facial videos", ICCV 2019.

Written from section 3.1, Figure 2 and Table 1. One generator translates a clip into any of the conditions of
its training; to enhance is to ask it for the reference. There is no adversary: it learns from pairs, both ways and
around. In order: sizes, the generator of Table 1, its layers, the learner with its losses (equations 3 and 4), and long
clips. Params are in ``__init__.py``.

Clips are ``(B, T, H, W, C)`` throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from rppgbench.errors import PluginError, SignalError
from rppgbench.learning.inference import as_array, as_video
from rppgbench.learning.learner import TrainingBatch, TrainingContext
from rppgbench_yu2019 import Labels, Size
from rppgbench_yu2019.convolution import SpatialConv, TemporalConv, as_columns, as_frames, from_columns, from_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

# --- sizes (Table 1) -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Design:
    """Widths, depths and kernels of a generator; the defaults are the paper's.

    ``widths`` are the channels at full, half and quarter size. A block is ``sets`` (2+1)-D convolutions. Between
    their two kernels are as many channels as behind or, if ``matched``, enough for as many weights as a 3x3x3 kernel
    has (Tran et al., CVPR 2018, section 3.5); ``bare`` ones have no norm and ReLU behind. ``taps`` are the
    frames under the first two kernels, ``size`` is the width of the first and the last one. ``factorised`` kernels
    halve and double size and frames in two steps, not in one of 4x4x4. Without ``temporal`` every kernel sees one
    frame, and no frames are left out on the way.

    ``labels`` are the condition's way in: ``planes`` of ones and zeros beside the colours, as printed, though a
    plane adds a constant to a channel, and the first norm takes it away again but at the clip's borders; or ``shifts``
    of every norm.
    """

    widths: tuple[int, int, int] = (64, 128, 512)
    blocks: int = 6
    sets: int = 2
    matched: bool = False
    bare: bool = False
    bias: bool = True
    taps: int = 3
    size: int = 7
    factorised: bool = False
    temporal: bool = True
    labels: Labels = "planes"


PAPER = Design()
# The authors' network has batch norms in its blocks; here they are the instance norms of the paper's text, which have
# as many weights and make training and use the same.
RELEASED = Design(blocks=4, sets=1, matched=True, bare=True, bias=False)
# Under the paper's losses a network this shallow with planes for labels stays the identity: away from the borders it
# cannot distinguish the two directions, and the cycles punish whatever it does to both.
SMALL = Design(widths=(8, 16, 32), blocks=2, sets=1, bias=False, taps=1, size=3, factorised=True, labels="shifts")

DESIGNS: Mapping[Size, Design] = {"paper": PAPER, "released": RELEASED, "small": SMALL}

# Kernels that see one frame have fewer weights; the channels make up for it. With four conditions: 46,767,243 for
# 46,776,451 weights (paper), 37,377,816 for 37,317,376 (released), 52,880 for 54,848 (small).
SPATIAL_DESIGNS: Mapping[Size, Design] = {
    "paper": replace(PAPER, widths=(80, 160, 600), temporal=False),
    "released": replace(RELEASED, widths=(72, 144, 616), temporal=False),
    "small": replace(SMALL, widths=(8, 24, 32), temporal=False),
}


# --- the generator (section 3.1, Table 1) ----------------------------------------------------------------------------


class Generator(nn.Module):
    """Clips under the conditions asked for, from clips under any condition.

    It is the identity exactly as long as it has learnt nothing: the last convolution starts at zero, and the clip
    itself is added to its output. Neither is in the paper.

    Shape:
        ``(B, T, H, W, 3)`` and ``(B,)``, from 0 (the reference) to n_conditions - 1, to ``(B, T, H, W, 3)``.
    """

    def __init__(self, design: Design, n_conditions: int) -> None:
        super().__init__()
        self.design = design
        self.n_conditions = n_conditions
        planes = design.labels == "planes"
        bias, (full, half, quarter) = design.bias, design.widths
        taps = design.taps if design.temporal else 1

        def norm(channels: int) -> NormRelu:
            return NormRelu(channels, None if planes else n_conditions)

        # Layers draw their weights as they are made: in this order, or a seed would mean another network.
        conv_3 = _halving(half, quarter, design)
        self.shrink = Conditioned(
            _convolution(3 + n_conditions * planes, full, taps, design.size, stride=(1, 1), bias=bias),  # Conv 1
            norm(full),
            _convolution(full, half, taps, 4, stride=(1, 2), bias=bias),  # Conv 2
            norm(half),
            conv_3,  # (B, T / 2, H / 4, W / 4, quarter)
            norm(quarter),
        )
        self.blocks = Conditioned(  # ST Block: the same shape
            *(layer for _ in range(design.blocks * design.sets) for layer in _two_plus_one(design, norm))
        )
        self.grow = Conditioned(
            _doubling(quarter, half, design),  # DConv 1
            norm(half),
            SpatialDeconv(half, full, bias=bias),  # DConv 2: (B, T, H, W, full)
            norm(full),
        )
        self.last = SpatialConv(full, 3, design.size, bias=bias)  # DConv 3, at stride 1 the same as a convolution
        for parameter in self.last.parameters():
            nn.init.zeros_(parameter)

    def forward(self, video: Tensor, condition: Tensor) -> Tensor:
        _check_size(video)
        x = _even(video) if self.design.temporal else video
        if self.design.labels == "planes":
            x = _with_planes(x, condition, self.n_conditions)
        for part in (self.shrink, self.blocks, self.grow):
            x = part(x, condition)
        return torch.tanh(self.last(x)[:, : video.shape[1]]) + video


def _halving(cin: int, cout: int, design: Design) -> nn.Module:
    """Conv 3: half the frames, rows and columns by a kernel of 4x4x4, or by 1x4x4, then 4x1x1."""
    if not design.temporal:
        return SpatialConv(cin, cout, 4, stride=2, bias=design.bias)
    if not design.factorised:
        return VolumeConv(cin, cout, 4, 4, stride=(2, 2), bias=design.bias)
    return nn.Sequential(
        SpatialConv(cin, cout, 4, stride=2, bias=False), TemporalConv(cout, cout, 4, stride=2, bias=design.bias)
    )


def _doubling(cin: int, cout: int, design: Design) -> nn.Module:
    """DConv 1: twice the frames, rows and columns by a kernel of 4x4x4, or by 4x1x1, then 1x4x4."""
    if not design.temporal:
        return SpatialDeconv(cin, cout, bias=design.bias)
    if not design.factorised:
        return VolumeDeconv(cin, cout, bias=design.bias)
    return nn.Sequential(TemporalDeconv(cin, cin, bias=False), SpatialDeconv(cin, cout, bias=design.bias))


def _two_plus_one(design: Design, norm: Callable[[int], NormRelu]) -> list[nn.Module]:
    """One set of a block, a (2+1)-D convolution: 1x3x3, then 3x1x1."""
    channels = design.widths[2]
    mid = 27 * channels**2 // (9 * channels + 3 * channels) if design.matched else channels
    temporal = TemporalConv(mid, channels, 3 if design.temporal else 1)
    behind = [] if design.bare else [norm(channels)]
    return [SpatialConv(channels, mid, 3), norm(mid), temporal, *behind]


def _with_planes(video: Tensor, condition: Tensor, n_conditions: int) -> Tensor:
    """The clips with a plane of ones or zeros for each condition behind their colours."""
    labels = condition[:, None] == torch.arange(n_conditions, device=video.device)
    planes = labels.to(video.dtype)[:, None, None, None].expand(*video.shape[:4], -1)
    return torch.cat([video, planes], dim=4)


def _even(video: Tensor) -> Tensor:
    """The clips with their last frame once more if their frames are odd in number: the network halves them."""
    return torch.cat([video, video[:, -1:]], dim=1) if video.shape[1] % 2 else video


def _check_size(video: Tensor) -> None:
    H, W = video.shape[2:4]
    if H % 4 or W % 4 or min(H, W) < 8:
        raise SignalError(
            f"STVEN got frames of {H} x {W}, expected rows and columns in multiples of 4, from 8 on",
            hint="change clips.size in the protocol",
        )


# --- layers ----------------------------------------------------------------------------------------------------------


class NormRelu(nn.Module):
    """Instance normalisation with scale and shift, of every channel over the frames and pixels of its clip, and a ReLU.

    It keeps no running statistics, so training and use are the same, and no clip depends on another one. With
    ``n_conditions`` each condition has shifts of its own (conditional instance normalisation, Dumoulin et al., 2017).

    Shape:
        ``(B, T, H, W, C)`` and conditions ``(B,)`` to ``(B, T, H, W, C)``.
    """

    def __init__(self, channels: int, n_conditions: int | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        # Shifts of the norm's own scale: at zero, all conditions would begin as one and stay together for long.
        shifts = torch.zeros(channels) if n_conditions is None else torch.randn(n_conditions, channels)
        self.bias = nn.Parameter(shifts)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shifts = self.bias.expand(len(x), -1) if self.bias.ndim == 1 else self.bias[condition]
        clips = [self._of_one(clip, shift) for clip, shift in zip(torch.split(x, 1), shifts, strict=True)]
        return torch.cat(clips) if len(clips) > 1 else clips[0]

    def _of_one(self, clip: Tensor, shift: Tensor) -> Tensor:
        # torch's instance norm wants colour first and copies twice; its batch norm of a batch of one clip does not.
        normed = functional.batch_norm(as_frames(clip), None, None, self.weight, shift, training=True)
        return from_frames(functional.relu(normed, inplace=True), 1)


class Conditioned(nn.Sequential):
    """Layers one after the other; the norms among them get the condition, too."""

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:  # type: ignore[override]
        for layer in self:
            x = layer(x, condition) if isinstance(layer, NormRelu) else layer(x)
        return x


def _convolution(cin: int, cout: int, taps: int, size: int, *, stride: tuple[int, int], bias: bool) -> nn.Conv3d:
    """A convolution of ``taps`` frames by ``size`` by ``size`` pixels, run in two dimensions if it sees one frame."""
    if taps == 1:
        return SpatialConv(cin, cout, size, stride=stride[1], bias=bias)
    return VolumeConv(cin, cout, taps, size, stride=stride, bias=bias)


class VolumeConv(nn.Conv3d):
    """``nn.Conv3d`` with a kernel in time and space; ``taps`` frames by ``size`` by ``size`` pixels.

    Shape:
        ``(B, T, H, W, cin)`` to ``(B, T / stride[0], H / stride[1], W / stride[1], cout)``.
    """

    def __init__(self, cin: int, cout: int, taps: int, size: int, *, stride: tuple[int, int], bias: bool) -> None:
        steps, padding = (stride[0], stride[1], stride[1]), ((taps - 1) // 2, (size - 1) // 2, (size - 1) // 2)
        super().__init__(cin, cout, (taps, size, size), stride=steps, padding=padding, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1).contiguous()


class VolumeDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 4x4x4 to twice the frames, rows and columns: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, 4, stride=2, padding=1, bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        return super().forward(input.permute(0, 4, 1, 2, 3), output_size).permute(0, 2, 3, 4, 1).contiguous()


class SpatialDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 1x4x4 to twice the rows and columns: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, (1, 4, 4), stride=(1, 2, 2), padding=(0, 1, 1), bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.squeeze(2)
        frames = functional.conv_transpose2d(as_frames(input), weight, self.bias, stride=2, padding=1)
        return from_frames(frames, input.shape[0])


class TemporalDeconv(nn.ConvTranspose3d):
    """``nn.ConvTranspose3d`` of 4x1x1 to twice the frames: ``(B, T, H, W, cin)`` in."""

    def __init__(self, cin: int, cout: int, *, bias: bool) -> None:
        super().__init__(cin, cout, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0), bias=bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        weight = self.weight.squeeze(4)
        columns = functional.conv_transpose2d(as_columns(input), weight, self.bias, stride=(2, 1), padding=(1, 0))
        return from_columns(columns, input.shape[2])


# --- learning and enhancing (equations 1 to 4) -----------------------------------------------------------------------

LOSSES = ("enhance", "compress", "cycle_enhance", "cycle_compress")

# The norms make the output depend on how long a clip is: windows are as long as the paper's clips.
WINDOW_FRAMES = 64
OVERLAP_FRAMES = 16


class Stven:
    """A learner of clips under ``n_conditions`` conditions, the reference counted in; an enhancer toward the reference.

    ``labels`` are the condition's way in, see ``Design``; None is the size's own way.
    """

    designs = DESIGNS

    def __init__(self, *, n_conditions: int, size: Size = "paper", labels: Labels | None = None) -> None:
        if n_conditions < 2:
            raise PluginError(
                f"STVEN for {n_conditions} condition(s), expected 2 or more: the reference and what it is learnt from",
                hint="name at least one condition in training.enhancers_learn_from",
            )
        design = self.designs[size]
        self.module = Generator(replace(design, labels=labels or design.labels), n_conditions)
        self.loss_weights: Mapping[str, float] = dict.fromkeys(LOSSES, 1.0)
        # A pass over 64 frames of 128 x 128 holds 5.0 GB for its gradient at the paper's size, and a step has four for
        # each clip: there each is forgotten and done again when its gradient is due, to the same bits.
        self.checkpoints_passes = size != "small"

    def training_step(self, batch: TrainingBatch, context: TrainingContext) -> dict[str, Tensor]:
        """The terms of equations 3 and 4: to the reference and from it, and back again from either.

        ``cycle_enhance`` is of compressed clips, enhanced and compressed again, ``cycle_compress`` of reference clips,
        compressed and enhanced again.
        """
        compressed, reference, condition = batch.video, batch.reference, batch.condition
        if int(condition.max()) >= self.module.n_conditions:
            raise PluginError(f"STVEN knows {self.module.n_conditions} conditions, got number {int(condition.max())}")
        original = torch.zeros_like(condition)
        enhanced = self._translate(compressed, original, again=self.checkpoints_passes)
        recompressed = self._translate(reference, condition, again=self.checkpoints_passes)
        enhanced_back = self._translate(enhanced, condition, again=self.checkpoints_passes)
        recompressed_back = self._translate(recompressed, original, again=self.checkpoints_passes)
        return {
            "enhance": functional.mse_loss(enhanced, reference),
            "compress": functional.l1_loss(recompressed, compressed),
            "cycle_enhance": functional.l1_loss(enhanced_back, compressed),
            "cycle_compress": functional.l1_loss(recompressed_back, reference),
        }

    def restore(self, video: Tensor) -> Tensor:
        """The clips under the reference condition, whatever their own (equation 1), not clamped."""
        original = torch.zeros(len(video), dtype=torch.int64, device=video.device)
        return self._translate(video, original, again=False)

    @torch.inference_mode()
    def enhance(self, video: Any) -> NDArray[np.float32]:
        """``(B, T, H, W, 3)`` in [0, 1], clip by clip, from the same shape in uint8, or float in [0, 1]."""

        def process(window: Any) -> NDArray[np.float32]:
            return as_array(self.restore(as_video(window, self.module)))

        enhanced = in_windows(process, video, length=WINDOW_FRAMES, overlap=OVERLAP_FRAMES)
        return enhanced.clip(0, 1, out=enhanced)

    def _translate(self, video: Tensor, condition: Tensor, *, again: bool) -> Tensor:
        """The generator's output, one clip at a time: norms are of single clips, so memory is needed for one only.

        With ``again`` activations are not kept for the gradient, and computed once more when it is due.
        """
        clips = zip(torch.split(video, 1), torch.split(condition, 1), strict=True)
        if not again:
            return torch.cat([self.module(clip, wanted) for clip, wanted in clips])
        return torch.cat(
            [
                checkpoint(self.module, clip, wanted, use_reentrant=False, preserve_rng_state=False)
                for clip, wanted in clips
            ]
        )


class StvenSpatial(Stven):
    """STVEN without a kernel over more than one frame, as many weights spent on channels: the control of its time.

    Frames of a window still share the mean and variance of its norms.
    """

    designs = SPATIAL_DESIGNS


# --- long clips ------------------------------------------------------------------------------------------------------


def in_windows(
    process: Callable[[Any], NDArray[np.float32]], video: Any, *, length: int, overlap: int
) -> NDArray[np.float32]:
    """Each clip processed window by window, one at a time, cross-faded where windows overlap.

    Args:
        process: ``(1, t, H, W, C)`` to the same shape, t frames being ``length``, or all of a shorter clip.
        video: ``(B, T, H, W, C)``.
        length: frames of a window.
        overlap: frames of the cross-fade from one window into the next.
    """
    B, T = video.shape[:2]
    length = min(length, T)
    weight = fade(length, overlap)
    processed = np.zeros(tuple(video.shape), np.float32)
    total = np.zeros(T, np.float32)
    starts = window_starts(T, length, overlap)
    for start in starts:
        total[start : start + length] += weight
    for b in range(B):
        for start in starts:
            stop = start + length
            share = (weight / total[start:stop])[:, None, None, None]
            processed[b, start:stop] += share * process(video[b : b + 1, start:stop])[0]
    return processed


def window_starts(n_frames: int, length: int, overlap: int) -> list[int]:
    """First frames of windows with an overlap of ``overlap`` frames, the last two with more if nothing else fits."""
    if n_frames <= length:
        return [0]
    return [*range(0, n_frames - length, length - overlap), n_frames - length]


def fade(length: int, overlap: int) -> NDArray[np.float32]:
    """``(length,)``: each frame's weight in a window. At the usual distance, the sum over windows is 1 inside."""
    rise = np.arange(1, length + 1) / (overlap + 1)
    return np.minimum(np.minimum(rise, rise[::-1]), 1).astype(np.float32)
