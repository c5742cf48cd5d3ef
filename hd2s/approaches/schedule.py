"""How strong an alignment is as a training goes on (HD2S Equations 4 and 5)."""

from __future__ import annotations

import math

from hd2s.approaches.contract import LearnerOptions, Progress


def alignment_strength(progress: Progress, options: LearnerOptions) -> float:
    """Return λ of Eq. 4, renewed every iteration (Eq. 5) or, as released, every micro-batch."""
    every = options.protocol.lambda_every == "micro-batch"
    within = progress.micro_batch / progress.accumulate if every else 0.0
    return grl_lambda((progress.iteration + within) / progress.iterations) * options.strength


def grl_lambda(progress: float) -> float:
    """Return λ of Eq. 4, from 0 at the start of training to 1 − 9e-5 at its end.

    Args:
        progress: p of Eq. 5, the current iteration over the total.

    Raises:
        ValueError: it is outside [0, 1].
    """
    if not 0 <= progress <= 1:
        raise ValueError(f"Progress is current iteration / total iterations, in [0, 1]; found {progress}.")
    return 2 / (1 + math.exp(-10 * progress)) - 1
