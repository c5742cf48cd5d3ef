"""The recurrence of the Bypass-RNN: a gated recurrent unit of separable convolutions, normalised by domain.

Beyond what the paper says (Sect. 3.2) each of its six convolutions is normalised and scaled, as released.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.models.unisal.config import UnisalConfig

GATES = ("reset", "renewal", "candidate")


class GateInputs(NamedTuple):
    """One of the two inputs' parts in each gate, (N, C, H, W) each; which of them is in the names around."""

    reset: Tensor
    renewal: Tensor
    candidate: Tensor


class GatePart(nn.Module):
    """A separable convolution of 3 × 3 without bias, a batch norm in it and behind it, and a scale."""

    def __init__(self, channels: int, keys: Sequence[str], momentum: dict[str, float]):
        super().__init__()
        norm = partial(DomainBatchNorm2d, channels, keys, momentum)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.inner = norm()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.outer = norm()
        self.scale = nn.Parameter(torch.empty(channels, 1, 1))

    def reset_parameters(self) -> None:
        """Scale nothing at first."""
        nn.init.ones_(self.scale)

    def forward(self, x: Tensor, key: str) -> Tensor:
        """Map (N, C, H, W) to as much."""
        x = F.relu6(self.inner(self.depthwise(x), key))
        return self.scale * self.outer(self.pointwise(x), key)


class ConvGRU(nn.Module):
    """h ← (1 − z)·h + z·tanh(W x + r·(U h) + b), with the gates r and z from x and h alike."""

    def __init__(self, config: UnisalConfig, channels: int):
        super().__init__()
        keys = config.keys(config.domain_batch_norm)
        momentum = {key: config.momentum(key) for key in keys}
        self.channels, self.dropout = channels, nn.Dropout(config.recurrent_dropout)
        self.of_input, self.of_state = (
            nn.ModuleDict({gate: GatePart(channels, keys, momentum) for gate in GATES}) for _ in range(2)
        )
        self.bias = nn.ParameterDict({gate: nn.Parameter(torch.empty(channels, 1, 1)) for gate in GATES})

    def reset_parameters(self) -> None:
        """Prefer neither what was nor what comes."""
        for bias in self.bias.values():
            nn.init.zeros_(bias)

    def forward(
        self, groups: Sequence[Tensor], steps: int, state: Tensor | None, key: str
    ) -> tuple[list[Tensor], Tensor]:
        """Follow sequences.

        Args:
            groups: batches of frames that batch norms see together, in the order of time: one of shape
                (steps · B, C, H, W), or one for each step.
            steps: of time in all of them.
            state: (B, C, H, W) after what came before; None for zeros, before the beginning.
            key: whose batch norms.

        Returns:
            The states after each step, grouped as given, and the last one.
        """
        inputs = list(self._of_steps(groups, steps, key))
        h = torch.zeros_like(inputs[0].reset) if state is None else state
        masks = self._masks(h)
        states = []
        for x in inputs:
            h = self._step(x, h, masks, key)
            states.append(h)
        return (states if len(groups) > 1 else [torch.cat(states)]), h

    def _of_steps(self, groups: Sequence[Tensor], steps: int, key: str) -> Iterator[GateInputs]:
        for group in groups:
            parts = (self.of_input[gate](group, key).chunk(steps // len(groups)) for gate in GATES)
            yield from map(GateInputs._make, zip(*parts, strict=True))

    def _step(self, x: GateInputs, h: Tensor, masks: Sequence[Tensor | None], key: str) -> Tensor:
        r, z, candidate = (
            self.of_state[gate](h if mask is None else h * mask, key)
            for gate, mask in zip(GATES, masks, strict=True)
        )
        return gated(x, GateInputs(r, z, candidate), GateInputs(*(self.bias[gate] for gate in GATES)), h)

    def _masks(self, h: Tensor) -> Sequence[Tensor | None]:
        """Draw which channels of the state each gate does without, in all clips and steps alike."""
        if not self.training:
            return (None, None, None)
        return self.dropout(h.new_ones(len(GATES), self.channels, 1, 1)).unbind()


def gated(x: GateInputs, h: GateInputs, bias: GateInputs, state: Tensor) -> Tensor:
    """Return the next state of `state`, given both inputs' parts in the gates."""
    r = torch.sigmoid(x.reset + h.reset + bias.reset)
    z = torch.sigmoid(x.renewal + h.renewal + bias.renewal)
    candidate = torch.tanh(x.candidate + r * h.candidate + bias.candidate)
    return (1 - z) * state + z * candidate
