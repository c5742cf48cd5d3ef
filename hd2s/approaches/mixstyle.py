"""MixStyle: channels take the mean and deviation of other clips, so that a style says less (Zhou, 2021).

"Domain Generalization with MixStyle", arXiv 2104.02008, Sect. 3.1; the target takes no part. Of a clip's
features each channel has one mean and one deviation, over time and place: frame by frame the style would
flicker.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from hd2s.approaches.contract import Approach, Learner, LearnerOptions, MicroBatch, Progress, Terms
from hd2s.layers.precision import full_precision
from hd2s.models.config import Fault, PlainConfig
from hd2s.models.contract import SaliencyModel

_EPSILON = 1e-6  # of the paper's code, beside a variance


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
        with ExitStack() as stack:
            for block in islice(self.model.blocks(), self.settings.blocks):
                stack.callback(block.register_forward_hook(self._mix).remove)
            found = list(super().losses(labelled, unlabelled, progress))
        yield from found

    def _mix(self, block: nn.Module, inputs: Any, features: Tensor) -> Tensor | None:
        """Mix a block's output where it is drawn to be."""
        del block, inputs
        if not self.training or torch.rand(()) >= self.settings.share:
            return None
        n = len(features)
        alpha = torch.full((n,), self.settings.alpha)
        own = torch.distributions.Beta(alpha, alpha).sample().to(features.device)
        return mixed_styles(features, torch.randperm(n).to(features.device), own)


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


APPROACH = Approach(
    word="mixstyle",
    title="MixStyle",
    learner=MixStyleLearner,
    needs=frozenset({"blocks"}),
    settings=MixStyleSettings,
    smallest_batch=2,
    colour="#661100",
    improves_on="generalization",
)
