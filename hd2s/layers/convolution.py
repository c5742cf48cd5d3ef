"""The 3-D operations of S3D and of what decodes it in their exact 2-D form.

S3D factorises space and time, so each of its convolutions acts on one frame (kernel 1×k×k) or along one
pixel's history (k×1×1), and a box maximum separates in the same way. PyTorch's 3-D kernels do not see
this; the same sums as 2-D operations are faster, and in channels-last memory (B, T, H, W, C) both foldings
used here are views:

- per frame: (B, C, T, H, W) as (B·T, C, H, W);
- per pixel: (B, C, T, H, W) as (B, C, T, H·W).

Weights keep their 5-D shapes, so state dicts do not depend on the form. A GPU gains by them where they are
views (on an H200 382 clips a second of HD2S's training against 349, both as CUDA graphs): in other memory the
plain 3-D operation runs there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.temporal_convolution import TemporalConvolution, convolved_by_products

Pair = tuple[int, int]
Triple = tuple[int, int, int]

# Up to this many output positions (batch × height × width) a convolution costs the passage of its weights
# through memory, and one matrix product moves them once where the convolution kernels reorder them first:
# 512×1024×3×3 on eight 2×2 maps, forward and backward, takes 16 ms instead of 37. At 128 they draw.
_FEW_POSITIONS = 64


# Folding in the order of memory keeps the strides of channels-last even for a single clip, whose batch
# stride PyTorch otherwise leaves ambiguous and takes for contiguous.


def in_frames(x: Tensor) -> bool:
    """Return whether the 2-D forms are the faster ones for (B, C, T, H, W)."""
    return x.device.type == "cpu" or x.is_contiguous(memory_format=torch.channels_last_3d)


def per_frame(x: Tensor, operation: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply an operation on (N, C, H, W), N = B·T, to (B, C, T, H, W)."""
    x = x.permute(0, 2, 3, 4, 1)
    frames = operation(x.flatten(0, 1).permute(0, 3, 1, 2))
    return frames.permute(0, 2, 3, 1).unflatten(0, x.shape[:2]).permute(0, 4, 1, 2, 3)


def _per_pixel(x: Tensor, operation: Callable[[Tensor], Tensor]) -> Tensor:
    x = x.permute(0, 2, 3, 4, 1)
    pixels = operation(x.flatten(2, 3).permute(0, 3, 1, 2))
    return pixels.permute(0, 2, 3, 1).unflatten(2, x.shape[2:4]).permute(0, 4, 1, 2, 3)


def conv2d(x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    """Convolve `x` (B, C, H, W) with `weight` (O, C, kH, kW), as `torch.nn.functional.conv2d` does."""
    few = x.shape[0] * x.shape[2] * x.shape[3] <= _FEW_POSITIONS
    if x.device.type == "cpu" and stride == (1, 1) and few:
        return conv2d_as_product(x, weight, padding)
    return F.conv2d(x, weight, None, stride, padding)


def conv2d_as_product(x: Tensor, weight: Tensor, padding: Pair) -> Tensor:
    """Convolve `x` (B, C, H, W) with stride 1 as one matrix product over all patches of it."""
    (pad_h, pad_w), (k_h, k_w) = padding, weight.shape[2:]
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, pad_w, pad_w, pad_h, pad_h))
    patches = x.unfold(1, k_h, 1).unfold(2, k_w, 1).permute(0, 1, 2, 4, 5, 3).flatten(3)
    return F.linear(patches, weight.permute(0, 2, 3, 1).flatten(1)).permute(0, 3, 1, 2)


def conv3d(x: Tensor, weight: Tensor, stride: Triple, padding: Triple) -> Tensor:
    """Convolve `x` (B, C, T, H, W) with `weight` (O, C, kT, kH, kW), as `torch.nn.functional.conv3d` does."""
    if not in_frames(x):
        return F.conv3d(x, weight, None, stride, padding)
    if weight.shape[2] == 1 and stride[0] == 1:
        return per_frame(x, lambda f: conv2d(f, weight.squeeze(2), stride[1:], padding[1:]))
    if weight.shape[3:] == (1, 1) and stride[1:] == (1, 1):
        return _per_pixel(x, lambda p: _convolve_in_time(p, weight.squeeze(4), stride[0], padding[0]))
    return F.conv3d(x, weight, None, stride, padding)


def _convolve_in_time(x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    """Convolve `x` (B, C, T, P) with `weight` (O, C, k, 1)."""
    if convolved_by_products(x, weight, stride, padding):
        return TemporalConvolution.apply(x, weight, stride, padding)
    return conv2d(x, weight, (stride, 1), (padding, 0))


def max_pool3d(x: Tensor, kernel: Triple, stride: Triple, padding: Triple) -> Tensor:
    """Pool `x` (B, C, T, H, W) as `torch.nn.functional.max_pool3d` does."""
    if not in_frames(x):
        return F.max_pool3d(x, kernel, stride, padding)
    x = per_frame(x, lambda f: F.max_pool2d(f, kernel[1:], stride[1:], padding[1:]))
    if kernel[0] == 1:
        return x
    along_time = (kernel[0], 1), (stride[0], 1), (padding[0], 0)
    return _per_pixel(x, lambda p: F.max_pool2d(p, *along_time))


def _channels_last(weight: Tensor) -> nn.Parameter:
    """Store a weight in the activations' memory order: neither it nor its gradient is then copied."""
    order = torch.channels_last if weight.dim() == 4 else torch.channels_last_3d
    return nn.Parameter(weight.detach().contiguous(memory_format=order))


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` of stride 1 without bias, keeping height and width, in the fastest exact form."""

    stride: Pair
    padding: Pair

    def __init__(self, channels_in: int, channels_out: int, k: int):
        super().__init__(channels_in, channels_out, k, padding=k // 2, bias=False)
        self.weight = _channels_last(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, O, H, W)."""
        return conv2d(x, self.weight, self.stride, self.padding)


class Conv3d(nn.Conv3d):
    """`nn.Conv3d` without bias, by default padded by half its kernel, in the fastest exact form."""

    kernel_size: Triple
    stride: Triple
    padding: Triple

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: Triple,
        stride: Triple,
        padding: Triple | None = None,
    ):
        padding = padding or (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        super().__init__(channels_in, channels_out, kernel, stride, padding, bias=False)
        self.weight = _channels_last(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, O, T', H', W')."""
        return conv3d(x, self.weight, self.stride, self.padding)


class ConvTranspose3d(nn.ConvTranspose3d):
    """`nn.ConvTranspose3d` of single frames without bias, whose sizes are its input's times the stride.

    Args:
        channels_in: C.
        channels_out: O.
        kernel: 1 step; in space the stride's parity, or 1.
        stride: 1 step.
    """

    stride: Triple
    padding: Triple

    def __init__(self, channels_in: int, channels_out: int, kernel: Triple, stride: Triple):
        padding = (0, (kernel[1] - stride[1]) // 2, (kernel[2] - stride[2]) // 2)
        super().__init__(channels_in, channels_out, kernel, stride, padding, bias=False)
        self.weight = _channels_last(self.weight)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (B, C, T, H, W) to (B, O, T, H', W')."""
        if not in_frames(x):
            return super().forward(x, output_size)
        weight, stride, padding = self.weight.squeeze(2), self.stride[1:], self.padding[1:]
        return per_frame(x, lambda f: F.conv_transpose2d(f, weight, None, stride, padding))


class MaxPool3d(nn.Module):
    """Max-pooling in the fastest exact form."""

    def __init__(self, kernel: Triple, stride: Triple, padding: Triple = (0, 0, 0)):
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, T, H, W) to (B, C, T', H', W')."""
        return max_pool3d(x, self.kernel, self.stride, self.padding)
