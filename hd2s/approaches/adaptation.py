"""Domain adaptation: supervised on the source, gradient reversal on source and target (HD2S Sect. 3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.models.config import Fault, ModelConfig, PlainConfig
from hd2s.registry import Later


@dataclass(frozen=True)
class AdaptationSettings(PlainConfig):
    """Where the domains are told apart.

    Attributes:
        levels: the features that have a classifier, by name; empty for all (HD2S Sect. 3.5). One alone is
            DANN (Ganin et al., 2016) on that level.
    """

    levels: tuple[str, ...] = ()


def unknown_levels(settings: AdaptationSettings, config: ModelConfig) -> Iterator[Fault]:
    """List what is wrong with the levels that are asked for of a model."""
    offered, asked = config.features, settings.levels
    if not {*asked} <= {*offered} or len({*asked}) < len(asked):
        yield "levels", f"different ones of {', '.join(offered)}"


APPROACH = Approach(
    word="adaptation",
    title="Domain Adaptation",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.adaptation", "AdversarialLearner"),
    needs_target=True,
    needs=frozenset({"features"}),
    settings=AdaptationSettings,
    misfits=unknown_levels,
    # The classifiers' batch norm needs two values of a channel.
    smallest_batch=2,
    # The released script reads all of the target's training clips, also those that others hold out.
    of_protocol={
        "released": {
            "train.lambda_every": "micro-batch",
            "train.adversarial_multi_level": False,
            "train.unlabelled_clips": "train and held-out",
        }
    },
    colour="#D55E00",
    improves_on="generalization",
)
