"""Operations counted from shapes alone: on the meta device tensors have no values, and nothing is computed.

A multiplication and an addition are two operations.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from hd2s.layers.folded import Casting
from hd2s.models.contract import SaliencyModel

_META = torch.device("meta")


def counter() -> FlopCounterMode:
    """Return what counts the operations inside a `with`."""
    mapping = {torch.ops.aten.convolution_backward: _convolution_backward}
    return FlopCounterMode(display=False, custom_mapping=mapping)


@torch.inference_mode()
def window_operations(model: SaliencyModel, domain: str | None) -> int:
    """Count a whole window, as plain prediction computes it.

    Args:
        model: on the meta device.
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
    stream = model.stream(Casting(_META, torch.float32, domain))
    if stream is None:
        return window_operations(model, domain) // (1 if window.answers == "last" else window.frames)
    push, found = stream.begin(), counter()
    for n in filter(None, (window.span - 1, 1)):
        frames, found = _frames(model, n), counter()
        with found:
            push(frames)
    return found.get_total_flops()


def bytes_of(module: Module) -> int:
    """Return the bytes of a module's weights and buffers, as a file holds them."""
    # What is no tensor is a learner's own, and small or kept beside.
    tensors = (value for value in module.state_dict().values() if isinstance(value, Tensor))
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _frames(model: SaliencyModel, n: int) -> Tensor:
    size = model.config.input.size
    return model.normalise(torch.empty(1, n, *size, 3, dtype=torch.uint8, device=_META))


def _convolution_backward(gradient, inputs, weight, *options, out_shape) -> int:
    """Count a convolution's gradients from shapes, each as much as its forward pass.

    PyTorch's own formula counts the weights' as if every channel met every other, in depthwise ones too.
    """
    transposed, wanted = options[4], options[7]
    return conv_flop_count(inputs, weight, gradient, transposed) * sum(wanted[:2])
