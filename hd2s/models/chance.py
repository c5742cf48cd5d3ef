"""Chance: a map of independent, uniformly distributed pixels, the same for every frame.

Not a constant map, to which the benchmark's metrics give no score at all: noise has an NSS of 0 and an AUC
of ½ up to what is left of it after averaging over frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.models.centre_prior import ANY_PROTOCOL, OneFrameConfig
from hd2s.models.contract import Model, Prediction, SaliencyModel


class Chance(SaliencyModel):
    """Noise (H, W), drawn from the model's seed."""

    config: OneFrameConfig
    noise: Tensor

    def __init__(self, config: OneFrameConfig):
        super().__init__(config)
        self.register_buffer("noise", torch.empty(config.height, config.width))

    def reset_parameters(self) -> None:
        """Draw the noise, in [0, 1)."""
        self.noise.uniform_()

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Answer each of the clips (B, 3, 1, H, W) with the noise; see `SaliencyModel.forward`."""
        del domain, unlabelled
        return Prediction(self.noise.expand(len(clips), 1, -1, -1))


MODEL = Model(
    word="chance",
    title="Chance",
    config=OneFrameConfig,
    build=Chance,
    demo={"model.height": 64, "model.width": 64},
    prediction=ANY_PROTOCOL,
    of_protocol={"released": {}},
    trains=False,
)
