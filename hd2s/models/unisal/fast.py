"""UNISAL made ready to predict: folded, each frame seen once, and its interleaved sequences side by side.

Equal to the model up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.domains import DomainBatchNorm2d, GaussianPriors
from hd2s.layers.folded import Casting
from hd2s.layers.known import known_as
from hd2s.models.contract import Push
from hd2s.models.unisal.config import UnisalConfig
from hd2s.models.unisal.convgru import GATES, ConvGRU, GateInputs, GatePart, gated
from hd2s.models.unisal.decoder import (
    UPSAMPLED,
    Decoding,
    DomainUnit,
    PostCNN,
    SkipConnection,
    doubled,
    joined,
)
from hd2s.models.unisal.mobilenet import ConvNorm, InvertedResidual, MobileNetV2
from hd2s.models.unisal.smoothing import LearnedSmoothing, filtered

Frames = Callable[[Tensor], Tensor]

_HAS_FUSED = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_convolution_pointwise")


class Foldable(Protocol):
    """What of a UNISAL (`hd2s.models.unisal.model`, which imports this file) is folded."""

    config: UnisalConfig
    encoder: MobileNetV2
    priors: GaussianPriors | None
    post_cnn: PostCNN
    rnn: ConvGRU | None
    post_rnn: DomainUnit | None
    skip_2x: SkipConnection | None
    skip_4x: SkipConnection | None
    upsampling: Decoding
    post_upsampling: Decoding
    fusion: nn.ModuleDict
    smoothing: nn.ModuleDict

    def is_static(self, domain: str | None) -> bool:
        """Whether the recurrence is left out."""
        ...


class FoldedConv:
    """A convolution with its batch norm, and a ReLU6 if it is rectified.

    Args:
        conv: the convolution.
        folded: its weight and bias with the batch norm in them (`Casting.fold`).
        cast: where they live.
        rectified: whether a ReLU6 follows.
    """

    def __init__(
        self, conv: nn.Conv2d, folded: tuple[Tensor, Tensor], cast: Casting, *, rectified: bool = True
    ):
        self.weight, self.bias = map(cast.place, folded)
        self.stride, self.padding, self.groups = conv.stride, conv.padding, conv.groups
        self.rectified = rectified
        # A ReLU6 in the convolution's own pass over its output, where this PyTorch has one: it saves another.
        # What is not rectified goes the same way: on one thread PyTorch's own choice for one frame is slow.
        self.at_once = cast.device.type == "cpu" and cast.dtype == torch.float32 and _HAS_FUSED
        self.behind = ("hardtanh", [0.0, 6.0], "") if rectified else ("none", [], "")

    def __call__(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, O, H', W')."""
        if self.at_once:
            return torch.ops.mkldnn._convolution_pointwise(x, *self._arranged(x), *self.behind)
        x = F.conv2d(x, self.weight, self.bias, self.stride, self.padding, 1, self.groups)
        return x.clamp_(0, 6) if self.rectified else x

    def onto(self, x: Tensor, sum_: Tensor) -> Tensor:
        """Add the same of x, without a ReLU6, to a tensor in its place, and return that."""
        if self.at_once:
            add: tuple[object, ...] = ("add", 1.0, None, [], "")
            return torch.ops.mkldnn._convolution_pointwise_.binary(sum_, x, *self._arranged(x), *add)
        return self(x).add_(sum_)

    def _arranged(self, x: Tensor) -> tuple[object, ...]:
        """Return what a fused convolution of x is given.

        The weight is brought once into the order in which it is worked through, which takes up to half of the
        time of a convolution of one frame; the order is that for the first input, and right for any.
        """
        shape = self.padding, self.stride, (1, 1), self.groups
        if not self.weight.is_mkldnn:
            sizes = list(x.shape)
            self.weight = torch.ops.mkldnn._reorder_convolution_weight(self.weight, *shape, sizes)
        return self.weight, self.bias, *shape


class Folding:
    """What folds the parts of a model for one domain."""

    def __init__(self, cast: Casting, key: str):
        self.cast, self.key = cast, key

    def plain(self, unit: ConvNorm) -> FoldedConv:
        """Fold a unit whose batch norm is all domains'."""
        return FoldedConv(
            unit.conv, self.cast.fold(unit.conv, unit.norm), self.cast, rectified=unit.rectified
        )

    def of_domain(self, unit: DomainUnit) -> FoldedConv:
        """Fold a unit whose batch norm is the domain's."""
        folded = self.cast.fold(unit.conv, self.norm(unit.norm))
        return FoldedConv(unit.conv, folded, self.cast, rectified=unit.rectified)

    def norm(self, norm: DomainBatchNorm2d) -> nn.BatchNorm2d:
        """Return the domain's own batch norm."""
        return known_as(nn.BatchNorm2d, norm[self.key])

    def gate(self, part: GatePart) -> Frames:
        """Fold a convolution of the recurrence, its scale as well."""
        first = FoldedConv(part.depthwise, self.cast.fold(part.depthwise, self.norm(part.inner)), self.cast)
        weight, bias = self.cast.fold(part.pointwise, self.norm(part.outer))
        scale = part.scale.double()
        scaled = weight * scale[..., None], bias * scale.flatten()
        second = FoldedConv(part.pointwise, scaled, self.cast, rectified=False)
        return lambda x: second(first(x))

    def decoding(self, part: Decoding) -> Frames:
        """Fold an inverted residual of the decoder."""
        units = [self.of_domain(unit) for unit in (part.expand, part.depthwise, part.project)]
        return lambda x: _run(units, x)

    def skip(self, part: SkipConnection | None) -> Frames | None:
        """Fold a skip connection, where there is one."""
        if part is None:
            return None
        units = [self.of_domain(unit) for unit in (part.expansion, part.reduction)]
        return lambda x: _run(units, x)

    def block(self, block: InvertedResidual) -> Frames:
        """Fold a block of the encoder."""
        units = [
            self.plain(unit) for unit in (block.expand, block.depthwise, block.project) if unit is not None
        ]
        *before, last = units
        # What is added to is nobody else's.
        return (lambda x: last.onto(_run(before, x), x)) if block.residual else (lambda x: _run(units, x))


class FastUnisal:
    """A UNISAL's `hd2s.models.contract.Stream`.

    Args:
        model: the UNISAL.
        cast: where the folded weights live.
    """

    def __init__(self, model: Foldable, cast: Casting):
        config = model.config
        fold = Folding(cast, config.key(config.domain_batch_norm, cast.domain))
        self.config, self.dtype, self.static = config, cast.dtype, model.is_static(cast.domain)
        first, *blocks, last = model.encoder.features
        self.first, self.last = fold.plain(known_as(ConvNorm, first)), fold.plain(known_as(ConvNorm, last))
        known = [known_as(InvertedResidual, block) for block in blocks]
        folded = [(fold.block(block), block.tapped) for block in known]
        self.tapped = [block for block, tapped in folded if tapped]
        # Those up to the last tap, and those behind it.
        deeper = 1 + folded.index((self.tapped[-1], True))
        self.before, self.behind = (
            [block for block, _ in part] for part in (folded[:deeper], folded[deeper:])
        )
        self.priors = deepcopy(model.priors).to(cast.device) if model.priors is not None else None
        self.prior_key = config.key(config.domain_priors, cast.domain)
        self.post_cnn = [fold.plain(unit) for unit in (model.post_cnn.depthwise, model.post_cnn.pointwise)]
        self.recurrence = (
            FastGRU(model.rnn, model.post_rnn, fold, residual=config.residual)
            if model.rnn is not None and model.post_rnn is not None
            else None
        )
        self.skip_2x, self.skip_4x = fold.skip(model.skip_2x), fold.skip(model.skip_4x)
        self.upsampling, self.post_upsampling = map(fold.decoding, (model.upsampling, model.post_upsampling))
        fusion = known_as(nn.Conv2d, model.fusion[config.key(config.domain_fusion, cast.domain)])
        self.fusion = _in_full(fusion.weight, cast), _in_full(fusion.get_parameter("bias"), cast)
        self.places = None
        if config.smoothing:
            key = config.key(config.domain_smoothing, cast.domain)
            smoothing = known_as(LearnedSmoothing, model.smoothing[key])
            self.places = _in_full(smoothing.places(UPSAMPLED), cast)

    def begin(self, n_windows: int | None = None) -> Push:
        """Begin a clip; see `hd2s.models.contract.Stream`. One of a single window is a photograph."""
        static = self.static or (n_windows == 1 and self.config.bypass)
        followed = None if static or self.recurrence is None else self.recurrence.begin(self.config.step)

        def push(frames: Tensor) -> Tensor:
            x = frames[0].transpose(0, 1).to(self.dtype).contiguous(memory_format=torch.channels_last)
            # A processor's caches hold the wide layers of one frame, and not of several: 1.4 times as fast.
            # Between the last tap and the decoder frames are small, and weights large: read once for all.
            at_once = 1 if x.device.type == "cpu" else len(x)
            encoded, *taps = zip(*map(self.shallow, x.split(at_once)), strict=True)
            deep = self.deep(torch.cat(encoded))
            deep = deep if followed is None else followed(deep)
            maps = map(self.decode, deep.split(at_once), *taps)
            return self.density(torch.cat(list(maps)))

        return push

    def shallow(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map frames (N, 3, H, W) to (N, 160, H/32, W/32) and the two taps, the deeper one first."""
        x, taps = self.first(x), []
        for block in self.before:
            x = block(x)
            if block in self.tapped:
                taps.append(x)
                # A copy, since the next block adds to it in its place.
                x = x[..., ::2, ::2].contiguous(memory_format=torch.channels_last)
        return x, taps[1], taps[0]

    def deep(self, x: Tensor) -> Tensor:
        """Map (N, 160, H/32, W/32) to (N, 256, H/32, W/32)."""
        x = self.last(_run(self.behind, x))
        if self.priors is not None:
            x = self.priors(x, self.prior_key)
        return _run(self.post_cnn, x)

    def decode(self, x: Tensor, half: Tensor, quarter: Tensor) -> Tensor:
        """Map the recurrence's frames and their taps to maps (N, 1, H/8, W/8), float32."""
        x = joined([doubled(x), *([self.skip_2x(half)] if self.skip_2x else [])])
        x = doubled(self.upsampling(x))
        x = joined([x, *([self.skip_4x(quarter)] if self.skip_4x else [])])
        return F.conv2d(self.post_upsampling(x).float(), *self.fusion)

    def density(self, x: Tensor) -> Tensor:
        """Map (N, 1, H/8, W/8) to densities, float32 (N, H, W)."""
        x = (
            F.interpolate(x, scale_factor=UPSAMPLED, mode="nearest")
            if self.places is None
            else filtered(x, self.places, UPSAMPLED)
        )
        return x.flatten(1).softmax(1).unflatten(1, x.shape[2:])


class FastGRU:
    """The Bypass-RNN, of interleaved sequences side by side."""

    def __init__(self, rnn: ConvGRU, behind: DomainUnit, fold: Folding, *, residual: bool):
        self.of_input, self.of_state = (
            [fold.gate(known_as(GatePart, parts[gate])) for gate in GATES]
            for parts in (rnn.of_input, rnn.of_state)
        )
        self.bias = GateInputs(*(fold.cast.place(rnn.bias[gate]) for gate in GATES))
        self.behind, self.residual = fold.of_domain(behind), residual

    def begin(self, step: int) -> Frames:
        """Return what follows a clip, (n, C, H, W) at a time; every `step`-th frame is of one sequence."""
        states: list[Tensor | None] = [None] * step
        seen = 0

        def follow(x: Tensor) -> Tensor:
            nonlocal seen
            parts = [part(x) for part in self.of_input]
            found = []
            # So many consecutive frames at most are all of different sequences.
            for piece in zip(*(part.split(step) for part in parts), strict=True):
                own = [i % step for i in range(seen, seen + len(piece[0]))]
                before = [states[i] for i in own]
                h = torch.cat([torch.zeros_like(x[:1]) if state is None else state for state in before])
                h = self._step(GateInputs(*piece), h)
                for i, state in zip(own, h.split(1), strict=True):
                    states[i] = state
                found.append(h)
                seen += len(own)
            y = self.behind(torch.cat(found))
            return x + y if self.residual else y

        return follow

    def _step(self, x: GateInputs, h: Tensor) -> Tensor:
        return gated(x, GateInputs(*(part(h) for part in self.of_state)), self.bias, h)


def _run(units: Sequence[Frames], x: Tensor) -> Tensor:
    for unit in units:
        x = unit(x)
    return x


def _in_full(tensor: Tensor, cast: Casting) -> Tensor:
    """Return a copy of what works on the maps, in float32 whatever the rest is in."""
    return tensor.detach().to(cast.device, torch.float32, copy=True)
