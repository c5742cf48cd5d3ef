"""A monotone map of brightness and a centre prior behind a frozen model, fitted in closed form.

What the MSU video saliency benchmark (videoprocessing.ai) does to every model before it compares them:
ŷ = m(s) + β c, with s the predicted map in 256 levels, m monotone, c a centre prior and β ≥ 0, by least
squares under these constraints. Here they are fitted on the target's training clips; c is a Gaussian of a
fifth of each side, where `calibration` begins. The test's own Gaussian follows, as after any model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class MonotoneMapSettings(PlainConfig):
    """How much of the target is looked at.

    Attributes:
        iterations: each of `train.accumulate` micro-batches.
    """

    iterations: int = 10

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if self.iterations < 1:
            yield "iterations", "1 or more"


APPROACH = Approach(
    word="monotone-map",
    title="Monotone Map",
    labelled=target_alone,
    learner=Later("hd2s.approaches.learners.monotone_map", "MonotoneMapLearner"),
    around=Later("hd2s.approaches.learners.monotone_map", "MappedModel"),
    parent="generalization",
    needs_target=True,
    settings=MonotoneMapSettings,
    iterations=lambda settings: settings.iterations,
    keeps="last",
    colour="#CC6677",
)
