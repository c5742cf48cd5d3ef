import math

import pytest

from hd2s.approaches.contract import LearnerOptions, Progress
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.approaches.schedule import alignment_strength, grl_lambda


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0.0), (250, 0.46211715726), (1250, 0.98661429815), (2500, 0.99990920426)],
)
def test_lambda_schedule(iteration, expected):
    """Eq. 4 is tanh(5 p)."""
    assert grl_lambda(iteration / 2500) == pytest.approx(expected, abs=1e-10)
    assert grl_lambda(iteration / 2500) == pytest.approx(math.tanh(5 * iteration / 2500), abs=1e-12)


@pytest.mark.parametrize("progress", [-0.01, 1.01, math.nan])
def test_lambda_outside_of_training(progress):
    with pytest.raises(ValueError, match="current iteration / total iterations"):
        grl_lambda(progress)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_it_is_renewed_every_iteration_or_every_micro_batch(strength):
    progress = [Progress(10, 100, k, 4) for k in range(4)]
    paper, released = (
        [
            alignment_strength(
                now, LearnerOptions(strength=strength, protocol=TrainingProtocol(lambda_every=every))
            )
            for now in progress
        ]
        for every in ("iteration", "micro-batch")
    )
    assert paper == [strength * grl_lambda(0.1)] * 4
    assert released == pytest.approx([strength * math.tanh(5 * (10 * 4 + k) / 400) for k in range(4)])
