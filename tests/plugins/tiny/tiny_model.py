"""The smallest model that learns: a convolution over space and time, and one that weighs what it has found.

python run_grid.py --grid table5 plugins=[tests/plugins/tiny] model=tiny --plan
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from hd2s.layers.features import Feature
from hd2s.models.config import Fault, Input, ModelConfig
from hd2s.models.contract import Model, Prediction, SaliencyModel

_STRIDE = 4


@dataclass(frozen=True)
class TinyConfig(ModelConfig):
    """What shapes a Tiny: the settings `model.*` of a grid.

    Attributes:
        frames: T, of which the last is answered.
        height: in pixels, divisible by 4.
        width: in pixels, divisible by 4.
        channels: that the first convolution finds.
    """

    frames: int = 4
    height: int = 32
    width: int = 48
    channels: int = 8

    def faults(self) -> Iterator[Fault]:
        """List the fields whose values cannot work, with what is expected of them."""
        for name, step in {"frames": 1, "channels": 1, "height": _STRIDE, "width": _STRIDE}.items():
            if getattr(self, name) < step or getattr(self, name) % step:
                yield name, f"a positive multiple of {step}"

    @property
    def input(self) -> Input:
        """T consecutive frames."""
        return Input(self.frames, self.height, self.width)

    @property
    def features(self) -> dict[str, Feature]:
        """What approaches may work on, known before anything is built."""
        return {"motion": Feature(self.channels, self.height // _STRIDE, self.width // _STRIDE)}


class Tiny(SaliencyModel):
    """Two convolutions."""

    config: TinyConfig

    def __init__(self, config: TinyConfig):
        super().__init__(config)
        kernel = (config.frames, 5, 5)
        self.motion = nn.Conv3d(3, config.channels, kernel, stride=(1, _STRIDE, _STRIDE), padding=(0, 2, 2))
        self.weigh = nn.Conv2d(config.channels, 1, kernel_size=1)

    def forward(self, clips: Tensor, domain: str | None = None, *, unlabelled: bool = False) -> Prediction:
        """Predict the last frame of each of the clips (B, 3, T, H, W); see `SaliencyModel.forward`."""
        del domain, unlabelled
        features = self.motion(clips).relu().squeeze(2)
        coarse = self.weigh(features).sigmoid()
        maps = F.interpolate(coarse, self.config.input.size, mode="bilinear", align_corners=False)
        return Prediction(maps, features={"motion": features})


MODEL = Model(
    word="tiny",
    title="Tiny",
    config=TinyConfig,
    build=Tiny,
    # What its paper would say: laid under a table's settings and the user's.
    settings={"train.lr": 0.01, "train.weight_decay": 0.0},
)
