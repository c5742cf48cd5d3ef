"""Fourier domain adaptation: the source's clips in the target's low frequencies (Yang and Soatto, 2020).

"FDA: Fourier Domain Adaptation for Semantic Segmentation", CVPR 2020, Eq. 3. A source clip keeps its phases,
and its maps; the amplitudes of its lowest frequencies are a target clip's. All frames of the clip take the
same amplitudes, the mean over the target clip's frames: with each frame's own the picture would flicker,
which a video model sees as motion. The paper's entropy of the target's predictions is left out: it is one of
classes, and that of a saliency map says how far fixations spread, not how sure a model is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.models.config import Fault, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class FDASettings(PlainConfig):
    """Which frequencies are the target's.

    Attributes:
        beta: half the side of the square of frequencies, in shares of the shorter side, rounded down: at 0.01
            and 128 rows those of at most one period, at less than 100 rows the mean colour alone.
    """

    beta: float = 0.01

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        if not 0 <= self.beta < 0.5:
            yield "beta", "0 or more and less than 0.5"


APPROACH = Approach(
    word="fda",
    title="FDA",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.fda", "FDALearner"),
    needs_target=True,
    settings=FDASettings,
    follows_lambda=False,
    colour="#999933",
    improves_on="generalization",
)
