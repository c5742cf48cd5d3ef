"""Calibration: a frozen model whose saliency map alone is adapted, by eight numbers.

A simple baseline that is hard to beat: on images, under 20 parameters of output (blur, centre bias, spread)
recover most of what a model loses on another data set (Kümmerer et al., "Modeling Saliency Dataset Bias",
2025). They are learnt from the target's training maps with the KLD of the final map.
"""

from __future__ import annotations

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.registry import Later

APPROACH = Approach(
    word="calibration",
    title="Calibration",
    labelled=target_alone,
    learner=Later("hd2s.approaches.learners.calibration", "CalibrationLearner"),
    around=Later("hd2s.approaches.learners.calibration", "CalibratedModel"),
    parent="generalization",
    needs_target=True,
    learns_smoothing=True,
    colour="#F0E442",
)
