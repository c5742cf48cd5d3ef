"""A training's optimiser: groups of parameters, the learning rate's schedule, what is frozen at first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import cos, pi
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW

from hd2s.approaches.contract import Learner
from hd2s.checks import unknown
from hd2s.models.contract import ParameterGroup

Kind = Literal["adam", "adamw", "sgd"]
Curve = Literal["steps", "cosine"]


@dataclass(frozen=True)
class OptimiserOptions:
    """How weights are moved; the defaults are HD2S's (Sect. 4.2).

    Attributes:
        kind: "adam", "adamw" or "sgd".
        lr: the learning rate, before its schedule and a group's factor.
        weight_decay: before a group's factor; added to the gradient, or taken off the weights ("adamw").
        momentum: of sgd.
        lr_curve: how the learning rate falls: in "steps", or along half a "cosine", from all of it to nothing
            after the last iteration (Loshchilov and Hutter, 2017, Eq. 5, without restarts).
        lr_decay: what it is multiplied by, in steps.
        lr_milestones: after how many iterations it is, each time.
        lr_period: every so many iterations it is as well; 0 for never.
        lr_warmup: in how many iterations it first rises, by the same amount each, to all of it in the last.
        iterations: of the training, after which the cosine has come to nothing.

    Raises:
        ValueError: an unknown kind or curve.
    """

    kind: Kind = "adam"
    lr: float = 1e-3
    weight_decay: float = 2e-7
    momentum: float = 0.0
    lr_curve: Curve = "steps"
    lr_decay: float = 1.0
    lr_milestones: tuple[int, ...] = ()
    lr_period: int = 0
    lr_warmup: int = 0
    iterations: int = 2500

    def __post_init__(self) -> None:
        for what, word, known in (("optimiser", self.kind, Kind), ("curve", self.lr_curve, Curve)):
            if word not in get_args(known):
                raise ValueError(unknown(what, word, get_args(known)))

    def lr_at(self, iteration: int) -> float:
        """Return the learning rate of an iteration, counted from 0; it depends on nothing but the number."""
        fallen = self._on_cosine(iteration) if self.lr_curve == "cosine" else self._in_steps(iteration)
        risen = (iteration + 1) / self.lr_warmup if iteration < self.lr_warmup else 1.0
        return self.lr * fallen * risen

    def _in_steps(self, iteration: int) -> float:
        times = sum(iteration >= milestone for milestone in self.lr_milestones)
        times += iteration // self.lr_period if self.lr_period else 0
        return self.lr_decay**times

    def _on_cosine(self, iteration: int) -> float:
        done = max(iteration - self.lr_warmup, 0) / max(self.iterations - self.lr_warmup, 1)
        return (1 + cos(pi * done)) / 2


class Optimiser:
    """Moves a learner's parameters: the model's in its own groups, what is trained beside it in one more.

    Args:
        learner: the model in training, on its device.
        options: how.
    """

    def __init__(self, learner: Learner, options: OptimiserOptions):
        self.options = options
        self._groups = learner.model.parameter_groups()
        # What a learner has frozen itself stays so, whatever becomes of its group.
        self._trained = {id(parameter) for parameter in learner.parameters() if parameter.requires_grad}
        grouped = {id(parameter) for group in self._groups for parameter in group.parameters}
        if beside := [parameter for parameter in learner.parameters() if id(parameter) not in grouped]:
            self._groups = [*self._groups, ParameterGroup(beside)]
        decay = options.weight_decay
        groups: list[dict[str, Any]] = [
            {"params": group.parameters, "weight_decay": decay * group.weight_decay} for group in self._groups
        ]
        fused = not any(parameter.is_complex() for parameter in learner.parameters())
        kinds: dict[str, Callable[..., torch.optim.Optimizer]] = {
            "adam": Adam,
            "adamw": AdamW,
            "sgd": partial(SGD, momentum=options.momentum),
        }
        self._torch = kinds[options.kind](groups, lr=options.lr, fused=fused)

    def begin(self, iteration: int) -> None:
        """Set the learning rates of an iteration, counted from 0; forget the gradients of the last one."""
        self._torch.zero_grad(set_to_none=True)
        lr = self.options.lr_at(iteration)
        for group, settings in zip(self._groups, self._torch.param_groups, strict=True):
            settings["lr"] = (lr if group.scheduled else self.options.lr) * group.lr
            # A frozen parameter gets no gradient, and so neither moves nor gathers momentum.
            frozen = group.frozen + group.frozen_periods * self.options.lr_period
            for parameter in group.parameters if frozen else ():
                parameter.requires_grad_(iteration >= frozen and id(parameter) in self._trained)

    def step(self, share: float = 1.0) -> None:
        """Move the parameters by their gradients, at a share of the iteration's learning rates."""
        if share != 1:
            for settings in self._torch.param_groups:
                settings["lr"] *= share
        if self.options.kind == "sgd" and self.options.momentum:
            self._begin_momentum()
        self._torch.step()

    def _begin_momentum(self) -> None:
        # PyTorch's fused SGD fails where some parameters of a group have been moved before and others, of a
        # domain that is met for the first time, have not. Without a past, momentum is the gradient.
        for settings in self._torch.param_groups:
            for parameter in settings["params"]:
                if parameter.grad is not None and "momentum_buffer" not in self._torch.state[parameter]:
                    self._torch.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter.grad)

    def state_dict(self) -> dict[str, Any]:
        """Return what an interrupted training must get back."""
        return self._torch.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, which may have been saved with weights in another order of memory."""
        self._torch.load_state_dict(state)
        # PyTorch's fused kernels take what is beside each other in memory for one weight's: in another order
        # they would give moments to weights that they are not of.
        for parameter, kept in self._torch.state.items():
            for name, value in kept.items():
                if isinstance(value, Tensor) and value.shape == parameter.shape:
                    kept[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
