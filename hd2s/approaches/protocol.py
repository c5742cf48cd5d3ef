"""What the released code does otherwise than the paper says, where it changes numbers.

The paper is the default. `train.protocol=released` and `test.protocol=released` stand for settings of their
own names, which lie over those of a model's paper and under all that anybody asks for (`settings_of`); so
each of them can be had alone, and what is asked for counts. What a model's released code does is said in the
model's file (`Model.of_protocol`, `Model.prediction`), what an approach's does in the approach's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Literal

from hd2s.models.declaration import Model
from hd2s.models.tested import PredictionProtocol


@dataclass(frozen=True)
class TrainingProtocol:
    """A training's choices between paper and released code; the defaults are the paper's.

    Attributes:
        gradients: of the micro-batches of an iteration. Their "mean" is that of the one batch of 200 that the
            paper describes (Sect. 4.2); the released code takes their "sum". Adam divides by the gradient's
            size, so that only its eps and the weight decay weigh 25 times less then.
        lambda_every: λ follows p = iteration / iterations (Eq. 5) and is renewed every "iteration"; the
            released code renews it every "micro-batch".
        adversarial_multi_level: with adaptation the source's loss is Eq. 3, with L_s over all maps (Eq. 1);
            the released code supervises the final map alone there.
    """

    gradients: Literal["mean", "sum"] = "mean"
    lambda_every: Literal["iteration", "micro-batch"] = "iteration"
    adversarial_multi_level: bool = True


def settings_of(
    model: Model,
    train: str,
    test: str,
    approach: str = "",
    of_approach: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> dict[str, Any]:
    """Return the settings that the protocols of a training and of its test stand for: name → value.

    Args:
        model: whose.
        train: the training's protocol.
        test: the test's, a word of `Model.prediction`.
        approach: its word; empty for what holds for all.
        of_approach: what the approach says itself (`Approach.of_protocol`).
    """
    of_model = model.of_protocol.get(train, {})
    found = dict(of_model.get("", {}))
    if train in model.of_protocol:
        found |= of_approach.get(train, {})
    found |= of_model.get(approach, {})
    if test in model.prediction:
        # The Gaussian is settled by the test, after what has learnt to smooth itself is known.
        offered, plain = asdict(model.prediction[test]), asdict(PredictionProtocol())
        differs = (name for name in offered if name != "smoothing_sigma" and offered[name] != plain[name])
        found |= {f"test.{name}": offered[name] for name in differs}
    return found
