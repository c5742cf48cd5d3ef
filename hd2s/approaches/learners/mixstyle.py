"""The learner of MixStyle; what that is, and whose, says `hd2s.approaches.mixstyle`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, Terms
from hd2s.approaches.mixstyle import MixStyleSettings
from hd2s.layers.precision import full_precision
from hd2s.models.contract import SaliencyModel

_EPSILON = 1e-6  # of the paper's code, beside a variance


class MixStyleLearner(Learner):
    """Plain supervision with mixed styles.

    Clips are mixed within a micro-batch, and so on each worker for itself. What is drawn comes from PyTorch's
    generator, as dropout does: by iteration and worker.
    """

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        super().__init__(model, options)
        self.settings = options.settings or MixStyleSettings()

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss."""
        (batch,) = labelled
        mix = partial(self._mix, len(batch.clips))
        with ExitStack() as stack:
            for block in islice(self.model.blocks(), self.settings.blocks):
                stack.callback(block.register_forward_hook(mix).remove)
            found = list(super().losses(labelled, unlabelled, progress))
        yield from found

    def _mix(self, n: int, block: nn.Module, inputs: Any, features: Tensor) -> Tensor | None:
        """Mix a block's output of `n` clips, or of their frames, where it is drawn to be."""
        del block, inputs
        if not self.training or torch.rand(()) >= self.settings.share:
            return None
        alpha = torch.full((n,), self.settings.alpha)
        drawn = torch.distributions.Beta(alpha, alpha).sample(), torch.randperm(n)
        own, other = (each.to(features.device, non_blocking=True) for each in drawn)
        if len(features) == n:
            return mixed_styles(features, other, own)
        # Frames in order of time, one after the other: those of a clip have one style.
        clips = features.unflatten(0, (-1, n)).movedim(0, 2)
        return mixed_styles(clips, other, own).movedim(2, 0).flatten(0, 1)


def mixed_styles(features: Tensor, other: Tensor, own: Tensor) -> Tensor:
    """Return features (B, C, …) of which each channel has a mixed mean and deviation.

    Args:
        features: of clips.
        other: int64 (B,): whose style each takes a share of.
        own: (B,): the share of its own.
    """
    with full_precision(features.device):
        x = features.to(torch.promote_types(features.dtype, torch.float32))
        places = tuple(range(2, x.dim()))
        # Statistics are taken as constants.
        variance, mean = torch.var_mean(x.detach(), places, keepdim=True)
        deviation = (variance + _EPSILON).sqrt()
        own = own.to(x).view(-1, *[1] * (x.dim() - 1))
        mixed_mean, mixed_deviation = (own * y + (1 - own) * y[other] for y in (mean, deviation))
        return ((x - mean) / deviation * mixed_deviation + mixed_mean).to(features.dtype)
