"""One iteration of the optimiser: micro-batches accumulated to the paper's batch of 200 (Sect. 4.2).

Any number of workers take it together. Each accumulates the gradients of its own micro-batches; at the end
they are averaged in one exchange. That needs no wrapper around the model, whose hooks would fail where a
backward pass skips a part of it (decoders on target clips, other domains, a micro-batch left out).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor, distributed

from hd2s.approaches.contract import (
    BETWEEN_DOMAINS,
    SOURCE_LOSS,
    WATCHED,
    Learner,
    Progress,
    Terms,
)
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.checks import unknown
from hd2s.training.captured import CapturedPasses, forward_passes
from hd2s.training.execution import Execution
from hd2s.training.optimiser import Optimiser
from hd2s.training.turns import Drawn

# Among the terms that workers average; no name of a loss.
_LR_SHARE = "share of the learning rate"


class NonFiniteError(ArithmeticError):
    """A loss or a gradient is not finite; the optimiser has not moved the weights."""


class NoGradientError(ValueError):
    """Weights are to be trained and no loss leads back to any of them."""


@dataclass(frozen=True)
class Recipe:
    """What every iteration of a training shares; the defaults are HD2S's (Sect. 4.2).

    Attributes:
        iterations: of the training.
        accumulate: micro-batches that this worker adds up per iteration.
        of_all: those of all workers, which may have unequal shares unless they are to "skip"; None: shares
            are equal.
        protocol: whether their gradients are averaged or summed.
        clip_gradient: the largest norm of all gradients together, to which larger ones are scaled; None for
            none.
        non_finite: what to do with a micro-batch whose loss is not finite. "stop" raises NonFiniteError.
            "skip" leaves it out on all workers and averages the others, at the price of one synchronisation
            per loss; of a micro-batch with several losses those before the bad one still count.
        sources: the corpora whose losses are told apart, of all workers in one order.

    Raises:
        ValueError: an unknown `non_finite`, or less than one micro-batch.
    """

    iterations: int = 2500
    accumulate: int = 25
    of_all: int | None = None
    protocol: TrainingProtocol = field(default_factory=TrainingProtocol)
    clip_gradient: float | None = None
    non_finite: Literal["stop", "skip"] = "stop"
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.non_finite not in ("stop", "skip"):
            raise ValueError(unknown("non_finite", self.non_finite, ("stop", "skip")))
        if self.accumulate < 1:
            raise ValueError(f"accumulate must be at least one micro-batch, found {self.accumulate}")


@dataclass(frozen=True)
class Iteration:
    """What came of an iteration.

    Attributes:
        terms: loss term → mean over its micro-batches, of all workers.
        skipped: micro-batches left out, of each worker.
        watched: what is no part of any loss, as `terms`, the loss on each of `Recipe.sources` whose turn it
            was, and what the learner tells of the last micro-batch.
    """

    terms: dict[str, float]
    skipped: int
    watched: dict[str, float]


def take_iteration(
    learner: Learner,
    optimiser: Optimiser,
    recipe: Recipe,
    iteration: int,
    micro_batches: Iterator[Drawn],
    *,
    execution: Execution | None = None,
    captured: CapturedPasses | None = None,
) -> Iteration:
    """Draw `recipe.accumulate` micro-batches, move the weights once, and say how it went.

    Where a process group is initialised, every worker must call this with the same `iteration`; they end with
    the same weights and running statistics.

    Args:
        learner: the model in training.
        optimiser: of its parameters.
        recipe: what all iterations share.
        iteration: counted from 0.
        micro_batches: labelled and unlabelled ones on the model's device (`hd2s.training.turns.take_turns`).
        execution: the one that the model was prepared with, resolved; without it, forward passes run in the
            weights' precision.
        captured: repeats the passes as they were recorded, where it can; not with `recipe.non_finite` "skip",
            which looks at a loss before it goes back.

    Raises:
        NonFiniteError: on every worker, naming iteration, clips and loss terms. The weights are then as they
            were; running statistics have seen the batch.
        NoGradientError: in the first iteration, where nothing would be trained. A later one may only look.
    """
    learner.train()
    optimiser.begin(iteration)
    captured = captured if recipe.non_finite == "stop" else None
    passes = _Passes(learner, recipe, execution or Execution(mixed_precision=False), captured)
    of_all = recipe.of_all or recipe.accumulate * _workers()
    for k in range(recipe.accumulate):
        # Workers take the micro-batches of one process in turn.
        progress = Progress(iteration, recipe.iterations, k * _workers() + _rank(), of_all)
        passes.accumulate(next(micro_batches), progress)
    gradients = _gradients(learner)
    kept = of_all - passes.skipped * _workers()
    mean = recipe.protocol.gradients == "mean" and kept > 0
    _add_over_workers(gradients, scale=1 / kept if mean else 1.0)
    terms = passes.mean_terms()
    lr_share = terms.pop(_LR_SHARE, 1.0)
    if not kept or not all(map(math.isfinite, terms.values())) or not _all_finite(gradients):
        raise NonFiniteError(f"Iteration {iteration}: {passes.describe()}; the weights have not moved.")
    if not iteration and not gradients and any(p.requires_grad for p in learner.parameters()):
        raise NoGradientError(
            "expected losses that lead back to weights, found no gradient in the first iteration. Do not "
            "detach maps or losses; what is not to be trained says `requires_grad_(False)`."
        )
    if recipe.clip_gradient is not None:
        torch.nn.utils.clip_grad_norm_(learner.parameters(), recipe.clip_gradient)
    optimiser.step(lr_share)
    _average_statistics(learner)
    learner.after_step()
    watched = {name: terms.pop(name) for name in list(terms) if name.startswith((*WATCHED, SOURCE_LOSS))}
    return Iteration(terms, passes.skipped, watched | dict(learner.watched(progress)))


def _gradients(learner: Learner) -> list[Tensor]:
    """Return the gradients that some worker has; of domains that another one's clips were of, zeros."""
    parameters = [parameter for parameter in learner.parameters() if parameter.requires_grad]
    if _workers() > 1 and parameters:
        has = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        distributed.all_reduce(has)
        for parameter, n in zip(parameters, has.tolist(), strict=True):
            if n and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


def _average_statistics(learner: Learner) -> None:
    # Of frozen modules they are equal already, and an average's rounding would move them.
    buffers = (b for module in learner.modules() if module.training for b in module.buffers(recurse=False))
    statistics = [buffer for buffer in buffers if buffer.is_floating_point()]
    _add_over_workers(statistics, scale=1 / _workers())


class _Passes:
    """The forward and backward passes of an iteration on one worker."""

    def __init__(
        self, learner: Learner, recipe: Recipe, execution: Execution, captured: CapturedPasses | None
    ):
        self.learner, self.recipe, self.execution, self.captured = learner, recipe, execution, captured
        self.device = next(learner.parameters()).device
        self.drawn = self.skipped = 0
        # All workers exchange the same sums, whosever turn it was on which.
        self.sums: dict[str, tuple[Tensor, int]] = {
            f"{SOURCE_LOSS}{source}": (torch.zeros((), device=self.device), 0) for source in recipe.sources
        }
        self.seen: list[tuple[str, Terms]] = []  # where, and what was found there

    def accumulate(self, drawn: Drawn, progress: Progress) -> None:
        """Add up the gradients of one micro-batch, or leave it out."""
        self.drawn += 1
        keys = [key for batches in drawn for batch in batches for key in batch.keys]
        where = f"micro-batch {self.drawn} of {self.recipe.accumulate} (clips {', '.join(keys) or 'unnamed'})"
        repeated = self.captured(drawn, progress) if self.captured else None
        losses = iter(repeated or forward_passes(self.learner, self.execution, drawn, progress))
        first = True
        while True:
            statistics = self._statistics()
            if (found := next(losses, None)) is None:
                return
            loss, terms = found
            self.seen.append((where, terms))
            if self.recipe.non_finite == "skip" and _any_worker(~loss.detach().isfinite()):
                for buffer, value in statistics:
                    buffer.copy_(value)
                self.skipped += 1
                return
            if loss.requires_grad:
                loss.backward()
            besides = self._of_source(drawn, terms) if first else {}
            for name, term in (terms | besides | self._lr_share(drawn, loss)).items():
                total, count = self.sums.get(name, (0, 0))
                self.sums[name] = total + term, count + 1
            first = False

    def _of_source(self, drawn: Drawn, terms: Terms) -> Terms:
        """Return what the first loss, that of the labelled clips, says of their maps, by their corpus."""
        own = [term for name, term in terms.items() if not name.startswith(BETWEEN_DOMAINS)]
        names = (f"{SOURCE_LOSS}{batch.source}" for batch in drawn[0])
        return {name: torch.stack(own).sum() for name in names if own and name in self.sums}

    def _lr_share(self, drawn: Drawn, like: Tensor) -> Terms:
        # Also where it is all of it: another worker's clips may be photographs.
        shares = [self.learner.model.lr_share(batch.clips) for batch in drawn[0]]
        return {_LR_SHARE: like.new_full((), sum(shares) / len(shares))} if shares else {}

    def _statistics(self) -> list[tuple[Tensor, Tensor]]:
        """Copy what a forward pass on bad clips would spoil."""
        if self.recipe.non_finite != "skip":
            return []
        return [(buffer, buffer.clone()) for buffer in self.learner.buffers()]

    def mean_terms(self) -> dict[str, float]:
        """Average each term over the micro-batches that counted, of all workers."""
        counted = [total for total, count in self.sums.values() if count]
        if not counted:
            return {}
        sums = (total if count else counted[0].new_zeros(()) for total, count in self.sums.values())
        totals = torch.stack(list(sums))
        counts = torch.tensor([float(count) for _, count in self.sums.values()]).to(totals)
        _add_over_workers([totals, counts], scale=1.0)
        # At once: on a GPU each look waits for it.
        means, of = torch.stack([totals / counts, counts]).tolist()
        return {name: mean for name, mean, n in zip(self.sums, means, of, strict=True) if n}

    def describe(self) -> str:
        """Say where on this worker something is not finite."""
        found = []
        for where, terms in self.seen:
            values = {name: term.item() for name, term in terms.items()}
            bad = [f"{name} = {value}" for name, value in values.items() if not math.isfinite(value)]
            if bad:
                found.append(f"not finite: {', '.join(bad)} in {where}")
        if not found:
            named = ((n, p.grad) for n, p in self.learner.named_parameters() if p.grad is not None)
            bad = [name for name, gradient in named if not gradient.isfinite().all()]
            found.append(
                f"gradients not finite in {len(bad)} parameters ({', '.join(bad[:3])}, …), "
                "every loss of this worker finite"
            )
        return "; ".join(found)


def _workers() -> int:
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def _rank() -> int:
    return distributed.get_rank() if _workers() > 1 else 0


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
    # A norm takes a tenth of the time of looking at each number, and alone may overflow.
    norm = torch.nn.utils.get_total_norm(tensors)
    return bool(norm.isfinite()) or all(bool(tensor.isfinite().all()) for tensor in tensors)
