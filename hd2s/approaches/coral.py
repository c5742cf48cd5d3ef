"""Deep CORAL: features whose covariances are alike on source and target (Sun and Saenko, 2016).

"Deep CORAL: Correlation Alignment for Deep Domain Adaptation", arXiv 1607.01719, Eq. 1, here on each of the
features on which HD2S reverses gradients.
"""

from __future__ import annotations

from hd2s.approaches.declaration import Approach, target_alone
from hd2s.approaches.shared_settings import WeightSettings
from hd2s.registry import Later

APPROACH = Approach(
    word="coral",
    title="Deep CORAL",
    unlabelled=target_alone,
    learner=Later("hd2s.approaches.learners.coral", "CoralLearner"),
    needs_target=True,
    needs=frozenset({"features"}),
    settings=WeightSettings,
    colour="#332288",
    improves_on="generalization",
)
