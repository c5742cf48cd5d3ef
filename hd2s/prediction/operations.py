"""Operations counted from shapes: on the meta device, if it can be, tensors have no values to compute.

A multiplication and an addition are two operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from hd2s.layers.folded import Casting
from hd2s.models.contract import SaliencyModel

_BACKWARD = torch.ops.aten.convolution_backward
_META, _PROCESSOR = torch.device("meta"), torch.device("cpu")
Result = TypeVar("Result")


def by_shapes(work: Callable[[torch.device], Result]) -> Result:
    """Do on the meta device what shapes decide; on the processor where a model asks for values.

    Such are models that branch by what they see, or use operations that PyTorch knows no shapes of.
    """
    try:
        return work(_META)
    except Exception:  # noqa: BLE001 - what is wrong with the model itself is so with values too
        return work(_PROCESSOR)


@contextmanager
def counter() -> Iterator[FlopCounterMode]:
    """Count the operations inside a `with`."""
    counting = FlopCounterMode(display=False, custom_mapping={_BACKWARD: _convolution_backward})
    counting.mod_tracker = _Untold()  # type: ignore[assignment]
    with _ByShape(), counting as found:
        yield found


class _Untold(nullcontext):
    """Stands for PyTorch's `ModuleTracker`, which fails on modules that are called with weights."""

    parents = ("Global",)


class _ByShape(TorchFunctionMode):
    """Has what counts as no operations, and whose shape takes long to find, give its shape alone.

    Batch norms do so for a single clip, too, of which in training they have too few values.
    """

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if function not in (F.interpolate, F.batch_norm):
            return function(*args, **options)
        first, *others = args or (options.pop("input"),)
        return (_resized if function is F.interpolate else _unnormalised)(first, *others, **options)


def _unnormalised(
    x: Tensor, mean: Any, variance: Any, weight: Tensor | None = None, *args: Any, **options: Any
) -> Tensor:
    """Return a batch norm's input, with a gradient where it trains parameters of its own, to be changed."""
    del mean, variance, args, options
    trained = weight is not None and weight.requires_grad and not x.requires_grad
    return x + weight.sum() if weight is not None and trained else x.clone()


def _resized(x: Tensor, size: Any = None, scale_factor: Any = None, *args: Any, **options: Any) -> Tensor:
    """Return a tensor of the shape of `interpolate`'s, whose gradient has that of `x`."""
    del args, options
    sides = x.shape[2:]
    if size is None:
        factors = scale_factor if isinstance(scale_factor, tuple | list) else [scale_factor] * len(sides)
        size = [int(side * factor) for side, factor in zip(sides, factors, strict=True)]
    sizes = size if isinstance(size, tuple | list | torch.Size) else [size] * len(sides)
    for axis in range(2, x.ndim):
        x = x.narrow(axis, 0, 1)
    return x.expand(*x.shape[:2], *sizes).clone()


@torch.inference_mode()
def window_operations(model: SaliencyModel, domain: str | None) -> int:
    """Count a whole window, as plain prediction computes it.

    Args:
        model: on the meta device, or that of `by_shapes`.
        domain: the corpus whose own layers it takes, if it has such.
    """
    with counter() as found:
        model(_frames(model, model.config.input.frames), domain=domain)
    return found.get_total_flops()


@torch.inference_mode()
def frame_operations(model: SaliencyModel, domain: str | None) -> int:
    """Count one more frame of a clip that has begun, with what windows share computed once.

    The plain way, where a model has no other; arguments of `window_operations`.
    """
    window = model.config.input
    stream = model.stream(Casting(_device_of(model), torch.float32, domain))
    if stream is None:
        return window_operations(model, domain) // len(window.answered(window.frames))
    push = stream.begin()
    for n in filter(None, (window.span - 1, 1)):
        frames = _frames(model, n)
        with counter() as found:
            push(frames)
    return found.get_total_flops()


def bytes_of(module: Module) -> int:
    """Return the bytes of a module's weights and buffers, as a file holds them."""
    # What is no tensor is a learner's own, and small or kept beside.
    tensors = (value for value in module.state_dict().values() if isinstance(value, Tensor))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _frames(model: SaliencyModel, n: int) -> Tensor:
    size = model.config.input.size
    return model.normalise(torch.zeros(1, n, *size, 3, dtype=torch.uint8, device=_device_of(model)))


def _device_of(model: Module) -> torch.device:
    return next((tensor.device for tensor in chain(model.parameters(), model.buffers())), _META)


def _convolution_backward(gradient, inputs, weight, *options, out_shape) -> int:
    """Count a convolution's gradients from shapes, each as much as its forward pass.

    PyTorch's own formula counts the weights' as if every channel met every other, in depthwise ones too.
    """
    transposed, wanted = options[4], options[7]
    return conv_flop_count(inputs, weight, gradient, transposed) * sum(wanted[:2])
