"""A model that answers the middle frame of its window, with a map that this frame alone decides."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.folded import Casting
from hd2s.models.config import Input, ModelConfig
from hd2s.models.contract import Model, Prediction, Push, SaliencyModel


@dataclass(frozen=True)
class MiddleConfig(ModelConfig):
    clip_length: int = 5
    height: int = 24
    width: int = 32
    step: int = 1
    photograph: str = "repeated"

    @property
    def input(self) -> Input:
        answers, photograph = "middle", self.photograph
        return Input(self.clip_length, self.height, self.width, self.step, answers, photograph)


class Middle(SaliencyModel):
    """A sum of the colours of one frame, above 0."""

    def __init__(self, config: MiddleConfig):
        super().__init__(config)
        self.colours = nn.Conv2d(3, 1, 1)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        return Prediction(F.softplus(self.colours(clips[:, :, clips.shape[2] // 2])))

    def stream(self, cast: Casting) -> Stream:
        return Stream(self)


class Stream:
    """Looks at every frame once, and answers those around which there are whole windows."""

    def __init__(self, model: Middle):
        self.model, (self.before, self.behind) = model, model.config.input.around

    def begin(self, n_windows: int | None = None) -> Push:
        waiting = torch.empty(0)

        def push(frames: Tensor) -> Tensor | None:
            nonlocal waiting
            maps = F.softplus(self.model.colours(frames[0].transpose(0, 1)))[:, 0]
            waiting = torch.cat([waiting.to(maps), maps])
            answered = waiting[self.before : len(waiting) - self.behind]
            waiting = waiting[len(answered) :]
            return answered if len(answered) else None

        return push


MODEL = Model(word="middle", title="Middle", config=MiddleConfig, build=Middle)
