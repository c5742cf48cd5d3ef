"""Chance: a map of independent, uniformly distributed pixels, the same for every frame.

Not a constant map, to which the benchmark's metrics give no score at all: noise has an NSS of 0 and an AUC
of ½ up to what is left of it after averaging over frames.
"""

from __future__ import annotations

from hd2s.models.centre_prior import ANY_PROTOCOL, OneFrameConfig
from hd2s.models.declaration import Model
from hd2s.registry import Later

MODEL = Model(
    word="chance",
    title="Chance",
    config=OneFrameConfig,
    build=Later("hd2s.models.fixed_maps", "Chance"),
    demo={"model.height": 64, "model.width": 64},
    prediction=ANY_PROTOCOL,
    of_protocol={"released": {}},
    trains=False,
)
