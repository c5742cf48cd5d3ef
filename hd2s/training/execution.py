"""How a model is run: precision, memory order, compilation, what is kept for the backward pass.

None of it changes a model's state dict, nor what it computes but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from hd2s.models.contract import SaliencyModel


@dataclass(frozen=True)
class Execution:
    """Options of execution; None leaves one to the device (`resolve`).

    Attributes:
        mixed_precision: forward passes in bfloat16 autocast, weights and maps in float32. By default on GPUs
            that have it. Never on a processor, where PyTorch's weight gradients of convolutions along two
            time steps are wrong in bfloat16 (NaN or garbage).
        channels_last: weights and activations in channels-last memory. By default everywhere: measured 1.02
            to 1.1 times as fast per training step of HD2S on a processor, and the order that tensor cores
            read. No clock chooses it: the other order rounds otherwise in UNISAL, and in HD2S and TASED-Net
            at one clip.
        compile: by `torch.compile`, in place. By default nowhere, since it needs a compiler that a machine
            may lack. Never on a processor: PyTorch 2.13 compiles a backward pass there that writes beyond its
            memory, after minutes, and no faster than the 2-D forms of `hd2s.layers.convolution`.
        checkpointing: keep only the inputs of each block for the backward pass and compute the rest again, in
            about a quarter of the memory and 1.4 times the time. By default nowhere: a micro-batch of 8 fits.
        capture: micro-batches as CUDA graphs (`hd2s.training.captured`), where model and approach are fit for
            it. By default on GPUs, without compilation and checkpointing.
    """

    mixed_precision: bool | None = None
    channels_last: bool | None = None
    compile: bool | None = None
    checkpointing: bool | None = None
    capture: bool | None = None

    def resolve(self, device: torch.device) -> Execution:
        """Fill in what was left to the device.

        Raises:
            ValueError: mixed precision, compilation or CUDA graphs on a processor.
        """
        if device.type == "cpu" and (self.mixed_precision or self.compile):
            raise ValueError(
                "On a processor mixed_precision gives wrong weight gradients, and compile a backward pass "
                "that corrupts memory; leave both off there."
            )
        if device.type != "cuda" and self.capture:
            raise ValueError(f"capture is by CUDA graphs, found {device.type}; leave it off there.")
        found = {
            "mixed_precision": device.type == "cuda" and torch.cuda.is_bf16_supported(),
            "channels_last": True,
            "compile": False,
            "checkpointing": False,
            "capture": device.type == "cuda" and not self.compile and not self.checkpointing,
        }
        chosen = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: found[name] for name, value in chosen.items() if value is None})

    def prepare(self, model: SaliencyModel) -> SaliencyModel:
        """Apply memory order, checkpointing and compilation to a model, in place; return it."""
        if not self.channels_last:
            model.memory_format = torch.contiguous_format
            for parameter in model.parameters():
                parameter.data = parameter.data.contiguous()
        if self.checkpointing:
            for block in model.blocks():
                block.forward = _Recomputed(block, block.forward)
        if self.compile:
            model.compile()
        return model

    def autocast(self, device: torch.device) -> AbstractContextManager:
        """Return the context of forward passes on `device`."""
        on = bool(self.mixed_precision)
        return torch.autocast(device.type, torch.bfloat16) if on else nullcontext()


class _Recomputed:
    """A block's forward pass whose intermediate results are computed again on the way back."""

    def __init__(self, block: nn.Module, forward):
        norms = (module for module in block.modules() if isinstance(module, _BatchNorm))
        self.norms = [norm for norm in norms if norm.track_running_stats]
        self.forward = forward

    def __call__(self, *inputs) -> Tensor:
        return checkpoint(
            self.forward, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), self._once())
        )

    @contextmanager
    def _once(self) -> Iterator[None]:
        """Keep running statistics, which have seen this batch, from seeing it again."""
        before = [
            (norm, norm.momentum, norm.get_buffer("num_batches_tracked").clone()) for norm in self.norms
        ]
        for norm in self.norms:
            norm.momentum = 0.0
        try:
            yield
        finally:
            for norm, momentum, seen in before:
                norm.momentum = momentum
                norm.get_buffer("num_batches_tracked").copy_(seen)
