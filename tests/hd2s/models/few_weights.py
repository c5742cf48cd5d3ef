"""A model of a few hundred weights with all that approaches work on, for tests that any model will do for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.domains import DomainBatchNorm2d
from hd2s.layers.features import Feature
from hd2s.models.config import Input, ModelConfig
from hd2s.models.contract import Prediction, SaliencyModel
from hd2s.models.declaration import Model


@dataclass(frozen=True)
class FewConfig(ModelConfig):
    clip_length: int = 4
    height: int = 8
    width: int = 8
    domains: tuple[str, ...] = ()

    @property
    def input(self) -> Input:
        return Input(self.clip_length, self.height, self.width)

    def domain_of(self, corpus: str) -> str | None:
        return corpus if corpus in self.domains else None

    @property
    def features(self) -> dict[str, Feature]:
        return {"1": Feature(6, self.height // 2, self.width // 2, hidden=(5, 4))}


class FewWeights(SaliencyModel):
    """Batch norms, dropout and, where there are domains, what each has of its own."""

    capturable = True

    def __init__(self, config: FewConfig):
        super().__init__(config)
        colours = 3 * config.clip_length
        self.encoder = nn.Sequential(nn.Conv2d(colours, 6, 2, stride=2), nn.BatchNorm2d(6), nn.Dropout(0.3))
        self.norm = DomainBatchNorm2d(6, config.domains, 0.1) if config.domains else None
        self.decoder = nn.Conv2d(6, 1, 1)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        features = self.encoder(clips.flatten(1, 2))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not unlabelled):
            maps = self.decoder(self.norm(features, domain) if self.norm else features)
        return Prediction(F.interpolate(maps, scale_factor=2).sigmoid(), {}, {"1": features})

    def blocks(self) -> Iterator[nn.Module]:
        yield self.encoder


FEW = Model(word="few", title="Few weights", config=FewConfig, build=FewWeights, has_blocks=True)
