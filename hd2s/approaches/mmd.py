"""MMD: features that a sum of Gaussian kernels cannot tell apart (DAN: Long et al., 2015).

"Learning Transferable Features with Deep Adaptation Networks", arXiv 1502.02791, here on each of the features
on which HD2S reverses gradients. The kernels' variances are 2⁻³ to 2¹ times the mean squared distance of all
samples, which is taken as a constant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.approaches.shared_settings import WeightSettings
from hd2s.models.config import Fault
from hd2s.registry import Later


@dataclass(frozen=True)
class MMDSettings(WeightSettings):
    """How much the discrepancy weighs, and of how many samples it is.

    Attributes:
        samples: pixels of each domain's micro-batch that are compared, evenly spaced: the kernel of all would
            be 12,000² at HD2S's first level. The paper compares photographs, 64 of each.
    """

    samples: int = 256

    def faults(self) -> Iterable[Fault]:
        """List what cannot work."""
        yield from super().faults()
        if self.samples < 2:
            yield "samples", "2 or more"


APPROACH = Approach(
    word="mmd",
    title="MMD",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.mmd", "MMDLearner"),
    needs_target=True,
    needs=frozenset({"features"}),
    settings=MMDSettings,
    colour="#88CCEE",
    improves_on="generalization",
)
