"""What the released code does otherwise than the paper says, where it changes numbers.

The paper is the default. What is set elsewhere: the number of iterations (2,500 in the paper, Sect. 4.2;
the released code takes 5,000 for HD2S and its domain-specific learning), Kinetics weights (Sect. 4.2; the
released adaptation starts without), what a model does otherwise (`Model.of_protocol`), and prediction
(`Model.prediction`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hd2s.checks import unknown


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
        validation: every validation of a training looks at "all" validation clips, so that they can be
            compared (Sect. 4.2: the lowest validation loss selects); the released code, but for its
            adaptation, draws a "random half" anew each time, and may select for easy clips.
        fixations: of models trained with them, at the model's size. They are all "kept"; UNISAL's released
            code resizes their images to the "nearest" pixel, which loses most of them.
    """

    gradients: Literal["mean", "sum"] = "mean"
    lambda_every: Literal["iteration", "micro-batch"] = "iteration"
    adversarial_multi_level: bool = True
    validation: Literal["all", "random half"] = "all"
    fixations: Literal["kept", "nearest"] = "kept"


PROTOCOLS = {
    "paper": TrainingProtocol(),
    "released": TrainingProtocol(
        gradients="sum",
        lambda_every="micro-batch",
        adversarial_multi_level=False,
        validation="random half",
        fixations="nearest",
    ),
}


def find_protocol(name: str) -> TrainingProtocol:
    """Return a protocol by name.

    Raises:
        ValueError: there is none; it names those there are.
    """
    if name not in PROTOCOLS:
        raise ValueError(unknown("protocol", name, PROTOCOLS))
    return PROTOCOLS[name]
