"""Statistics of batch norms, estimated anew on clips that a model is shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Where nothing has been seen; a worker's share of one value is far more.
_NO_VALUES = 1e-9


class BatchNormStatistics(nn.Module):
    """What a model's batch norms have seen: of each channel, mean and variance over all clips together.

    Each layer's input is what its predecessors make of the micro-batch by that micro-batch's own statistics.
    The sums are a buffer, which workers average after each iteration: what comes out is of all workers'
    clips, and an interrupted training goes on from it. Variances are divided by the number of values itself.

    Args:
        model: with the batch norms; those without running statistics are left alone.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        channels = sum(norm.num_features for norm in batch_norms(model))
        # Count, sum and sum of squares; in float64, or the difference of large numbers would be rounding.
        self.register_buffer("moments", torch.zeros(3, channels, dtype=torch.float64))

    @contextmanager
    def gathering(self, model: nn.Module) -> Iterator[None]:
        """Gather in the block what passes through the model's batch norms that are in training mode."""
        handles, start = [], 0
        for norm in batch_norms(model):
            if norm.training:
                hook = partial(self._gather, slice(start, start + norm.num_features))
                handles.append(norm.register_forward_pre_hook(hook))
            start += norm.num_features
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def write(self, model: nn.Module) -> None:
        """Make them the running statistics of a model; channels that have seen nothing keep theirs."""
        sizes = [norm.num_features for norm in batch_norms(model)]
        for norm, (count, total, squares) in zip(
            batch_norms(model), self.get_buffer("moments").split(sizes, dim=1), strict=True
        ):
            seen = count.clamp_min(_NO_VALUES)
            mean = total / seen
            variance = (squares / seen - mean**2).clamp_min(0)
            for name, found in (("running_mean", mean), ("running_var", variance)):
                buffer = norm.get_buffer(name)
                buffer.copy_(torch.where(count > 0, found.to(buffer.dtype), buffer))

    @torch.no_grad()
    def _gather(self, where: slice, norm: nn.Module, inputs: tuple[Any, ...]) -> None:
        del norm
        x = inputs[0]
        others = [dim for dim in range(x.dim()) if dim != 1]
        variance, mean = torch.var_mean(x.float() if x.dtype != torch.float64 else x, others, correction=0)
        count = x.numel() // x.shape[1]
        total = count * mean.double()
        moments: Tensor = self.get_buffer("moments")
        moments[:, where] += torch.stack(
            [torch.full_like(total, count), total, count * (variance.double() + mean.double() ** 2)]
        )


def train_batch_norms_alone(model: nn.Module, norms: Sequence[nn.Module] | None = None) -> None:
    """Put the rest into evaluation mode: with dropout, batch norms would see what a test never shows them.

    Args:
        model: with the batch norms.
        norms: those of them that are to be trained; None for all.
    """
    model.eval()
    for norm in batch_norms(model) if norms is None else norms:
        norm.train()


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """List a model's batch norms that have running statistics, in the model's order."""
    return [m for m in model.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]
