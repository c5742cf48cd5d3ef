"""MMD: features that a sum of Gaussian kernels cannot tell apart (DAN: Long et al., 2015).

"Learning Transferable Features with Deep Adaptation Networks", arXiv 1502.02791, here on each of the features
on which HD2S reverses gradients. The kernels' variances are 2⁻³ to 2¹ times the mean squared distance of all
samples, which is taken as a constant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from hd2s.approaches.alignment import AlignmentLearner, WeightSettings, evenly
from hd2s.approaches.contract import Approach, target_alone
from hd2s.models.config import Fault

_EXPONENTS = (-3, -2, -1, 0, 1)


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


class MMDLearner(AlignmentLearner):
    """Alignment by a kernel."""

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """Return what the discrepancy weighs."""
        settings = self.options.settings or MMDSettings()
        return settings.weight * mmd(evenly(source, settings.samples), evenly(target, settings.samples))


def mmd(source: Tensor, target: Tensor) -> Tensor:
    """Return the squared maximum mean discrepancy of samples (N, C) and (M, C), two of each or more.

    A scalar: mean k(s, s′) + mean k(t, t′) − 2 mean k(s, t) over pairs of different samples. It has no bias,
    so that it may be a little less than 0 where the domains are alike.
    """
    samples = torch.cat([source, target])
    n, of_all = len(source), len(samples)
    norms = samples.square().sum(1)
    squared = (norms[:, None] + norms - 2 * samples @ samples.T).clamp_min(0)
    itself = torch.eye(of_all, dtype=torch.bool, device=samples.device)
    squared = squared.masked_fill(itself, 0)
    mean = squared.detach().sum() / (of_all * (of_all - 1))
    # Below, distances are rounding, and nothing tells the domains apart.
    least = torch.finfo(mean.dtype).eps * norms.detach().mean()
    mean = torch.where(mean > least, mean, 1)
    scaled = -squared / (2 * mean)
    kernel = torch.stack([(scaled / 2**k).exp() for k in _EXPONENTS]).sum(0).masked_fill(itself, 0)
    within = kernel[:n, :n].sum() / (n * (n - 1))
    other = of_all - n
    return within + kernel[n:, n:].sum() / (other * (other - 1)) - 2 * kernel[:n, n:].mean()


APPROACH = Approach(
    word="mmd",
    title="MMD",
    unlabelled=target_alone,
    learner=MMDLearner,
    needs_target=True,
    needs=frozenset({"features"}),
    settings=MMDSettings,
    colour="#88CCEE",
    improves_on="generalization",
)
