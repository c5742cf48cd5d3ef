import math

import pytest
import torch

from hd2s import build_model
from hd2s.approaches.adaptation import APPROACH, AdaptationSettings
from hd2s.approaches.contract import Learner, LearnerOptions, MicroBatch, Progress
from hd2s.approaches.learners.adaptation import AdversarialLearner, domain_loss
from hd2s.approaches.protocol import TrainingProtocol
from hd2s.approaches.schedule import grl_lambda
from hd2s.layers.domain_classifiers import DomainClassifiers
from tests.hd2s.models.small_models import SMALL, clips, micro_batch, same

ACCURACIES = [f"domain/accuracy/level_{level}" for level in (1, 2, 3, 4)]
WATCHED = [*(f"domain/loss/level_{level}" for level in (1, 2, 3, 4)), *ACCURACIES]


NOW = Progress(1, 100)


RELEASED = TrainingProtocol("sum", "micro-batch", adversarial_multi_level=False)


def learner_of(*, seed=0, bn_momentum=0.001, **options):
    model = build_model("hd2s", seed=seed, bn_momentum=bn_momentum, **SMALL)
    return AdversarialLearner(model, LearnerOptions(seed=seed, **options))


def unlabelled_batch():
    return MicroBatch(clips(2, 1))


def test_source_then_target_each_in_a_batch_of_its_own():
    learner, source, target = learner_of().eval(), micro_batch(), unlabelled_batch()
    (first, source_terms), (second, target_terms) = learner.losses([source], [target], NOW)
    ((plain, _),) = Learner(learner.model, LearnerOptions()).losses([source], [], NOW)
    source_logits, target_logits = (
        learner.classifiers(learner.model(one.clips).features, 0.3) for one in (source, target)
    )
    torch.testing.assert_close(first, plain + domain_loss(source_logits, 0))
    torch.testing.assert_close(second, domain_loss(target_logits, 1))
    assert list(target_terms) == ["domain/target", *WATCHED]
    assert list(source_terms)[-9:] == ["domain/source", *WATCHED]


@pytest.mark.parametrize(
    "options", [{"auxiliary": False}, {"protocol": RELEASED}], ids=["ablation", "released"]
)
def test_the_final_map_alone_may_be_supervised(options):
    learner, source = learner_of(**options).eval(), micro_batch()
    (only_final, terms), _ = learner.losses([source], [unlabelled_batch()], NOW)
    assert list(terms) == ["kld/saliency", "domain/source", *WATCHED]
    logits = learner.classifiers(learner.model(source.clips).features, 0.3)
    torch.testing.assert_close(only_final, terms["kld/saliency"] + domain_loss(logits, 0))


def test_losses_of_a_model_that_are_no_terms_are_told():
    learner = learner_of()
    learner.model.losses = lambda *_, **__: torch.tensor(1.0)
    with pytest.raises(ValueError, match="the model's `losses` are to return terms by name"):
        next(learner.losses([micro_batch()], [unlabelled_batch()], NOW))


def test_domain_accuracy_is_the_share_of_clips_that_each_level_tells_right():
    learner = learner_of().eval()
    for level, classifier in learner.classifiers.items():  # levels 1 and 2 say source, 3 and 4 target
        torch.nn.init.zeros_(classifier.output.weight)
        with torch.no_grad():
            classifier.output.bias.copy_(torch.tensor([1.0, 0.0] if level in "12" else [0.0, 1.0]))
    passes = list(learner.losses([micro_batch()], [unlabelled_batch()], NOW))
    found = [[terms[name].item() for name in ACCURACIES] for _, terms in passes]
    assert found == [[1, 1, 0, 0], [0, 0, 1, 1]]


def test_no_batch_norm_sees_source_and_target_together():
    """Statistics move by the source's forward pass, then by the target's."""
    learner, inputs = learner_of(bn_momentum=0.5), []
    norm = learner.model.backbone.block1[0].spatial.norm
    norm.register_forward_hook(lambda _, x, __: inputs.append(x[0].mean((0, 2, 3, 4))))
    list(learner.losses([micro_batch()], [unlabelled_batch()], NOW))
    assert len(inputs) == 2
    torch.testing.assert_close(norm.running_mean, 0.25 * inputs[0] + 0.5 * inputs[1])


def test_target_clips_leave_no_gradient_in_the_decoders():
    learner = learner_of()
    _, (target, _) = learner.losses([micro_batch()], [unlabelled_batch()], NOW)
    target.backward()
    assert all(p.grad is None for net in learner.model.conspicuity.values() for p in net.stages.parameters())
    assert learner.model.fusion.weight.grad is None
    assert learner.model.backbone.block1[0].spatial.conv.weight.grad.abs().max() > 0


def test_lambda_scales_the_features_gradient_and_not_the_classifiers():
    """λ = −1 undoes the reversal, so its gradient is the classifier's own."""
    learner = learner_of().double().eval()
    model, classifiers = learner.model, learner.classifiers

    def gradients(scale):
        learner.zero_grad()
        domain_loss(classifiers(model(clips(dtype=torch.float64)).features, scale), 1).backward()
        classifier = classifiers["4"].reduction[0].conv.weight.grad.clone()
        shared = model.conspicuity["1"].temporal_removal[0].conv.weight.grad.clone()
        return classifier, shared, model.backbone.block1[0].spatial.conv.weight.grad.clone()

    own, reversed_half = gradients(-1.0), gradients(0.5)
    assert all(gradient.abs().max() > 0 for gradient in own)
    torch.testing.assert_close(reversed_half[0], own[0])
    torch.testing.assert_close(reversed_half[1], -0.5 * own[1])
    torch.testing.assert_close(reversed_half[2], -0.5 * own[2])
    assert all((gradient == 0).all() for gradient in gradients(0.0)[1:])


@pytest.mark.parametrize("strength", [1.0, 0.25])
def test_the_reversal_is_of_the_strength_that_is_asked_for(strength):
    learner = learner_of(strength=strength).double().eval()
    target = MicroBatch(clips(dtype=torch.float64))
    labelled = micro_batch(dtype=torch.float64)
    _, (loss, _) = learner.losses([labelled], [target], Progress(30, 100))
    loss.backward()
    found = learner.model.backbone.block1[0].spatial.conv.weight.grad.clone()
    learner.zero_grad()
    logits = learner.classifiers(learner.model(target.clips).features, strength * math.tanh(5 * 0.3))
    domain_loss(logits, 1).backward()
    torch.testing.assert_close(found, learner.model.backbone.block1[0].spatial.conv.weight.grad)


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_lambda_is_renewed_every_iteration_or_every_micro_batch(strength):
    progress = [Progress(10, 100, k, 4) for k in range(4)]
    paper, released = (
        learner_of(protocol=each, strength=strength) for each in (TrainingProtocol(), RELEASED)
    )
    assert [paper.watched(now) for now in progress] == [{"lambda": strength * grl_lambda(0.1)}] * 4
    expected = [strength * math.tanh(5 * (10 * 4 + k) / 400) for k in range(4)]
    assert [released.watched(now)["lambda"] for now in progress] == pytest.approx(expected)


def test_classifiers_come_from_the_seed_and_leave_the_models_weights_alone():
    torch.rand(3)
    first, second, other = learner_of(seed=3), learner_of(seed=3), learner_of(seed=4)
    assert same(first.classifiers.state_dict(), second.classifiers.state_dict())
    assert not same(first.classifiers.state_dict(), other.classifiers.state_dict())
    assert same(first.model.state_dict(), build_model("hd2s", seed=3, **SMALL).state_dict())


def test_classifiers_are_left_behind():
    learner = learner_of()
    assert isinstance(learner.classifiers, DomainClassifiers)
    assert {id(p) for p in learner.classifiers.parameters()} <= {id(p) for p in learner.parameters()}
    assert learner.result() is learner.model
    assert not any("classif" in name for name in learner.result().state_dict())


@pytest.mark.parametrize("domain", [0, 1])
def test_domain_loss_is_the_sum_of_binary_cross_entropies(domain):
    target_probability = torch.rand(4, 3, dtype=torch.float64) * 0.8 + 0.1
    logits = {str(i): torch.stack([1 - p, p], 1).log() for i, p in enumerate(target_probability)}
    expected = 0.0
    for level in target_probability.tolist():
        expected += sum(-domain * math.log(p) - (1 - domain) * math.log(1 - p) for p in level) / 3
    assert domain_loss(logits, domain).item() == pytest.approx(expected, rel=1e-12)


def test_the_target_is_seen_without_its_maps():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("DHF1K",)
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert APPROACH.needs_target
    assert APPROACH.learner.loaded is AdversarialLearner


def test_one_level_alone_may_be_aligned():
    """Its classifier is the very one that it is among all of them."""
    all_levels, one = learner_of(), learner_of(settings=AdaptationSettings(levels=("4",)))
    assert list(one.classifiers) == ["4"]
    assert same(one.classifiers["4"].state_dict(), all_levels.classifiers["4"].state_dict())
    (_, source), (_, target) = one.losses([micro_batch()], [unlabelled_batch()], NOW)
    watched = ["domain/loss/level_4", "domain/accuracy/level_4"]
    assert list(target) == ["domain/target", *watched]
    assert [name for name in source if "level" in name] == watched
