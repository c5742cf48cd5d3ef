"""Calibration: a frozen model whose saliency map alone is adapted, by eight numbers.

A simple baseline that is hard to beat: on images, under 20 parameters of output (blur, centre bias, spread)
recover most of what a model loses on another data set (Kümmerer et al., "Modeling Saliency Dataset Bias",
2025). They are learnt from the target's training maps with the model's own loss of the final map, and by the
optimiser of HD2S (Sect. 4.2) with all models.
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
    # By which its parameters are scaled (`Calibration`): the steps of a network's SGD would throw eight
    # numbers out of all bounds.
    training={
        "train.optimiser": "adam",
        "train.lr": 1e-3,
        "train.momentum": 0.0,
        "train.weight_decay": 2e-7,
        "train.lr_curve": "steps",
        "train.lr_decay": 1.0,
        "train.lr_milestones": [],
        "train.lr_warmup": 0,
    },
    colour="#F0E442",
)
