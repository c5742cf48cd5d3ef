"""The loss of a training's model on the validation split of a corpus, over all of its workers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import distributed

from grid.training.feed import Feed
from hd2s.losses import kld
from hd2s.models.contract import SaliencyModel
from hd2s.models.shown import as_shown
from hd2s.prediction.predictor import Predictor
from hd2s.training.execution import Execution

Found = tuple[torch.Tensor, torch.Tensor]
"""KLDs of some maps, and the mean over them of what selects: a scalar."""


class Losses(NamedTuple):
    """What a validation found.

    `kld`: the mean KLD of the saliency maps. `selecting`: the loss whose lowest chooses weights, the same or,
    with `train.validation_loss=training`, the sum of the training's terms.
    """

    kld: float
    selecting: float


class Validation:
    """What a training validates by.

    Args:
        feed: its clips.
        execution: how a model is run.
    """

    def __init__(self, feed: Feed, execution: Execution) -> None:
        self.feed, self.execution = feed, execution

    def losses(self, model: SaliencyModel, corpus: str, step: int) -> Losses:
        """Return the losses on a corpus' validation split after so many iterations.

        Args:
            model: as it predicts.
            corpus: whose split.
            step: the iterations taken.
        """
        whole = self.feed.train.validation_windows is None
        found = self._of_clips(model, corpus, step) if whole else self._of_windows(model, corpus, step)
        # In double precision, so that the shares of several workers add up to what one would find.
        total = torch.zeros(3, dtype=torch.float64, device=self.feed.device)
        for klds, selecting in found:
            count = torch.tensor(float(klds.numel())).to(total)
            total += torch.stack([klds.double().sum(), selecting.double() * count, count])
        if self.feed.train.world_size > 1:
            distributed.all_reduce(total)
        kld_sum, selecting_sum, count = total.tolist()
        return Losses(kld_sum / count, selecting_sum / count)

    def sigmas(self, model: SaliencyModel) -> dict[str, float]:
        """Return curve → the width that the filter of each source has come to, in pixels of the input.

        Args:
            model: one that learns its smoothing (HD2S Sect. 3.6, UNISAL Sect. 3.3); of others there are none.
        """
        domains = {model.config.domain_of(entry.corpus): None for entry in self.feed.spec.labelled}
        found = {domain: model.learnt(domain).sigma for domain in domains}
        return {
            "/".join(filter(None, ("smoothing/sigma", domain))): sigma
            for domain, sigma in found.items()
            if sigma is not None
        }

    def _of_windows(self, model: SaliencyModel, corpus: str, step: int) -> Iterator[Found]:
        train = self.feed.train
        for batch in self.feed.validation(corpus, step):
            with self.execution.autocast(self.feed.device):
                prediction = model.sized(model(batch.clips, domain=batch.domain), batch.truth)
                klds = kld(prediction.saliency.float(), batch.truth)
                if train.validation_loss == "kld":
                    selecting = klds.mean()
                else:
                    terms = model.losses(
                        prediction, batch.truth, auxiliary=train.multi_level, fixations=batch.fixations
                    )
                    selecting = torch.stack(list(terms.values())).sum()
            yield klds, selecting

    def _of_clips(self, model: SaliencyModel, corpus: str, step: int) -> Iterator[Found]:
        """Yield the mean over the frames of each clip, predicted in float32 and not smoothed."""
        predict = Predictor(
            as_shown(model, corpus),
            smoothing_sigma=None,
            domain=model.config.domain_of(corpus),
            device=self.feed.device,
            protocol=self.feed.train.validation_protocol,
        )
        for clip in self.feed.validation_clips(corpus, step):
            pairs = zip(predict(clip.frames()), clip.maps(), strict=True)
            klds = torch.stack([kld(torch.from_numpy(ours), truth) for ours, truth in pairs])
            mean = klds.mean().to(self.feed.device)
            yield mean, mean
