"""Plain supervision, which a learner is unless it says otherwise, and what an approach asks of a model."""

from dataclasses import replace

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress, total
from hd2s.approaches.declaration import Approach
from hd2s.approaches.learners.adaptation import AdversarialLearner
from hd2s.approaches.learners.calibration import CalibrationLearner
from hd2s.approaches.registry import approaches
from hd2s.losses import kld
from hd2s.models.registry import models
from tests.hd2s.models.few_weights import FEW
from tests.hd2s.models.small_models import DOMAINS, SMALL, micro_batch
from tests.hd2s.models.toy_models import TOY, declared

NOW = Progress(0, 10)


def learner_of(*, auxiliary=True, **options):
    model = build_model("hd2s", seed=0, **SMALL | options)
    return Learner(model, LearnerOptions(auxiliary=auxiliary)).eval()


def test_supervision_sums_the_terms_of_equation_1():
    learner, one = learner_of(), micro_batch()
    ((loss, terms),) = learner.losses([one], [], NOW)
    prediction, truth = learner.model(one.clips), one.maps[:, 0]
    expected = [kld(prediction.saliency[:, 0], truth).mean()]
    expected += [kld(maps[:, 0], truth).mean() for maps in prediction.auxiliary.values()]
    assert list(terms) == ["kld/saliency", *(f"kld/conspicuity_{level}" for level in (1, 2, 3, 4))]
    torch.testing.assert_close(list(terms.values()), expected)
    torch.testing.assert_close(loss, sum(expected))


def test_without_auxiliary_maps_the_saliency_map_alone_is_supervised():
    learner, one = learner_of(auxiliary=False), micro_batch()
    ((loss, terms),) = learner.losses([one], [], NOW)
    assert list(terms) == ["kld/saliency"]
    torch.testing.assert_close(loss, kld(learner.model(one.clips).saliency[:, 0], one.maps[:, 0]).mean())


def test_a_batch_runs_through_its_own_domain():
    learner = learner_of(domains=DOMAINS)
    with torch.no_grad():
        learner.model.smoothing["UCFSports"].sigma.fill_(1.0)
    losses = []
    for domain in ("DHF1K", "UCFSports"):
        one = micro_batch(domain=domain)
        ((loss, _),) = learner.losses([one], [], NOW)
        losses.append(loss)
        expected = learner.model.losses(learner.model(one.clips, domain=domain), one.maps)
        torch.testing.assert_close(loss, sum(expected.values()))
    assert losses[0] != losses[1]
    with pytest.raises(ValueError, match="needs domain"):
        list(learner.losses([micro_batch()], [], NOW))


@pytest.mark.parametrize("learner", [Learner, AdversarialLearner, CalibrationLearner])
def test_a_batchs_fixations_reach_the_models_losses(learner, monkeypatch):
    one, given = replace(micro_batch(), fixations=torch.ones(2, 1, 32, 32)), []

    def losses(prediction, maps, *, auxiliary, fixations):
        given.append(fixations)
        return {"nss": (prediction.saliency * fixations).mean()}

    model = build_model("hd2s", seed=0, **SMALL)
    monkeypatch.setattr(model, "losses", losses)
    _, terms = next(learner(model, LearnerOptions()).losses([one], [MicroBatch(one.clips)], NOW))
    assert len(given) == 1 and given[0] is one.fixations
    assert "nss" in terms


def test_one_labelled_batch_is_taken_at_a_time_and_unlabelled_ones_are_not_looked_at():
    learner = learner_of()
    unlabelled = [MicroBatch(torch.full((2, 3, 8, 32, 32), float("nan")))]
    ((loss, _),) = learner.losses([micro_batch()], unlabelled, NOW)
    assert loss.isfinite()
    with pytest.raises(ValueError, match="unpack"):
        list(learner.losses([micro_batch(), micro_batch(1)], [], NOW))


@pytest.mark.parametrize("approach", approaches())
def test_losses_that_wait_hold_no_mode(approach):
    """A pass that fails would leave it to all that its process does afterwards."""
    learner = approaches()[approach].learner(declared(FEW, **SMALL), LearnerOptions()).train()
    modes = []
    for iteration in range(8):
        one, other = micro_batch(iteration), micro_batch(10 + iteration)
        for loss, _ in learner.losses([one], [MicroBatch(other.clips)], Progress(iteration, 8)):
            modes.append(torch.is_grad_enabled())
            if loss.requires_grad:
                loss.backward()
        learner.after_step()
    assert modes
    assert all(modes)


def test_what_lasts_is_the_model_alone():
    learner = learner_of()
    assert learner.result() is learner.model
    assert dict(learner.watched(NOW)) == {}
    before = {name: value.clone() for name, value in learner.state_dict().items()}
    learner.after_step()
    assert all(torch.equal(value, before[name]) for name, value in learner.state_dict().items())


def test_a_total_is_the_sum_of_scalars():
    terms = {"a": torch.tensor(1.5), "b": torch.tensor(-0.25)}
    assert total(terms).shape == ()
    assert total(terms).item() == 1.25


@pytest.mark.parametrize("needs", [frozenset(), {"features"}, {"domains"}, {"features", "domains"}])
def test_what_an_approach_needs_is_asked_of_the_model_before_anything_is_built(needs):
    approach = Approach("x", "X", needs=frozenset(needs))
    hd2s, plain = models()["hd2s"], models()["centre_prior"]
    assert approach.lacking(hd2s, hd2s.config()) == []
    assert approach.lacking(plain, plain.config()) == sorted(needs)
    assert approach.lacking(TOY, TOY.config()) == sorted(needs)


def test_by_default_an_approach_learns_from_its_sources_and_starts_afresh():
    approach = Approach("x", "X")
    assert approach.labelled(("a", "b"), "t") == ("a", "b")
    assert approach.unlabelled(("a", "b"), "t") == ()
    assert approach.options(("a", "b")) == {}
    assert (approach.learner.loaded, approach.parent, approach.around, approach.trains) == (
        Learner,
        None,
        None,
        True,
    )
    assert replace(approach) == approach


@pytest.mark.parametrize("terms", [torch.tensor(1.0), {}, None])
def test_losses_of_a_model_that_are_no_terms_are_told(terms):
    learner = learner_of()
    learner.model.losses = lambda *_, **__: terms
    with pytest.raises(ValueError, match="the model's `losses` are to return terms by name, found "):
        next(learner.losses([micro_batch()], [], NOW))
