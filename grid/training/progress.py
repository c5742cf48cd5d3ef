"""How far a training is: what, beside weights and optimiser, an interrupted one must get back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from typing import Any

import torch

from grid.plan import CorpusDigest, Criterion, Row, Validated
from grid.results.provenance import unlike
from grid.results.sources import eldest
from grid.training.validation import Losses

Weights = dict[str, torch.Tensor]


@dataclass
class Progress:
    """How far a training is, in plain values.

    Attributes:
        step: iterations taken.
        parent: digest of the weights that it has started from; empty for none, and in states of before.
        joules: what GPUs have used, as far as their drivers tell it.
        resumed_at: those after which it was interrupted and went on, since this is told.
        best_kld: the KLD on its own validation of what was chosen, with the step and the weights of it.
        best_loss: the loss that chose it, where that is another.
        kept: what each other criterion has chosen, by its name: `kld`, `step`, `weights` and `loss`.
        curve: all that was recorded.
        code: what began it: code that was edited since has not made all of it.
        computed: by what it was computed (`grid.results.provenance.computed`).
    """

    step: int = 0
    parent: str = ""
    seconds: float = 0.0
    joules: float = 0.0
    resumed: int = 0
    resumed_at: list[int] = field(default_factory=list)
    skipped: int = 0
    validation_seconds: float = 0.0
    best_kld: float = float("inf")
    best_loss: float | None = None
    best_step: int = -1
    best_weights: Weights = field(default_factory=dict)
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    curve: list[Row] = field(default_factory=list)
    code: dict[str, Any] = field(default_factory=dict)
    computed: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def beginning(cls, criteria: Collection[Criterion], parent: str = "") -> Progress:
        """Return that of a training that has not begun, in which these choose beside its own validation."""
        kept = {each.name: {"kld": math.inf, "step": -1, "weights": {}} for each in criteria}
        return cls(parent=parent, kept=kept)

    def goes_on_with(self, code: dict[str, Any], by: dict[str, Any]) -> None:
        """Note what makes the rest of the training."""
        self.code = dict(eldest([self.code], code))
        self.computed = unlike([*self.computed, by])

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Add to the curve."""
        self.curve += [{"step": step, "name": name, "value": value} for name, value in values.items()]

    def choose(
        self,
        models: Mapping[str, torch.nn.Module],
        losses: Mapping[Validated, Losses],
        own: CorpusDigest,
        criteria: Collection[Criterion],
        *,
        step: int,
        last: bool,
        always: bool,
        chooses: bool = True,
    ) -> None:
        """Keep weights for each criterion that has found none better; equal ones are one copy in memory.

        Args:
            models: the training's result, under "", and others, after `step` iterations.
            losses: of all that is validated.
            own: the training's own validation.
            criteria: those beside it.
            step: iterations taken.
            last: there are no more.
            always: the training's own are the latest, whatever the loss says.
            chooses: no loss chooses otherwise, but the last where none has.
        """

        @cache
        def weights(model: str) -> Weights:
            return {name: value.cpu().clone() for name, value in models[model].state_dict().items()}

        kld, loss = losses["", own]
        chooses |= last
        best = self.best_kld if self.best_loss is None else self.best_loss
        if (chooses and loss < best) or always:
            self.best_kld, self.best_step, self.best_weights = kld, step, weights("")
            self.best_loss = None if loss == kld else loss
        for each in criteria:
            found = [losses[each.model, corpus] for corpus in each.corpora or (own,)]
            loss, kept = fmean(one.selecting for one in found), self.kept[each.name]
            if (chooses and loss < kept.get("loss", kept["kld"])) if each.corpora else last:
                kld = fmean(one.kld for one in found)
                chosen = {"kld": kld, "loss": loss, "step": step, "weights": weights(each.model)}
                self.kept[each.name] = chosen
