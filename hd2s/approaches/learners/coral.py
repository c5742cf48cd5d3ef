"""The learner of Deep CORAL; what that is, and whose, says `hd2s.approaches.coral`."""

from __future__ import annotations

from torch import Tensor

from hd2s.approaches.alignment import AlignmentLearner
from hd2s.approaches.shared_settings import WeightSettings


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
