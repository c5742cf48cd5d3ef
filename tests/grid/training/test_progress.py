"""What a training keeps: the weights of the lowest loss, by its own validation and each other criterion."""

import math

import pytest
import torch

from grid.plan import CorpusDigest, Criterion
from grid.training.progress import Progress
from grid.training.validation import Losses

OWN, A, B = (CorpusDigest(name, name) for name in ("own", "a", "b"))
ALONE, BOTH, LAST, OTHER = Criterion((A,)), Criterion((A, B)), Criterion(), Criterion((OWN,), "student")
KEPT = [ALONE, BOTH, LAST, OTHER]


def gone_through(losses, *, always=False, beside=0, begins=1):
    """Return what is kept of a model whose weight is the step, with losses on its own corpus, a and b.

    Another one has the negative of both. The loss that selects is `beside` times the KLD more.
    """
    progress = Progress.beginning(KEPT)
    models = {word: torch.nn.Linear(1, 1, bias=False) for word in ("", "student")}
    for step, (own, a, b) in enumerate(losses, 1):
        for model, weight in zip(models.values(), (step, -step), strict=True):
            torch.nn.init.constant_(model.weight, weight)
        found = {("", OWN): own, ("", A): a, ("", B): b, ("student", OWN): -own}
        found = {pair: Losses(kld, kld + beside * kld) for pair, kld in found.items()}
        ends = {"last": step == len(losses), "always": always, "chooses": step >= begins}
        progress.choose(models, found, OWN, KEPT, step=step, **ends)
    return progress


def test_each_criterion_keeps_the_weights_of_its_lowest_loss():
    progress = gone_through([(3, 1, 9), (1, 2, 6), (2, 3, 1)])
    assert (progress.best_step, progress.best_kld) == (2, 1)
    kept = {name: (each["step"], each["kld"]) for name, each in progress.kept.items()}
    assert kept == {ALONE.name: (1, 1), BOTH.name: (3, 2), LAST.name: (3, 2), OTHER.name: (1, -3)}
    weights = {name: each["weights"]["weight"].item() for name, each in progress.kept.items()}
    assert weights == {ALONE.name: 1, BOTH.name: 3, LAST.name: 3, OTHER.name: -1}
    assert progress.best_weights["weight"].item() == 2


def test_equal_weights_are_one_copy():
    progress = gone_through([(1, 1, 1)])
    kept = [progress.best_weights, *(progress.kept[each.name]["weights"] for each in (ALONE, BOTH, LAST))]
    assert len({id(weights) for weights in kept}) == 1


def test_of_equally_good_ones_the_first_stays_unless_the_last_is_wanted():
    found = gone_through([(1, 1, 1), (1, 1, 1)])
    assert (found.best_step, found.kept[ALONE.name]["step"]) == (1, 1)
    assert gone_through([(1, 1, 1), (2, 1, 1)], always=True).best_step == 2


def test_the_loss_selects_and_the_kld_of_what_it_selects_is_told():
    progress = gone_through([(3, 1, 9), (1, 2, 6), (2, 3, 1)], beside=-2)
    assert (progress.best_step, progress.best_kld, progress.best_loss) == (1, 3, -3)
    kept = {name: (each["step"], each["kld"], each["loss"]) for name, each in progress.kept.items()}
    assert kept[ALONE.name] == (3, 3, -3)
    assert kept[BOTH.name] == (1, 5, -5)
    assert Progress(**vars(progress)).best_loss == -3


def test_the_first_validations_may_choose_nothing_but_the_last_always_does():
    losses = [(1, 1, 1), (5, 5, 5), (4, 4, 4), (6, 6, 6)]
    assert gone_through(losses).best_step == 1
    late = gone_through(losses, begins=2)
    assert (late.best_step, late.kept[ALONE.name]["step"], late.kept[LAST.name]["step"]) == (3, 3, 4)
    assert gone_through(losses, begins=9).best_step == 4


@pytest.mark.parametrize("criterion", KEPT)
def test_nothing_is_chosen_before_the_first_validation(criterion):
    assert Progress.beginning([criterion]).kept == {
        criterion.name: {"kld": math.inf, "step": -1, "weights": {}}
    }
