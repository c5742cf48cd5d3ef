"""Operations counted on the meta device, against those that facts give of HD2S."""

import pytest

from grid.commands.counting import count
from grid.commands.operations import asked_of
from tests.grid.plans import of_approach, plan_of


@pytest.mark.slow
def test_a_step_is_three_forward_passes_and_a_frame_less_than_one():
    costs = count(asked_of(of_approach(plan_of("domain_shift"), "generalization")[0]))
    # GFLOP of HD2S at 16 × 128 × 192, and of a frame more with what windows share computed once.
    assert costs.forward == pytest.approx(22.0e9, rel=1e-2)
    # The gradient of the clips is not needed: 64 channels of 3 × 7 × 7 products at 16 × 64 × 96 places.
    assert costs.step == pytest.approx(3 * 22.0e9 - 2 * 64 * 3 * 7 * 7 * 16 * 64 * 96, rel=5e-3)
    assert costs.frame == pytest.approx(14.0e9, rel=1e-2)
    assert costs.weights == pytest.approx(119.4e6, rel=1e-2)
    assert costs.state == 3 * costs.trained + costs.weights


SMALL = ("model=hd2s", "model.height=32", "model.width=32", "model.clip_length=8", "model.conspicuity=[1]")


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["coral", "mmd", "dare-gram", "fda", "mean-teacher", "swad"])
def test_a_step_of_an_approach_is_counted_without_values(approach):
    """More than two of the source's forward passes; of distances both domains' are before the first loss."""
    costs = count(asked_of(of_approach(plan_of("alignment", *SMALL), approach)[0]))
    assert costs.step > 2 * costs.forward / (2 if approach in ("coral", "mmd", "dare-gram") else 1)
    assert costs.trained >= costs.weights


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["adabn", "monotone-map"])
def test_what_follows_no_gradient_is_counted_as_its_forward_pass_alone(approach):
    costs = count(asked_of(of_approach(plan_of("alignment", *SMALL), approach)[0]))
    assert (costs.step, costs.forward > 0) == (0, True)
