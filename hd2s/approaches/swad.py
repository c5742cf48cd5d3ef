"""SWAD: the mean of all weights that a training passes between its first minimum and overfitting.

Cha et al., "SWAD: Domain Generalization by Seeking Flat Minima", arXiv 2102.08604, Algorithm 1 (Cha et al.,
2021). The source's validation says where these are; the target takes no part. The mean's batch norms are
estimated anew, on the source's clips, in the last iterations, which train nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class SwadSettings(PlainConfig):
    """When averaging begins and ends; the defaults are the paper's, but for the last.

    Attributes:
        patience: validations, of which the first has the lowest loss where averaging begins with it.
        tolerance: validations, none of which has a loss below the threshold where averaging ends.
        ratio: by how much the threshold exceeds the mean loss of the first of these.
        statistics: iterations at the end for the statistics of batch norms, at most a quarter of all.
    """

    patience: int = 3
    tolerance: int = 6
    ratio: float = 0.3
    statistics: int = 10

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        yield from ((n, "1 or more") for n in ("patience", "tolerance", "statistics") if getattr(self, n) < 1)
        if not 0 <= self.ratio < math.inf:
            yield "ratio", "0 or more"


APPROACH = Approach(
    word="swad",
    title="SWAD",
    learner=Later("hd2s.approaches.learners.swad", "SwadLearner"),
    settings=SwadSettings,
    # The mean is there at the end.
    keeps="last",
    colour="#6699CC",
    improves_on="generalization",
)
