"""The optimiser against Adam and SGD written out, number by number, in double precision."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from hd2s.approaches.contract import Learner, LearnerOptions
from hd2s.models.contract import ParameterGroup, SaliencyModel
from hd2s.training.optimiser import Optimiser, OptimiserOptions
from tests.hd2s.models.toy_models import TOY, declared

STEPS = 12
START = {"encoder": 1.0, "decoder": -2.0, "beside": 0.5}
GRADIENTS = {name: np.random.default_rng(i).normal(size=STEPS) for i, name in enumerate(START)}


class TwoGroups(SaliencyModel):
    """An encoder at a tenth of the learning rate, decayed threefold and frozen at first, and a decoder."""

    frozen = 0

    def __init__(self, config):
        super().__init__(config)
        for name in ("encoder", "decoder"):
            setattr(self, name, nn.Parameter(torch.tensor(START[name], dtype=torch.float64)))

    def parameter_groups(self):
        encoder = ParameterGroup([self.encoder], lr=0.1, weight_decay=3.0, frozen=self.frozen)
        return [encoder, ParameterGroup([self.decoder])]


class FrozenAtFirst(TwoGroups):
    frozen = 4


class Beside(Learner):
    """Trains one more number beside the model."""

    def __init__(self, model):
        super().__init__(model, LearnerOptions())
        self.beside = nn.Parameter(torch.tensor(START["beside"], dtype=torch.float64))

    def values(self):
        found = {"encoder": self.model.encoder, "decoder": self.model.decoder, "beside": self.beside}
        return {name: value.item() for name, value in found.items()}


def learner_of(kind=TwoGroups):
    return Beside(declared(replace(TOY, build=kind)))


def step(learner, optimiser, iteration, share=1.0, without=()):
    """Take a step under gradients that depend on nothing but the iteration's number."""
    optimiser.begin(iteration)
    parameters = {"beside": learner.beside, **dict(learner.model.named_parameters())}
    moving = [(name, p) for name, p in parameters.items() if p.requires_grad and name not in without]
    sum(p * GRADIENTS[name][iteration] for name, p in moving).backward()
    optimiser.step(share)


def trained(options, kind=TwoGroups, steps=STEPS):
    learner = learner_of(kind)
    optimiser = Optimiser(learner, options)
    for iteration in range(steps):
        step(learner, optimiser, iteration)
    return learner.values()


def plain_adam(name, lr, decay, rates, first=0):
    """Kingma and Ba's algorithm 1 with L2 regularisation, from iteration `first`."""
    value, m, v = START[name], 0.0, 0.0
    for t, iteration in enumerate(range(first, STEPS), start=1):
        gradient = GRADIENTS[name][iteration] + decay * value
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        value -= lr * rates[iteration] * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8)
    return value


def plain_sgd(name, lr, decay, rates, momentum):
    value, velocity = START[name], None
    for iteration in range(STEPS):
        gradient = GRADIENTS[name][iteration] + decay * value
        velocity = gradient if velocity is None else momentum * velocity + gradient
        value -= lr * rates[iteration] * velocity
    return value


ALIKE = [1.0] * STEPS
OPTIONS = OptimiserOptions(lr=0.05, weight_decay=0.02)


def test_adam_moves_each_group_by_its_own_factors():
    expected = {
        "encoder": plain_adam("encoder", 0.005, 0.06, ALIKE),
        "decoder": plain_adam("decoder", 0.05, 0.02, ALIKE),
        "beside": plain_adam("beside", 0.05, 0.02, ALIKE),
    }
    assert trained(OPTIONS) == pytest.approx(expected, rel=1e-12)


def plain_adamw(name, lr, decay):
    """Loshchilov and Hutter's algorithm 2, whose decay is no part of the moments."""
    value, m, v = START[name], 0.0, 0.0
    for t, gradient in enumerate(GRADIENTS[name], start=1):
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        value -= lr * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)) ** 0.5 + 1e-8) + lr * decay * value
    return value


def test_adamw_takes_the_decay_off_the_weights_themselves():
    expected = {
        "encoder": plain_adamw("encoder", 0.005, 0.06),
        "decoder": plain_adamw("decoder", 0.05, 0.02),
        "beside": plain_adamw("beside", 0.05, 0.02),
    }
    assert trained(replace(OPTIONS, kind="adamw")) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_moves_each_group_by_its_own_factors(momentum):
    expected = {
        "encoder": plain_sgd("encoder", 0.005, 0.06, ALIKE, momentum),
        "decoder": plain_sgd("decoder", 0.05, 0.02, ALIKE, momentum),
        "beside": plain_sgd("beside", 0.05, 0.02, ALIKE, momentum),
    }
    assert trained(replace(OPTIONS, kind="sgd", momentum=momentum)) == pytest.approx(expected, rel=1e-12)


def rates_by_hand(decay, milestones, period):
    """Walk through the iterations and multiply when it is time."""
    rate, found = 1.0, []
    for iteration in range(STEPS):
        if iteration and period and iteration % period == 0:
            rate *= decay
        rate *= decay ** milestones.count(iteration)
        found.append(rate)
    return found


@pytest.mark.parametrize(
    ("decay", "milestones", "period"),
    [(0.5, (), 0), (0.1, (3, 7), 0), (0.8, (), 4), (0.5, (3, 5), 4), (0.5, (4,), 4), (0.3, (0, 99), 0)],
)
@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_the_learning_rate_falls_at_milestones_and_every_period(kind, decay, milestones, period):
    options = replace(
        OPTIONS, kind=kind, momentum=0.5, lr_decay=decay, lr_milestones=milestones, lr_period=period
    )
    rates = rates_by_hand(decay, milestones, period)
    assert [options.lr_at(i) for i in range(STEPS)] == pytest.approx([0.05 * rate for rate in rates])
    plain = {"adam": plain_adam, "sgd": lambda *a: plain_sgd(*a, 0.5)}[kind]
    expected = {
        "encoder": plain("encoder", 0.005, 0.06, rates),
        "decoder": plain("decoder", 0.05, 0.02, rates),
        "beside": plain("beside", 0.05, 0.02, rates),
    }
    assert trained(options) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("warmup", "iterations"), [(0, 12), (4, 12), (1, 5), (11, 12)])
def test_a_cosine_and_a_warm_up_are_those_of_pytorch(warmup, iterations):
    options = OptimiserOptions(
        lr=0.1, lr_curve="cosine", lr_warmup=warmup, iterations=iterations, lr_decay=0.5, lr_period=2
    )
    moved = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    falling = CosineAnnealingLR(moved, T_max=iterations - warmup)
    schedule = falling
    if warmup:
        rising = LinearLR(moved, 1 / warmup, total_iters=max(warmup - 1, 1))
        schedule = SequentialLR(moved, [rising, falling], milestones=[warmup])
    expected = []
    for _ in range(iterations):
        expected += schedule.get_last_lr()
        moved.step()
        schedule.step()
    assert [options.lr_at(i) for i in range(iterations)] == pytest.approx(expected, rel=1e-9)


def test_a_warm_up_lowers_what_steps_leave():
    plain = OptimiserOptions(lr=0.1, lr_decay=0.5, lr_period=2)
    found = [replace(plain, lr_warmup=4).lr_at(i) / plain.lr_at(i) for i in range(6)]
    assert found == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_without_a_schedule_the_rate_is_the_one_that_was_given_to_the_bit():
    options = OptimiserOptions(lr=0.1, lr_decay=0.7, lr_milestones=(5,))
    assert [options.lr_at(i) for i in (0, 4)] == [0.1, 0.1]
    assert OptimiserOptions(lr=0.1).lr_at(10_000) == 0.1


def test_a_frozen_group_starts_afresh_when_its_time_has_come():
    """Neither decay nor momentum has moved it before; the others take no notice."""
    options = replace(OPTIONS, lr_decay=0.5, lr_period=3)
    rates = rates_by_hand(0.5, (), 3)
    for steps in (1, 4):
        assert trained(options, FrozenAtFirst, steps)["encoder"] == START["encoder"]
    expected = {
        "encoder": plain_adam("encoder", 0.005, 0.06, rates, first=4),
        "decoder": plain_adam("decoder", 0.05, 0.02, rates),
        "beside": plain_adam("beside", 0.05, 0.02, rates),
    }
    assert trained(options, FrozenAtFirst) == pytest.approx(expected, rel=1e-12)


class OneGroup(TwoGroups):
    def parameter_groups(self):
        return [ParameterGroup([self.encoder, self.decoder])]


def test_parts_of_a_domain_that_is_met_later_begin_then():
    """UNISAL's domains take turns by iterations, and the parts of all are in one group."""
    learner = learner_of(OneGroup)
    optimiser = Optimiser(learner, replace(OPTIONS, kind="sgd", momentum=0.9, weight_decay=0.0))
    value, velocity = START["encoder"], 0.0
    for iteration in range(STEPS):
        met = iteration % 3 == 1
        step(learner, optimiser, iteration, without=() if met else ("encoder",))
        if met:
            velocity = 0.9 * velocity + GRADIENTS["encoder"][iteration]
            value -= OPTIONS.lr * velocity
    found = learner.values()
    assert found["encoder"] == pytest.approx(value, rel=1e-12)
    assert found["decoder"] == pytest.approx(plain_sgd("decoder", OPTIONS.lr, 0.0, ALIKE, 0.9), rel=1e-12)


class FrozenForAPeriod(TwoGroups):
    """Its encoder stays as it is in the first period of the learning rate."""

    def parameter_groups(self):
        encoder, decoder = super().parameter_groups()
        return [replace(encoder, frozen_periods=1), decoder]


def test_a_group_may_be_frozen_for_periods_of_the_schedule():
    """UNISAL, Sect. 4.1: the encoder is frozen for two epochs, each of which is a period."""
    periodic = replace(OPTIONS, lr_decay=0.5, lr_period=3)
    assert trained(periodic, FrozenForAPeriod, 3)["encoder"] == START["encoder"]
    assert trained(periodic, FrozenForAPeriod, 4)["encoder"] != START["encoder"]
    assert trained(OPTIONS, FrozenForAPeriod, 1)["encoder"] != START["encoder"]


def test_a_step_may_take_a_share_of_the_learning_rate_and_the_next_has_all_of_it():
    """UNISAL, Sect. 4.1: photographs move the weights at half the rate, and momentum as all clips do."""
    options = replace(OPTIONS, kind="sgd", momentum=0.9)
    learner = learner_of(TwoGroups)
    optimiser = Optimiser(learner, options)
    shares = [0.5 if iteration % 3 == 0 else 1.0 for iteration in range(STEPS)]
    for iteration, share in enumerate(shares):
        step(learner, optimiser, iteration, share)
    expected = plain_sgd("decoder", 0.05, 0.02, shares, 0.9)
    assert learner.values()["decoder"] == pytest.approx(expected, rel=1e-12)


class Steady(TwoGroups):
    """Its encoder keeps the learning rate with which training begins."""

    def parameter_groups(self):
        encoder, decoder = super().parameter_groups()
        return [replace(encoder, scheduled=False), decoder]


def test_a_schedule_may_leave_a_group_as_it_is():
    """TASED-Net, Sect. 4.1: the encoder's rate is fixed, the prediction network's drops."""
    options = replace(OPTIONS, lr_decay=0.5, lr_period=3)
    rates = rates_by_hand(0.5, (), 3)
    expected = {
        "encoder": plain_adam("encoder", 0.005, 0.06, np.ones(STEPS)),
        "decoder": plain_adam("decoder", 0.05, 0.02, rates),
        "beside": plain_adam("beside", 0.05, 0.02, rates),
    }
    assert trained(options, Steady) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("interrupted", [2, 4, 7])
def test_an_interrupted_training_goes_on_as_if_nothing_had_been(kind, interrupted):
    options = replace(OPTIONS, kind=kind, momentum=0.9, lr_decay=0.5, lr_period=3)
    learner = learner_of(FrozenAtFirst)
    optimiser = Optimiser(learner, options)
    for iteration in range(interrupted):
        step(learner, optimiser, iteration)
    weights, state = learner.state_dict(), optimiser.state_dict()
    resumed = learner_of(FrozenAtFirst)
    resumed.load_state_dict(weights)
    other = Optimiser(resumed, options)
    other.load_state_dict(state)
    for iteration in range(interrupted, STEPS):
        step(resumed, other, iteration)
    assert resumed.values() == trained(options, FrozenAtFirst)


class Cube(SaliencyModel):
    """A convolution's weight, in an order of memory that may change."""

    order = torch.channels_last_3d

    def __init__(self, config):
        super().__init__(config)
        weight = torch.arange(2 * 3 * 4 * 5 * 6.0).reshape(2, 3, 4, 5, 6)
        self.weight = nn.Parameter(weight.contiguous(memory_format=self.order))


class PlainCube(Cube):
    order = torch.contiguous_format


@pytest.mark.parametrize("options", [OptimiserOptions(), OptimiserOptions(kind="sgd", momentum=0.9)])
@pytest.mark.parametrize("kinds", [(Cube, PlainCube), (PlainCube, Cube)])
def test_a_state_is_gone_on_from_in_another_order_of_memory(kinds, options):
    def moved(learner, optimiser, steps):
        for i in steps:
            optimiser.begin(i)
            weight = learner.model.weight
            (weight * torch.randn(weight.shape, generator=torch.Generator().manual_seed(i))).sum().backward()
            optimiser.step()
        return learner.model.weight.detach().contiguous()

    before, after = (Learner(declared(replace(TOY, build=kind)), LearnerOptions()) for kind in kinds)
    first, second = Optimiser(before, options), Optimiser(after, options)
    moved(before, first, range(3))
    after.load_state_dict(before.state_dict())
    second.load_state_dict(deepcopy(first.state_dict()))
    assert torch.equal(moved(after, second, range(3, 6)), moved(before, first, range(3, 6)))


def test_gradients_of_the_last_iteration_are_forgotten():
    learner = learner_of()
    optimiser = Optimiser(learner, OPTIONS)
    step(learner, optimiser, 0)
    optimiser.begin(1)
    assert [p.grad for p in learner.parameters()] == [None] * 3


def test_an_unknown_kind():
    with pytest.raises(ValueError, match=r"Unknown optimiser adm\. Did you mean adam\?"):
        OptimiserOptions(kind="adm")


def test_what_a_learner_freezes_stays_so_when_its_group_is_frozen_no_more():
    """An approach that trains some parts alone trained all of UNISAL's encoder after its first epochs."""
    learner = learner_of(FrozenAtFirst)
    learner.model.encoder.requires_grad_(False)
    optimiser = Optimiser(learner, OPTIONS)
    for iteration in range(STEPS):
        step(learner, optimiser, iteration)
    assert learner.values()["encoder"] == START["encoder"]
    assert learner.values()["decoder"] != START["decoder"]


def test_complex_numbers_are_moved_as_their_parts_are():
    """PyTorch's fused optimisers, which take real ones alone, ended the training at its beginning."""

    class Spectrum(SaliencyModel):
        def __init__(self, config):
            super().__init__(config)
            self.filter = nn.Parameter(torch.tensor(1 - 2j, dtype=torch.complex128))

    model = declared(replace(TOY, build=Spectrum))
    optimiser = Optimiser(Learner(model, LearnerOptions()), OPTIONS)
    for iteration in range(STEPS):
        optimiser.begin(iteration)
        parts = torch.view_as_real(model.filter)
        (parts[0] * GRADIENTS["encoder"][iteration] + parts[1] * GRADIENTS["decoder"][iteration]).backward()
        optimiser.step()
    expected = [plain_adam(name, 0.05, 0.02, ALIKE) for name in ("encoder", "decoder")]
    assert torch.view_as_real(model.filter).tolist() == pytest.approx(expected, rel=1e-12)
