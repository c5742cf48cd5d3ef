"""MixStyle: channels take the mean and deviation of other clips, so that a style says less (Zhou, 2021).

"Domain Generalization with MixStyle", arXiv 2104.02008, Sect. 3.1; the target takes no part. Of a clip's
features each channel has one mean and one deviation, over time and place: frame by frame the style would
flicker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class MixStyleSettings(PlainConfig):
    """Where styles are mixed, how often and how much; the defaults are the paper's.

    Attributes:
        blocks: how many of the model's first blocks are followed by it.
        share: of passes in which it is done, drawn for each block.
        alpha: of the Beta distribution of a clip's share of its own style.
    """

    blocks: int = 2
    share: float = 0.5
    alpha: float = 0.1

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if self.blocks < 1:
            yield "blocks", "1 or more"
        if not 0 <= self.share <= 1:
            yield "share", "from 0 to 1"
        if not 0 < self.alpha < float("inf"):
            yield "alpha", "more than 0"


APPROACH = Approach(
    word="mixstyle",
    title="MixStyle",
    learner=Later("hd2s.approaches.learners.mixstyle", "MixStyleLearner"),
    needs=frozenset({"blocks"}),
    settings=MixStyleSettings,
    smallest_batch=2,
    colour="#661100",
    improves_on="generalization",
)
