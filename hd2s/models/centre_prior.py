"""The centre prior: one map for every frame, the mean of its sources' training maps; for a model to beat.

Of all predictions that look at no pixel it has the lowest mean KLD from those maps: Σᵢ KLD(qᵢ ‖ p) is least
where p is the mean of the densities qᵢ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from hd2s.models.config import Fault, Input, ModelConfig
from hd2s.models.contract import Model, Prediction, SaliencyModel
from hd2s.models.tested import PredictionProtocol

_SPREAD = 0.2
"""σ of the map before it is fitted, in shares of each side: it has the frame's shape, as fixations on film
have."""


@dataclass(frozen=True)
class OneFrameConfig(ModelConfig):
    """The size of the map, in pixels."""

    height: int = 128
    width: int = 192

    def faults(self) -> Iterable[Fault]:
        """List sides that are none."""
        return [(name, "1 or more") for name in ("height", "width") if getattr(self, name) < 1]

    @property
    def input(self) -> Input:
        """A single frame, which is not looked at."""
        return Input(1, self.height, self.width)

    @property
    def learns_smoothing(self) -> bool:
        """Whatever its smoothness, the map is as it is to be."""
        return True


class CentrePrior(SaliencyModel):
    """A map, `prior` (H, W), the answer to every frame; until it is fitted, a Gaussian in the centre."""

    config: OneFrameConfig
    prior: Tensor

    def __init__(self, config: OneFrameConfig):
        super().__init__(config)
        self.register_buffer("prior", torch.empty(config.height, config.width))

    def reset_parameters(self) -> None:
        """Start from the Gaussian, of maximum 1."""
        rows, columns = map(_gaussian, self.prior.shape)
        self.prior.copy_(rows[:, None] * columns)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Answer each of the clips (B, 3, 1, H, W) with the map; see `SaliencyModel.forward`."""
        del domain, unlabelled
        return Prediction(self.prior.expand(len(clips), 1, -1, -1))

    def fit(self, maps: Iterator[Tensor]) -> None:
        """Become the mean of the maps, each as a density; maps without mass say nothing."""
        total, count = torch.zeros_like(self.prior, dtype=torch.float64), 0
        for batch in maps:
            mass = batch.double().sum((1, 2))
            total += (batch[mass > 0].double() / mass[mass > 0, None, None]).sum(0)
            count += int((mass > 0).sum())
        if count:
            self.prior.copy_(total / count)


def _gaussian(side: int) -> Tensor:
    offsets = torch.arange(side) - (side - 1) / 2
    return torch.exp(-0.5 * (offsets / (_SPREAD * side)) ** 2)


ANY_PROTOCOL = {"paper": PredictionProtocol(), "released": PredictionProtocol()}
"""Of models to which a clip's first frames are like all others, and whose maps nobody smooths."""

MODEL = Model(
    word="centre_prior",
    title="Centre prior",
    config=OneFrameConfig,
    build=CentrePrior,
    demo={"model.height": 64, "model.width": 64},
    prediction=ANY_PROTOCOL,
    of_protocol={"released": {}},
    trains=False,
)
