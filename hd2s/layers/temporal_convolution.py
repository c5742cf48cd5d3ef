"""Convolutions along time (k×1×1) on a processor, whose weights' gradient is a matrix product for each tap.

PyTorch has that gradient from oneDNN, in two to ten times the time of the products: for the first of S3D
(64×64×7, stride 2, two clips of 16×64×96) 152 ms instead of 48 on two cores with AVX-512, 396 instead of 56
with AVX2.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

# Multiply-adds for which the products are too small to gain.
_LITTLE = 2**24


class Tap(NamedTuple):
    """One place of a kernel.

    Attributes:
        place: in the kernel.
        first: the first output step for which it sees more than padding.
        end: the one after the last of them.
        seen: the input step that it sees for the first; for the next ones those a stride further each.
    """

    place: int
    first: int
    end: int
    seen: int


def seeing_taps(steps: int, kernel: int, stride: int, padding: int) -> Iterator[Tap]:
    """Yield those taps of a kernel over `steps` input steps that see more than padding."""
    outputs = (steps + 2 * padding - kernel) // stride + 1
    for place in range(kernel):
        first = max(0, -((place - padding) // stride))
        end = min(outputs, (steps - 1 + padding - place) // stride + 1)
        if first < end:
            yield Tap(place, first, end, first * stride + place - padding)


def convolved_by_products(x: Tensor, weight: Tensor, stride: int, padding: int) -> bool:
    """Return whether `TemporalConvolution` is the faster way of a convolution along time."""
    if x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
        return False
    if _sole_tap(x, weight, stride, padding):
        return True
    multiply_adds = x.numel() * weight.shape[0] * weight.shape[2] // stride
    return torch.is_grad_enabled() and multiply_adds > _LITTLE


def _sole_tap(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tap | None:
    """Return the only tap that sees more than padding, where one step becomes one step."""
    steps, kernel = x.shape[2], weight.shape[2]
    alone = steps == 1 == (1 + 2 * padding - kernel) // stride + 1
    return next(seeing_taps(steps, kernel, stride, padding)) if alone else None


class TemporalConvolution(torch.autograd.Function):
    """`torch.nn.functional.conv2d` of (B, C, T, P) with weights (O, C, k, 1), derived once."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        """Map to (B, O, T', P)."""
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        tap = _sole_tap(x, weight, stride, padding)
        if tap:
            return _mixed(x, weight[:, :, tap.place, 0].T)
        return F.conv2d(x, weight, None, (stride, 1), (padding, 0))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        """Return what goes back to `x` and to `weight`, each where it is asked for."""
        x, weight = ctx.saved_tensors
        way = ctx.stride, ctx.padding
        to_x = _to_input(x, weight, upstream, *way) if ctx.needs_input_grad[0] else None
        to_weight = _to_weight(x, weight, upstream, *way) if ctx.needs_input_grad[1] else None
        return to_x, to_weight, None, None


def _mixed(x: Tensor, matrix: Tensor) -> Tensor:
    """Mix the channels of (B, C, T, P) by (C, O)."""
    return (x.permute(0, 2, 3, 1) @ matrix).permute(0, 3, 1, 2)


def _to_input(x: Tensor, weight: Tensor, upstream: Tensor, stride: int, padding: int) -> Tensor:
    tap = _sole_tap(x, weight, stride, padding)
    if tap:
        return _mixed(upstream, weight[:, :, tap.place, 0])
    # `torch.nn.grad.conv2d_input` would copy an input of the same size, only to say how many steps there are.
    unseen = (x.shape[2] + 2 * padding - weight.shape[2]) % stride
    return F.conv_transpose2d(upstream, weight, None, (stride, 1), (padding, 0), (unseen, 0))


def _to_weight(x: Tensor, weight: Tensor, upstream: Tensor, stride: int, padding: int) -> Tensor:
    """Return the gradient (O, C, k, 1) in the memory order of the weights, for which it needs no copy."""
    x, upstream = (y.permute(0, 2, 3, 1).contiguous() for y in (x, upstream))
    kernel = weight.shape[2]
    # Steps that lie a stride apart are put side by side, so that what a tap sees is one block of each clip.
    phases = [x[:, phase::stride].contiguous() for phase in range(stride)]
    gradient = x.new_zeros(weight.shape[0], kernel, weight.shape[1])
    for tap in seeing_taps(x.shape[1], kernel, stride, padding):
        phase, start = phases[tap.seen % stride], tap.seen // stride
        seen = phase[:, start : start + tap.end - tap.first]
        for rows, back in _blocks(seen, upstream[:, tap.first : tap.end]):
            gradient[:, tap.place].addmm_(back.flatten(0, -2).T, rows.flatten(0, -2))
    return gradient.permute(0, 2, 1).unsqueeze(3)


def _blocks(seen: Tensor, back: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
    """Return (B, T, P, ·) whole where a product of them needs no copy or a small one, else clip by clip."""
    fewer_rows_than_channels = seen[0, ..., 0].numel() < seen.shape[3]
    whole = fewer_rows_than_channels or (seen.is_contiguous() and back.is_contiguous())
    return [(seen, back)] if whole else zip(seen, back, strict=True)
