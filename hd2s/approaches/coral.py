"""Deep CORAL: features whose covariances are alike on source and target (Sun and Saenko, 2016).

"Deep CORAL: Correlation Alignment for Deep Domain Adaptation", arXiv 1607.01719, Eq. 1, here on each of the
features on which HD2S reverses gradients.
"""

from __future__ import annotations

from torch import Tensor

from hd2s.approaches.alignment import AlignmentLearner, WeightSettings
from hd2s.approaches.contract import Approach, target_alone


class CoralLearner(AlignmentLearner):
    """Alignment of covariances."""

    def distance(self, source: Tensor, target: Tensor) -> Tensor:
        """Return what the covariances' distance weighs."""
        settings = self.options.settings or WeightSettings()
        return settings.weight * coral_distance(source, target)


def coral_distance(source: Tensor, target: Tensor) -> Tensor:
    """Return ‖C_S − C_T‖² / (4 C²), a scalar, of the covariances of samples (N, C) and (M, C)."""
    difference = _covariance(source) - _covariance(target)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def _covariance(samples: Tensor) -> Tensor:
    # PyTorch's own cannot be counted without values (`--plan`).
    centred = samples - samples.mean(0)
    return centred.T @ centred / (len(samples) - 1)


APPROACH = Approach(
    word="coral",
    title="Deep CORAL",
    unlabelled=target_alone,
    learner=CoralLearner,
    needs_target=True,
    needs=frozenset({"features"}),
    settings=WeightSettings,
    colour="#332288",
    improves_on="generalization",
)
