"""The centre prior: one map for every frame, the mean of its sources' training maps; for a model to beat.

Of all predictions that look at no pixel it has the lowest mean KLD from those maps: Σᵢ KLD(qᵢ ‖ p) is least
where p is the mean of the densities qᵢ.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.models.config import Fault, Input, ModelConfig
from hd2s.models.declaration import Model
from hd2s.models.tested import PredictionProtocol
from hd2s.registry import Later


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


ANY_PROTOCOL = {"paper": PredictionProtocol(), "released": PredictionProtocol()}
"""Of models to which a clip's first frames are like all others, and whose maps nobody smooths."""

MODEL = Model(
    word="centre_prior",
    title="Centre prior",
    config=OneFrameConfig,
    build=Later("hd2s.models.fixed_maps", "CentrePrior"),
    demo={"model.height": 64, "model.width": 64},
    prediction=ANY_PROTOCOL,
    of_protocol={"released": {}},
    trains=False,
)
