"""What approaches share that draw a model's features on source and target together by a distance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from hd2s.approaches.contract import Learner, MicroBatch, Progress, Terms, total
from hd2s.approaches.schedule import alignment_strength
from hd2s.layers.precision import full_precision


class AlignmentLearner(Learner):
    """Supervision on the source, and λ times the distance of both domains on each of the model's features.

    The distances are added up over the features, as Eq. 3 adds up domain classifiers, under the same λ, so
    that gradient reversal and a distance are compared on equal terms. Samples are the pixels of a
    micro-batch's clips, by the channels of a feature. Each worker's distances are those of its own
    micro-batches, so that several workers have the gradient of one process. Both forward passes, one for each
    domain (no batch norm sees two), are held in memory until their one loss has gone back.
    """

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """Return the distance, a scalar, of samples (N, C) and (M, C), in float32 or finer."""
        raise NotImplementedError

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield one loss of both domains' clips."""
        (source,), (target,) = labelled, unlabelled
        prediction = self.model(source.clips, domain=source.domain)
        features = self.model(target.clips, domain=target.domain, unlabelled=True).features
        terms = self.supervised(prediction, source)
        strength = alignment_strength(progress, self.options)
        with full_precision(source.clips.device):
            for name, found in prediction.features.items():
                distance = self.distance(pixels(found), pixels(features[name]))
                terms[f"distance/level_{name}"] = strength * distance
        yield total(terms), terms

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return λ."""
        return {"lambda": alignment_strength(progress, self.options)}


def pixels(features: Tensor) -> Tensor:
    """Return features (B, C, H, W) as samples (B·H·W, C), in float32 or finer."""
    precise = features.to(torch.promote_types(features.dtype, torch.float32))
    return precise.permute(0, 2, 3, 1).flatten(0, 2)


def evenly(samples: Tensor, at_most: int) -> Tensor:
    """Return at most so many of the samples (N, C), evenly spaced."""
    if len(samples) <= at_most:
        return samples
    return samples[torch.arange(at_most, device=samples.device) * len(samples) // at_most]
