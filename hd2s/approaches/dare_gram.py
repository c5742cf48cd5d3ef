"""DARE-GRAM: features whose inverse Gram matrices are alike, made for regression (Nejjar et al., 2023).

"DARE-GRAM: Unsupervised Domain Adaptation Regression by Aligning Inverse Gram Matrices", arXiv 2303.13325,
Sect. 4, here on each of the features on which HD2S reverses gradients. What a least-squares regression on
features depends on is the inverse of their Gram matrix; of it the angles of its columns are aligned, and of
the Gram matrix itself the principal eigenvalues.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.approaches.shared_settings import not_negative
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class DareGramSettings(PlainConfig):
    """How much the parts weigh, and how much of a Gram matrix is inverted; the defaults are the paper's.

    Attributes:
        angle: the weight of the angles, times λ of Eq. 4.
        scale: the weight of the eigenvalues, likewise.
        share: of the sum of eigenvalues that those reach which are inverted.
    """

    angle: float = 0.05
    scale: float = 1e-3
    share: float = 0.9

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        yield from not_negative(self, "angle", "scale")
        if not 0 < self.share < 1:
            yield "share", "more than 0 and less than 1"


APPROACH = Approach(
    word="dare-gram",
    title="DARE-GRAM",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.dare_gram", "DareGramLearner"),
    needs_target=True,
    needs=frozenset({"features"}),
    settings=DareGramSettings,
    colour="#44AA99",
    improves_on="generalization",
)
