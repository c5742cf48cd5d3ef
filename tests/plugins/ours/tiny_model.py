"""A model in one file: a window's frames seen at once by two convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.features import Feature
from hd2s.models.config import Fault, Input, ModelConfig
from hd2s.models.contract import Model, Prediction, SaliencyModel


@dataclass(frozen=True)
class TinyConfig(ModelConfig):
    """The fields are the settings `model.*` of a grid."""

    clip_length: int = 4
    height: int = 32
    width: int = 48
    channels: int = 8

    def faults(self) -> Iterator[Fault]:
        """List what cannot work: it is told before anything starts."""
        if self.clip_length < 1:
            yield "clip_length", "1 or more"
        for side in ("height", "width"):
            if getattr(self, side) < 4 or getattr(self, side) % 4:
                yield side, "a positive multiple of 4"

    @property
    def input(self) -> Input:
        """Consecutive frames, of which the last is answered."""
        return Input(self.clip_length, self.height, self.width)

    @property
    def features(self) -> dict[str, Feature]:
        """What approaches such as gradient reversal may work on."""
        return {"1": Feature(self.channels, self.height // 4, self.width // 4)}


class Tiny(SaliencyModel):
    """Two convolutions; every layer is initialised from the training's seed and its own name."""

    def __init__(self, config: TinyConfig):
        super().__init__(config)
        self.encoder = nn.Conv2d(3 * config.clip_length, config.channels, 4, stride=4)
        self.decoder = nn.Conv2d(config.channels, 1, 3, padding=1)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Map (B, 3, T, H, W) to maps (B, 1, H, W), with features (B, C, H/4, W/4)."""
        features = F.relu(self.encoder(clips.flatten(1, 2)))
        maps = F.interpolate(self.decoder(features), scale_factor=4, mode="bilinear").sigmoid()
        return Prediction(maps, features={"1": features})


MODEL = Model(
    word="tiny",
    title="Tiny",
    config=TinyConfig,
    build=Tiny,
    # What its paper trains with: laid under a table's settings and the user's.
    settings={"train.optimiser": "sgd", "train.momentum": 0.9, "train.lr": 0.05},
)
