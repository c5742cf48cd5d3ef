"""Max-pooling that remembers where its maxima lay, and the unpooling that puts values back there (Sect. 3.3).

Windows of 3 with a stride of 2 overlap, so that several pooled cells may name one place: about 18 % of them.
It takes the value of the **last** of them in scan order (rows, then columns), whatever the device. The paper
does not say which; PyTorch's kernel for processors does so, and its kernel for GPUs leaves it to chance. As
in PyTorch every cell that names a place gets the place's gradient, the overwritten ones too.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.layers.convolution import max_pool3d

_OVERLAPPING = (3, 2, 1)  # kernel, stride and padding of the pools of shallow features
_STEPS = 4  # that the auxiliary pools take together, from T/2 to T/8


def pool_places(x: Tensor, kernel: int, stride: int, padding: int) -> tuple[Tensor, Tensor]:
    """Pool frames (B, C, T, H, W) in space.

    Returns:
        The maxima (B, C, T, H', W'), and as large, int64, the place of each in its frame: row · W + column.
        Of equal maxima it is the first in scan order.
    """
    frames = x.permute(0, 2, 1, 3, 4)
    found = F.max_pool2d(frames.flatten(0, 1), kernel, stride, padding, return_indices=True)
    pooled, places = (each.unflatten(0, frames.shape[:2]).permute(0, 2, 1, 3, 4) for each in found)
    return pooled, places


@torch.no_grad()
def auxiliary_places(x: Tensor) -> Tensor:
    """Return where in space maxima over time of features (B, C, T/2, H, W) have theirs, in T/8 steps."""
    along_time = (_STEPS, 1, 1)
    return pool_places(max_pool3d(x, along_time, along_time, (0, 0, 0)), *_OVERLAPPING)[1]


def unpool(x: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
    """Put every value where its maximum lay, in frames that are 0 elsewhere.

    Args:
        x: (B, C, T, H', W').
        places: as large, from `pool_places`.
        size: of the frames, H and W.

    Returns:
        (B, C, T, H, W), contiguous.
    """
    return _Unpool.apply(x, places, size)


class _Unpool(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, places: Tensor, size: tuple[int, int]) -> Tensor:
        flat = places.flatten(-2)
        ctx.save_for_backward(flat)
        ctx.shape = x.shape
        # The number of the last cell that names a place is the largest, in whatever order they are compared.
        number = torch.arange(1, flat.shape[-1] + 1, device=x.device).expand_as(flat)
        winners = flat.new_zeros(*flat.shape[:-1], size[0] * size[1])
        winners.scatter_reduce_(-1, flat, number, "amax")
        padded = F.pad(x.flatten(-2), (1, 0))  # cell 0 holds what goes where nothing does
        return padded.gather(-1, winners).unflatten(-1, size)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (flat,) = ctx.saved_tensors
        return gradient.flatten(-2).gather(-1, flat).view(ctx.shape), None, None
