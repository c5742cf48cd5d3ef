"""The smallest approach with a loss of its own: source and target are to have the same mean features.

python run_grid.py --grid table5 plugins=[tests/plugins/tiny] approach.mean-gap.weight=0.5 --plan
(of a table whose `approaches` name mean-gap)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hd2s.approaches.contract import Approach, Learner, MicroBatch, Progress, Terms, total


@dataclass(frozen=True)
class MeanGapSettings:
    """The approach's own settings, `approach.mean-gap.*`.

    Attributes:
        weight: of the gap beside the model's own losses.
    """

    weight: float = 0.1

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise ValueError(f"weight must be 0 or more, found {self.weight}")


class MeanGapLearner(Learner):
    """Supervision on the source, and the squared distance between the domains' mean features."""

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield one loss of both micro-batches, which must meet in it."""
        del progress
        (source,), (target,) = labelled, unlabelled
        prediction = self.model(source.clips, domain=source.domain)
        theirs = self.model(target.clips, domain=target.domain, unlabelled=True)
        terms = self.supervised(prediction, source)
        settings = self.options.settings or MeanGapSettings()
        terms["mean gap"] = settings.weight * _gap(prediction.features, theirs.features)
        yield total(terms), terms


def _gap(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> Tensor:
    """Return the squared distance between mean features (B, C, H, W), summed over names and channels."""
    means = [(ours[name].mean((0, 2, 3)), theirs[name].mean((0, 2, 3))) for name in ours]
    return torch.stack([(one - other).square().sum() for one, other in means]).sum()


APPROACH = Approach(
    word="mean-gap",
    title="Mean gap",
    unlabelled=lambda sources, target: (target,),
    learner=MeanGapLearner,
    needs_target=True,
    needs=frozenset({"features"}),
    settings=MeanGapSettings,
    colour="#882255",
    improves_on="generalization",
)
