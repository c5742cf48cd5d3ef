"""The learner of Domain Adaptation; what that is, and whose, says `hd2s.approaches.adaptation`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from hd2s.approaches.adaptation import AdaptationSettings
from hd2s.approaches.contract import (
    DOMAIN_ACCURACY,
    DOMAIN_LOSS,
    Learner,
    LearnerOptions,
    MicroBatch,
    Progress,
    Terms,
    total,
)
from hd2s.approaches.schedule import alignment_strength
from hd2s.layers.domain_classifiers import DomainClassifiers
from hd2s.layers.initialisation import initialise
from hd2s.models.contract import Prediction, SaliencyModel

SOURCE, TARGET = 0, 1


class AdversarialLearner(Learner):
    """Domain classifiers behind a gradient reversal on each of the model's features (Equations 2 to 5)."""

    capturable = True

    def __init__(self, model: SaliencyModel, options: LearnerOptions):
        # The released code supervises the final map alone here.
        auxiliary = options.auxiliary and options.protocol.adversarial_multi_level
        super().__init__(model, replace(options, auxiliary=auxiliary))
        features, chosen = model.config.features, (options.settings or AdaptationSettings()).levels
        self.classifiers = DomainClassifiers({name: features[name] for name in chosen or features})
        initialise(self.classifiers, options.seed, "adversarial")

    def losses(
        self, labelled: Sequence[MicroBatch], unlabelled: Sequence[MicroBatch], progress: Progress
    ) -> Iterator[tuple[Tensor, Terms]]:
        """Yield the source's loss with both parts (d = 0), then the target's domain loss (d = 1).

        Yields:
            The loss and its terms, with each level's own loss, and the share of its clips that the level's
            classifier tells right. Averaged over both domains, ln 2 and ½ are what guessing gives: there the
            features of a level no longer tell the domains apart.
        """
        (source,), (target,) = labelled, unlabelled
        prediction = self.model(source.clips, domain=source.domain)
        logits = self._logits(prediction, progress)
        terms = self.supervised(prediction, source) | {"domain/source": domain_loss(logits, SOURCE)}
        yield total(terms), terms | _watched(logits, SOURCE)
        prediction = self.model(target.clips, domain=target.domain, unlabelled=True)
        logits = self._logits(prediction, progress)
        terms = {"domain/target": domain_loss(logits, TARGET)}
        yield total(terms), terms | _watched(logits, TARGET)

    def watched(self, progress: Progress) -> Mapping[str, float]:
        """Return λ."""
        return {"lambda": alignment_strength(progress, self.options)}

    def _logits(self, prediction: Prediction, progress: Progress) -> dict[str, Tensor]:
        strength = progress.number(partial(alignment_strength, options=self.options))
        return self.classifiers(prediction.features, strength)


def domain_loss(logits: Mapping[str, Tensor], domain: int) -> Tensor:
    """Return the scalar Σᵢ of Eq. 3 over the domain classifiers, each the batch mean of Eq. 2.

    Args:
        logits: log-probabilities (B, 2) of each classifier.
        domain: 0 for clips of the source, 1 for the target.
    """
    return -torch.stack([log_probabilities[:, domain].mean() for log_probabilities in logits.values()]).sum()


def _watched(logits: Mapping[str, Tensor], domain: int) -> Terms:
    losses = {f"{DOMAIN_LOSS}level_{name}": -x[:, domain].mean() for name, x in logits.items()}
    return losses | {
        f"{DOMAIN_ACCURACY}level_{name}": (x.argmax(1) == domain).to(x.dtype).mean()
        for name, x in logits.items()
    }
