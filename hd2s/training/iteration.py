"""One iteration of the optimiser: micro-batches accumulated to the paper's batch of 200 (Sect. 4.2).

Any number of workers take it together. Each accumulates the gradients of its own micro-batches; at the end
they are averaged in one exchange. That needs no wrapper around the model. A `DistributedDataParallel` is
held in `no_sync` throughout: its hooks would exchange within the last backward pass alone, and fail where
that pass skips a part of the model (decoders on target clips, other domains, a micro-batch left out).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, distributed, nn

from hd2s.checks import unknown
from hd2s.training.execution import Execution
from hd2s.training.protocol import Protocol
from hd2s.training.turns import ACCURACY, STEPS, MicroBatch, Terms

Drawn = tuple[Sequence[MicroBatch], Sequence[MicroBatch]]


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is not finite; the optimiser has not moved the weights."""


@dataclass(frozen=True)
class Recipe:
    """What every iteration of a training shares; the defaults are the paper's (Sect. 4.2).

    `step`: a name in `hd2s.training.turns.STEPS`. `iterations`: of the training, for λ. `accumulate`:
    micro-batches that one worker adds up per iteration. `multi_level`: L_s over all maps (Eq. 1), or the
    saliency map alone (Table 3). `lambda_max`: what λ (Eq. 4) is multiplied by. `non_finite`: what to do
    with a micro-batch whose loss is not finite. "stop" raises NonFiniteError. "skip" leaves it out on all
    workers and averages the others, at the price of one synchronisation per loss; of a micro-batch with
    several losses those before the bad one still count.

    Raises ValueError for an unknown step or `non_finite`, and for less than one micro-batch.
    """

    step: str = "supervised"
    iterations: int = 2500
    accumulate: int = 25
    multi_level: bool = True
    lambda_max: float = 1.0
    protocol: Protocol = field(default_factory=Protocol)
    non_finite: Literal["stop", "skip"] = "stop"

    def __post_init__(self):
        if self.step not in STEPS:
            raise ValueError(unknown("step", self.step, STEPS))
        if self.non_finite not in ("stop", "skip"):
            raise ValueError(unknown("non_finite", self.non_finite, ("stop", "skip")))
        if self.accumulate < 1:
            raise ValueError(f"accumulate must be at least one micro-batch, found {self.accumulate}")

    def losses(self, model: nn.Module, drawn: Drawn, grl_lambda: float) -> Iterator[tuple[Tensor, Terms]]:
        """Yield one micro-batch's losses, as `hd2s.training.turns` describes."""
        whole = self.protocol.adversarial_multi_level or self.step != "adversarial"
        return STEPS[self.step](model, *drawn, grl_lambda, multi_level=self.multi_level and whole)


@dataclass(frozen=True)
class Iteration:
    """What came of an iteration.

    `terms`: loss term → mean over its micro-batches, of all workers. `skipped`: micro-batches left out, of
    each worker. `grl_lambda`: λ of the last micro-batch. `accuracies`: of the domain classifiers, as `terms`.
    """

    terms: dict[str, float]
    skipped: int
    grl_lambda: float
    accuracies: dict[str, float]


def take_iteration(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    recipe: Recipe,
    iteration: int,
    micro_batches: Iterator[Drawn],
    *,
    execution: Execution | None = None,
) -> Iteration:
    """Draw `recipe.accumulate` micro-batches, move the weights once, and say how it went.

    `iteration` is counted from 0. `micro_batches` yields labelled and unlabelled ones on the model's device
    (`hd2s.training.turns.take_turns`). `execution` is the one that the model was prepared with, resolved;
    without it, forward passes run in the weights' precision. Where a process group is initialised, every
    worker must call this with the same `iteration`; they end with the same weights and running statistics.

    Raises NonFiniteError, on every worker, naming iteration, clips and loss terms. The weights are then as
    they were; running statistics have seen the batch.
    """
    model.train()
    optimiser.zero_grad(set_to_none=True)
    passes = _Passes(model, recipe, execution or Execution(mixed_precision=False))
    with model.no_sync() if hasattr(model, "no_sync") else nullcontext():
        for k in range(recipe.accumulate):
            strength = recipe.protocol.grl_lambda(iteration, recipe.iterations, k, recipe.accumulate)
            strength *= recipe.lambda_max
            passes.accumulate(next(micro_batches), strength)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    kept = recipe.accumulate - passes.skipped
    mean = recipe.protocol.gradients == "mean" and kept > 0
    _add_over_workers(gradients, scale=1 / (kept * _workers()) if mean else 1.0)
    terms = passes.mean_terms()
    if not kept or not all(map(math.isfinite, terms.values())) or not _all_finite(gradients):
        raise NonFiniteError(f"Iteration {iteration}: {passes.describe()}; the weights have not moved.")
    optimiser.step()
    # Of frozen modules they are equal already, and an average's rounding would move them.
    buffers = (b for module in model.modules() if module.training for b in module.buffers(recurse=False))
    statistics = [buffer for buffer in buffers if buffer.is_floating_point()]
    _add_over_workers(statistics, scale=1 / _workers())
    accuracies = {name: terms.pop(name) for name in list(terms) if name.startswith(ACCURACY)}
    return Iteration(terms, passes.skipped, strength, accuracies)


class _Passes:
    """The forward and backward passes of an iteration on one worker."""

    def __init__(self, model: nn.Module, recipe: Recipe, execution: Execution):
        self.model, self.recipe, self.execution = model, recipe, execution
        self.device = next(model.parameters()).device
        self.drawn = self.skipped = 0
        self.sums: dict[str, tuple[Tensor, int]] = {}
        self.seen: list[tuple[str, Terms]] = []  # where, and what was found there

    def accumulate(self, drawn: Drawn, grl_lambda: float) -> None:
        """Add up the gradients of one micro-batch, or leave it out."""
        self.drawn += 1
        keys = [key for batches in drawn for batch in batches for key in batch.keys]
        where = f"micro-batch {self.drawn} of {self.recipe.accumulate} (clips {', '.join(keys) or 'unnamed'})"
        losses = self.recipe.losses(self.model, drawn, grl_lambda)
        while True:
            statistics = self._statistics()
            with self.execution.autocast(self.device):
                loss, terms = next(losses, (None, {}))
            if loss is None:
                return
            terms = {name: term.detach() for name, term in terms.items()}
            self.seen.append((where, terms))
            if self.recipe.non_finite == "skip" and _any_worker(~loss.detach().isfinite()):
                for buffer, value in statistics:
                    buffer.copy_(value)
                self.skipped += 1
                return
            loss.backward()
            for name, term in terms.items():
                total, count = self.sums.get(name, (0, 0))
                self.sums[name] = total + term, count + 1

    def _statistics(self) -> list[tuple[Tensor, Tensor]]:
        """Copy what a forward pass on bad clips would spoil."""
        if self.recipe.non_finite != "skip":
            return []
        return [(buffer, buffer.clone()) for buffer in self.model.buffers()]

    def mean_terms(self) -> dict[str, float]:
        """Average each term over the micro-batches that counted, of all workers."""
        if not self.sums:
            return {}
        means = torch.stack([total / count for total, count in self.sums.values()])
        _add_over_workers([means], scale=1 / _workers())
        return dict(zip(self.sums, means.tolist(), strict=True))

    def describe(self) -> str:
        """Say where on this worker something is not finite."""
        found = []
        for where, terms in self.seen:
            values = {name: term.item() for name, term in terms.items()}
            bad = [f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)]
            if bad:
                found.append(f"not finite: {', '.join(bad)} in {where}")
        if not found:
            named = ((n, p.grad) for n, p in self.model.named_parameters() if p.grad is not None)
            bad = [name for name, gradient in named if not gradient.isfinite().all()]
            found.append(
                f"gradients not finite in {len(bad)} parameters ({', '.join(bad[:3])}, …), "
                "every loss of this worker finite"
            )
        return "; ".join(found)


def _workers() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def _add_over_workers(tensors: Sequence[Tensor], *, scale: float) -> None:
    """Replace tensors by `scale` times their sum over workers, in one exchange."""
    if not tensors:
        return
    if _workers() > 1:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))
    if scale != 1:
        torch._foreach_mul_(list(tensors), scale)


def _any_worker(flag: Tensor) -> bool:
    flag = flag.float()
    if _workers() > 1:
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
    return bool(flag)


def _all_finite(tensors: Sequence[Tensor]) -> bool:
    return bool(torch.stack([tensor.isfinite().all() for tensor in tensors]).all())
