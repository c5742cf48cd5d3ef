"""Models that say which frames they saw, and in which order, for tests of what is asked of any model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from hd2s.models.config import Fault, Input, ModelConfig
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.declaration import Model
from hd2s.models.tested import PredictionProtocol


@dataclass(frozen=True)
class ToyConfig(ModelConfig):
    frames: int = 16
    height: int = 6
    width: int = 7
    step: int = 1
    answers: str = "last"
    learnt: bool = False
    photograph: str = "repeated"

    def faults(self) -> Iterable[Fault]:
        if self.answers not in ("last", "middle", "every"):
            yield "answers", "last, middle or every"

    @property
    def input(self) -> Input:
        return Input(self.frames, self.height, self.width, self.step, self.answers, self.photograph)

    @property
    def learns_smoothing(self) -> bool:
        return self.learnt


class OrderSensitive(SaliencyModel):
    """Answers with Σ weight_ak · (frame_k's red value), its weights different for all answers and frames.

    Dropout shows a model left in training mode, and the second module a mode set for one part only.
    """

    def __init__(self, config: ToyConfig):
        super().__init__(config)
        self.dropout = nn.Dropout(0.5)
        self.frozen = nn.Dropout(0.5).eval()
        self.batches: list[int] = []
        self.domains: list[str | None] = []
        self.lengths: set[int] = set()
        self.fails = False

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        self.batches.append(len(clips))
        self.domains.append(domain)
        self.lengths.add(clips.shape[2])
        assert clips.shape[1] == 3 and clips.shape[3:] == self.config.input.size
        assert clips.shape[2] in {
            self.config.frames,
            1 if self.config.photograph == "alone" else self.config.frames,
        }
        assert clips.dtype == torch.float32
        assert not torch.is_grad_enabled()
        assert not self.fails
        answers = torch.einsum(
            "bthw,at->bahw", clips[:, 0], weights(replace(self.config, frames=clips.shape[2]))
        )
        return Prediction(self.frozen(self.dropout(answers)))


def weights(config: ToyConfig) -> Tensor:
    """Return a frame's share (A, T) in each answer; the last answer's tells every window from every other."""
    table = 1 / (1 + torch.arange(config.frames)[None] + 3 * torch.arange(config.frames - 1, -1, -1)[:, None])
    return table[list(config.input.answered(config.frames))]


TOY = Model(
    word="toy",
    title="Toy",
    config=ToyConfig,
    build=OrderSensitive,
    prediction={
        "paper": PredictionProtocol(smoothing_sigma=5.0),
        "released": PredictionProtocol(smoothing_sigma=3.0, head="colours reversed", quantise=True),
    },
)


def declared(model: Model, **options: Any) -> SaliencyModel:
    """Build a model that is in no registry."""
    built = model.build(model.config(**options))
    built.declaration = model
    return built
