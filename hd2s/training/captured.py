"""Micro-batches as CUDA graphs: all kernels of their forward and backward passes are started at once.

A micro-batch of HD2S is about 2,900 small kernels, and a processor that starts them one by one keeps an H200
waiting: as a graph 349 clips a second instead of 94 to 141. A graph repeats what was recorded, on the memory
that it was recorded with, so that whatever changes from one micro-batch to the next must be a tensor: clips
and maps are copied to where it reads them, and numbers such as λ are `Progress.number`. Models and learners
that keep to that say so (`hd2s.models.capturable`).

Each kind of micro-batch (sizes, domain, frozen parameters, and what model and learner say of themselves) is
recorded when it is first met, and compared once with what it stands for later in the training, when numbers
are others; a kind that differs runs kernel by kernel, and so does everything once a recording has failed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from hd2s.approaches.contract import Learner, MicroBatch, Numbers, Progress, Terms
from hd2s.training.cuda_graphs import CudaGraphs, Recorder
from hd2s.training.execution import Execution
from hd2s.training.turns import Drawn

_LOG = logging.getLogger(__name__)

_WARM_UPS = 3  # in which libraries choose their ways and take their memory
# Of a parameter's largest gradient: rounding in bfloat16, or sums in another order, come to a few percent at
# most; what a graph lacks or reads from elsewhere is off by the whole. Where a gradient is next to nothing
# beside others', there is nothing in it but rounding.
_APART, _NEXT_TO_NOTHING = 0.1, 0.01

Losses = list[tuple[Tensor, Terms]]


@dataclass
class _Recorded:
    """A micro-batch's recording.

    Attributes:
        drawn: the memory that it reads clips, maps and fixations from.
        numbers: those that it reads.
        replay: repeats it.
        moved: the parameters that it adds gradients to.
        names: of each loss, its terms'.
        found: of each loss, itself and its terms (1 + n,).
    """

    drawn: Drawn
    numbers: Numbers
    replay: Callable[[], None]
    moved: Sequence[Tensor]
    names: list[list[str]]
    found: list[Tensor]


class _Before(NamedTuple):
    """What a trial must leave as it was: running statistics and gradients."""

    buffers: Sequence[tuple[Tensor, Tensor]]
    gradients: Sequence[tuple[Tensor, Tensor | None, Tensor | None]]

    @classmethod
    def of(cls, learner: Learner) -> _Before:
        """Copy a learner's."""
        gradients = [(p, p.grad, None if p.grad is None else p.grad.clone()) for p in learner.parameters()]
        return cls([(buffer, buffer.clone()) for buffer in learner.buffers()], gradients)

    def begin_again(self) -> None:
        """Put statistics back, and forget gradients."""
        for buffer, value in self.buffers:
            buffer.copy_(value)
        for parameter, _, _ in self.gradients:
            parameter.grad = None

    def put_back(self) -> None:
        """Put everything back where it was."""
        self.begin_again()
        for parameter, place, value in self.gradients:
            if place is not None and value is not None:
                place.copy_(value)
            parameter.grad = place


class CapturedPasses:
    """The forward and backward passes of a training's micro-batches, recorded and repeated.

    Args:
        learner: whose losses they are; its modules and parameters must stay the same objects.
        execution: how its model is run.
        recorder: records; CUDA graphs on the learner's device unless given.
    """

    def __init__(self, learner: Learner, execution: Execution, recorder: Recorder | None = None):
        self.learner, self.execution = learner, execution
        self._parameters = list(learner.parameters())
        self._device = self._parameters[0].device
        self._recorder = recorder or CudaGraphs(self._device)
        self._recorded: dict[tuple[Any, ...], _Recorded | None] = {}
        self._broken = False
        self._gradients: dict[int, Tensor] = {}  # where each parameter's are added up

    @classmethod
    def of(cls, learner: Learner, execution: Execution) -> CapturedPasses | None:
        """Return those of a learner, if they are asked for and it and its model are fit for them."""
        fit = learner.capturable and learner.model.capturable
        return cls(learner, execution) if execution.capture and fit else None

    def __call__(self, drawn: Drawn, progress: Progress) -> Losses | None:
        """Add up the gradients of a micro-batch.

        Returns:
            Its losses and their terms, detached; None if it is to run kernel by kernel.
        """
        if self._broken:
            return None
        if (kind := self._kind(drawn)) not in self._recorded:
            recorded = self._try(drawn, progress)
            # Of what it was recorded as, which trying may have changed.
            kind = self._kind(drawn)
            self._recorded[kind] = recorded
        recorded = self._recorded[kind]
        return None if recorded is None else self._repeat(recorded, drawn, progress)

    def _kind(self, drawn: Drawn) -> tuple[Any, ...]:
        moving = [parameter.requires_grad for parameter in self._parameters]
        found = self.learner.recorded_as(), self.learner.model.recorded_as()
        return *found, *map(_kind_of, drawn[0]), None, *map(_kind_of, drawn[1]), *moving

    def _try(self, drawn: Drawn, progress: Progress) -> _Recorded | None:
        before, numbers = _Before.of(self.learner), Numbers(self._device)
        # At its beginning λ is 0, and whatever it weighs would be alike.
        later = replace(progress, iteration=progress.iterations // 2)
        try:
            for _ in range(_WARM_UPS):
                before.begin_again()
                told = replace(later, numbers=numbers.renew(later))
                with self._drawing_alike():
                    self._recorder.warm_up(partial(self._propagate, drawn, told))
            expected = [(p, p.grad) for p in self._parameters if p.grad is not None]
            with self._drawing_alike():
                recorded = self._record(drawn, progress, numbers)
            before.begin_again()
            with self._drawing_alike():
                self._repeat(recorded, drawn, later)
            apart = _apart(expected)
        except RuntimeError as error:
            _LOG.warning("Training runs kernel by kernel: no graph of it can be recorded (%s)", error)
            self._broken = True
            return None
        finally:
            before.put_back()
        if not apart <= _APART:
            _LOG.warning("Training runs kernel by kernel: by its graph gradients are %.2g off", apart)
            return None
        return recorded

    def _drawing_alike(self) -> AbstractContextManager:
        """Have dropout in the block draw what the training itself draws after it."""
        return torch.random.fork_rng([self._device] if self._device.type == "cuda" else [])

    def _record(self, drawn: Drawn, progress: Progress, numbers: Numbers) -> _Recorded:
        """Record a micro-batch, whose gradients stand where it has just run, on memory of its own."""
        moved = []
        for parameter in self._parameters:
            if parameter.grad is not None:
                moved.append(parameter)
                if id(parameter) not in self._gradients:
                    self._gradients[id(parameter)] = torch.zeros_like(parameter.grad)
                parameter.grad = self._gradients[id(parameter)]
        labelled, unlabelled = ([_on_memory_of_its_own(batch) for batch in batches] for batches in drawn)
        told = replace(progress, numbers=numbers.renew(progress))
        names: list[list[str]] = []
        found: list[Tensor] = []

        def work() -> None:
            for loss, terms in self._propagate((labelled, unlabelled), told):
                names.append(list(terms))
                found.append(torch.stack([loss, *terms.values()]))

        replay = self._recorder.record(work)
        return _Recorded((labelled, unlabelled), numbers, replay, moved, names, found)

    def _propagate(self, drawn: Drawn, progress: Progress) -> Losses:
        """Run the passes, one kernel after the other."""
        done: Losses = []
        for loss, terms in forward_passes(self.learner, self.execution, drawn, progress):
            if loss.requires_grad:
                loss.backward()
            done.append((loss.detach(), terms))
        return done

    def _repeat(self, recorded: _Recorded, drawn: Drawn, progress: Progress) -> Losses:
        self._gather_in_place(recorded.moved)
        for own, batches in zip(recorded.drawn, drawn, strict=True):
            for memory, batch in zip(own, batches, strict=True):
                for to, value in zip(_tensors(memory), _tensors(batch), strict=True):
                    to.copy_(value)
        recorded.numbers.renew(progress)
        recorded.replay()
        return [
            (loss, dict(zip(names, terms, strict=True)))
            for names, found in zip(recorded.names, recorded.found, strict=True)
            for loss, *terms in [found.clone().unbind()]
        ]

    def _gather_in_place(self, moved: Sequence[Tensor]) -> None:
        """Have gradients added up where the recording adds them."""
        fresh = []
        for parameter in moved:
            place = self._gradients[id(parameter)]
            if parameter.grad is None:
                fresh.append(place)
            elif parameter.grad is not place:
                place.copy_(parameter.grad)
            parameter.grad = place
        if fresh:
            torch._foreach_zero_(fresh)


def forward_passes(
    learner: Learner, execution: Execution, drawn: Drawn, progress: Progress
) -> Iterator[tuple[Tensor, Terms]]:
    """Yield the losses of a micro-batch, each to be propagated back before the next, with detached terms."""
    losses, device = learner.losses(*drawn, progress), next(learner.parameters()).device
    while True:
        with execution.autocast(device):
            found = next(losses, None)
        if found is None:
            return
        loss, terms = found
        yield loss, {name: term.detach() for name, term in terms.items()}


def _apart(expected: Sequence[tuple[Tensor, Tensor]]) -> float:
    """Return how far a parameter's gradient is off at most, in shares of its largest."""
    sizes = torch.stack([gradient.abs().max() for _, gradient in expected])
    largest = sizes.max()
    # Of bad clips nothing is finite, which is told by whoever takes the iteration.
    if not 0 < largest < torch.inf:
        return 0.0
    lacks = torch.full_like(largest, torch.inf)
    apart = [lacks if p.grad is None else (p.grad - gradient).abs().max() for p, gradient in expected]
    return float((torch.stack(apart) / sizes.clamp(min=_NEXT_TO_NOTHING * largest)).max())


def _tensors(batch: MicroBatch) -> list[Tensor]:
    return [x for x in (batch.clips, batch.maps, batch.fixations) if x is not None]


def _kind_of(batch: MicroBatch) -> tuple[Any, ...]:
    """Return all that is recorded of a micro-batch but the values of its tensors."""
    given = batch.maps is not None, batch.fixations is not None
    layouts = ((x.dtype, x.shape, x.stride()) for x in _tensors(batch))
    return batch.domain, batch.source, *given, *layouts


def _on_memory_of_its_own(batch: MicroBatch) -> MicroBatch:
    maps, fixations = (None if x is None else torch.zeros_like(x) for x in (batch.maps, batch.fixations))
    return replace(batch, clips=torch.zeros_like(batch.clips), maps=maps, fixations=fixations, keys=())
