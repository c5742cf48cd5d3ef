"""The learner of MMD; what that is, and whose, says `hd2s.approaches.mmd`."""

from __future__ import annotations

import torch
from torch import Tensor

from hd2s.approaches.alignment import AlignmentLearner, evenly
from hd2s.approaches.mmd import MMDSettings

_EXPONENTS = (-3, -2, -1, 0, 1)


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
    mean = mean.masked_fill(~(mean > least), 1)
    scaled = -squared / (2 * mean)
    kernel = torch.stack([(scaled / 2**k).exp() for k in _EXPONENTS]).sum(0).masked_fill(itself, 0)
    within = kernel[:n, :n].sum() / (n * (n - 1))
    other = of_all - n
    return within + kernel[n:, n:].sum() / (other * (other - 1)) - 2 * kernel[:n, n:].mean()
