"""S3D for prediction: batch norm folded into the convolutions, everything in its 2-D form.

In evaluation a batch norm is a scale and a shift per channel, which its convolution takes over. What is left
are convolutions with a bias, ReLUs and maxima, run on tensors that lie as (B, T, H, W, C) in memory: there a
1×k×k operation is a 2-D one on (B·T, C, H, W) and a k×1×1 operation one on (B, C, T, H·W), both views. Equal
to the model up to rounding. The folded weights are a copy, which later training does not reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.convolution import ConvTranspose3d
from hd2s.layers.domains import DomainBatchNorm2d, of_domain
from hd2s.layers.known import known_as
from hd2s.layers.s3d.network import ConvUnit, Mixed, SeparableConv

Layer = Callable[[Tensor], Tensor]
Convolution = nn.Conv2d | nn.Conv3d | nn.ConvTranspose3d
BatchNorm = nn.BatchNorm2d | nn.BatchNorm3d | DomainBatchNorm2d


@dataclass(frozen=True)
class Casting:
    """Where the folded weights live."""

    device: torch.device
    dtype: torch.dtype
    domain: str | None
    """Whose batch norms are folded, where they are specific to a domain."""

    def fold(self, conv: Convolution, norm: BatchNorm) -> tuple[Tensor, Tensor]:
        """Return weight (O, C, …) and bias of a convolution followed by its batch norm, folded in float64."""
        if isinstance(norm, DomainBatchNorm2d):
            norm = known_as(nn.BatchNorm2d, of_domain(norm, self.domain))
        mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
        scale = norm.get_parameter("weight").double() / torch.sqrt(variance.double() + norm.eps)
        shift = norm.get_parameter("bias").double() - mean.double() * scale
        if conv.bias is not None:
            shift = shift + conv.bias.double() * scale
        weight = conv.weight.transpose(0, 1) if isinstance(conv, nn.ConvTranspose3d) else conv.weight
        return weight.double() * scale.view(-1, *[1] * (weight.dim() - 1)), shift

    def place(self, tensor: Tensor) -> Tensor:
        """Return a weight (O, C, kH, kW) in channels-last memory, or a bias, where it is used."""
        tensor = tensor.detach().to(self.device, self.dtype, copy=True)
        return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


class FrameConv:
    """1×k×k convolution and ReLU of (B, T, H, W, C); several of one kind and input are one, side by side."""

    def __init__(self, cast: Casting, *units: ConvUnit):
        weights, biases = zip(*(cast.fold(unit.conv, unit.norm) for unit in units), strict=True)
        self.weight, self.bias = cast.place(torch.cat(weights).squeeze(2)), cast.place(torch.cat(biases))
        self.stride, self.padding = units[0].conv.stride[1:], units[0].conv.padding[1:]

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, T, H, W, C) to (B, T, H', W', O)."""
        return self.linear(x).relu_()

    def linear(self, x: Tensor) -> Tensor:
        """Do the same without the ReLU."""
        return per_frame(x, lambda f: F.conv2d(f, self.weight, self.bias, self.stride, self.padding))


class TransposedConv:
    """Transposed 1×k×k convolution of (B, T, H, W, C), with its batch norm and a ReLU where it has one."""

    def __init__(self, conv: ConvTranspose3d, norm: BatchNorm | None, cast: Casting):
        self.stride, self.padding, self.rectified = conv.stride[1:], conv.padding[1:], norm is not None
        weight, bias = cast.fold(conv, norm) if norm else (conv.weight.transpose(0, 1), None)
        weight = weight.squeeze(2)
        # With a stride of 1 it is a convolution by the kernel turned round.
        self.turned = self.stride == (1, 1)
        self.weight = cast.place(weight.flip(2, 3) if self.turned else weight.transpose(0, 1))
        self.bias = None if bias is None else cast.place(bias)
        self.reach = (weight.shape[2] - 1 - self.padding[0], weight.shape[3] - 1 - self.padding[1])

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, T, H, W, C) to (B, T, H', W', O)."""
        x = per_frame(x, self._convolve)
        return x.relu_() if self.rectified else x

    def _convolve(self, frames: Tensor) -> Tensor:
        if self.turned:
            return F.conv2d(frames, self.weight, self.bias, 1, self.reach)
        return F.conv_transpose2d(frames, self.weight, self.bias, self.stride, self.padding)


class TimeConv:
    """k×1×1 convolution and ReLU of (B, T, H, W, C).

    Args:
        unit: the convolution with its batch norm.
        length: T. Where only one output is left, taps that meet nothing but padding are cut off (two million
            of the weights of HD2S's temporal removal at T = 16).
        cast: where the folded weights live.
    """

    def __init__(self, unit: ConvUnit, length: int, cast: Casting):
        weight, bias = cast.fold(unit.conv, unit.norm)
        (k, _, _), (self.stride, _, _), (self.padding, _, _) = (
            unit.conv.kernel_size,
            unit.conv.stride,
            unit.conv.padding,
        )
        self.length = (length + 2 * self.padding - k) // self.stride + 1
        if self.length == 1:
            weight, self.padding = weight[:, :, self.padding : self.padding + length], 0
        self.weight, self.bias = cast.place(weight.squeeze(4)), cast.place(bias)

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, T, H, W, C) to (B, T', H, W, O)."""
        return self.linear(x).relu_()

    def linear(self, x: Tensor) -> Tensor:
        """Do the same without the ReLU."""
        stride, padding = (self.stride, 1), (self.padding, 0)
        return per_pixel(x, lambda p: F.conv2d(p, self.weight, self.bias, stride, padding))


class MixedBlock:
    """An inception block (`hd2s.layers.s3d.network.Mixed`)."""

    def __init__(self, block: Mixed, length: int, cast: Casting):
        firsts = (branch[0] for branch in (block.branch0, block.branch1, block.branch2))
        entries = [known_as(ConvUnit, first) for first in firsts]
        self.entry = FrameConv(cast, *entries)
        self.entry_widths = [unit.conv.out_channels for unit in entries]
        separable = [known_as(SeparableConv, branch[1]) for branch in (block.branch1, block.branch2)]
        self.space = [FrameConv(cast, unit.spatial) for unit in separable]
        self.time = [TimeConv(unit.temporal, length, cast) for unit in separable]
        self.pooled = FrameConv(cast, known_as(ConvUnit, block.branch3[1]))
        lasts = (*(time.bias for time in self.time), self.pooled.bias)
        self.widths = [self.entry_widths[0], *map(len, lasts)]

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, T, H, W, C) to (B, T, H, W, O)."""
        out = x.new_empty(*x.shape[:-1], sum(self.widths))
        for branch, part in zip(self._branches(x), out.split(self.widths, dim=-1), strict=True):
            torch.clamp_min(branch, 0, out=part)  # ReLU and concatenation in one pass
        return out

    def _branches(self, x: Tensor) -> Iterator[Tensor]:
        """Yield every branch's output, one at a time to save memory, before its ReLU."""
        own, *others = self.entry.linear(x).split(self.entry_widths, dim=-1)
        yield own
        for part, space, time in zip(others, self.space, self.time, strict=True):
            yield time.linear(space(part.relu()))
        yield self.pooled.linear(maximum_of_neighbours(x))


def run(layers: Sequence[Layer], x: Tensor) -> Tensor:
    """Apply layers one after the other."""
    for layer in layers:
        x = layer(x)
    return x


def per_frame(x: Tensor, operation: Layer) -> Tensor:
    """Apply an operation on (N, C, H, W) to every frame of (B, T, H, W, C)."""
    frames = operation(x.flatten(0, 1).permute(0, 3, 1, 2))
    return frames.permute(0, 2, 3, 1).unflatten(0, x.shape[:2])


def per_pixel(x: Tensor, operation: Layer) -> Tensor:
    """Apply an operation on (B, C, T, H·W) to every pixel's history in (B, T, H, W, C)."""
    pixels = operation(x.flatten(2, 3).permute(0, 3, 1, 2))
    return pixels.permute(0, 2, 3, 1).unflatten(2, x.shape[2:4])


def max_pool(x: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """Pool (B, T, H, W, C) over cubes: a box maximum separates into space and time."""
    x = per_frame(x, lambda f: F.max_pool2d(f, kernel, stride, padding))
    return per_pixel(x, lambda p: F.max_pool2d(p, (kernel, 1), (stride, 1), (padding, 0)))


def maximum_of_neighbours(x: Tensor) -> Tensor:
    """Pool (B, T, H, W, C) over cubes of 3 with stride 1.

    PyTorch's pooling also writes where each maximum was, in twice the memory of the values. On a processor
    maxima of shifted tensors, axis by axis, are 1.7 times as fast, or 5 where its memory is new.
    """
    if x.device.type != "cpu":
        return max_pool(x, 3, 1, 1)
    for axis in (3, 2, 1):
        x = _maximum_along(x, axis)
    return x


def _maximum_along(x: Tensor, axis: int) -> Tensor:
    n = x.shape[axis]
    if n == 1:
        return x
    pairs = torch.maximum(x.narrow(axis, 0, n - 1), x.narrow(axis, 1, n - 1))
    out = torch.empty_like(x)
    out.narrow(axis, 0, 1).copy_(pairs.narrow(axis, 0, 1))
    out.narrow(axis, n - 1, 1).copy_(pairs.narrow(axis, n - 2, 1))
    torch.maximum(pairs.narrow(axis, 0, n - 2), pairs.narrow(axis, 1, n - 2), out=out.narrow(axis, 1, n - 2))
    return out
