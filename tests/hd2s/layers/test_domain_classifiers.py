import pytest
import torch

from hd2s import build_model
from hd2s.layers.domain_classifiers import reverse_gradient
from hd2s.losses import domain_loss

SMALL = {"clip_length": 8, "height": 32, "width": 32}


def test_reversal_keeps_values_and_turns_gradients_round():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    reversed_x = reverse_gradient(x, 0.3)
    assert torch.equal(reversed_x, x)
    reversed_x.square().sum().backward()
    torch.testing.assert_close(x.grad, -0.3 * 2 * x.detach())


def test_lambda_scales_the_features_gradient_and_not_the_classifiers():
    """λ = −1 undoes the reversal, so its gradient is the classifier's own."""
    model = build_model("hd2s_da", seed=0, **SMALL).double().eval()
    clips = torch.rand(2, 3, 8, 32, 32, dtype=torch.float64) * 2 - 1

    def gradients(grl_lambda):
        model.zero_grad()
        domain_loss(model(clips, grl_lambda=grl_lambda).domain_logits, 1).backward()
        classifier = model.adversarial["4"].reduction[0].conv.weight.grad.clone()
        shared = model.conspicuity["1"].temporal_removal[0].conv.weight.grad.clone()
        return classifier, shared, model.backbone.block1[0].spatial.conv.weight.grad.clone()

    own, reversed_half = gradients(-1.0), gradients(0.5)
    assert all(gradient.abs().max() > 0 for gradient in own)
    torch.testing.assert_close(reversed_half[0], own[0])
    torch.testing.assert_close(reversed_half[1], -0.5 * own[1])
    torch.testing.assert_close(reversed_half[2], -0.5 * own[2])
    assert all((gradient == 0).all() for gradient in gradients(0.0)[1:])


def test_domain_loss_leaves_the_decoders_alone():
    model = build_model("hd2s_da", seed=0, **SMALL).eval()
    domain_loss(model(torch.zeros(2, 3, 8, 32, 32), grl_lambda=1.0).domain_logits, 0).backward()
    assert all(p.grad is None for net in model.conspicuity.values() for p in net.stages.parameters())
    assert model.fusion.weight.grad is None


@pytest.mark.parametrize("train", [True, False])
def test_logits_are_log_probabilities_of_each_level(train):
    model = build_model("hd2s_da", seed=0, **SMALL).train(train)
    logits = model(torch.rand(3, 3, 8, 32, 32), grl_lambda=0.5).domain_logits
    assert [tuple(x.shape) for x in logits] == [(3, 2)] * 4
    for level in logits:
        torch.testing.assert_close(level.exp().sum(1), torch.ones(3))


def test_without_lambda_no_branch_runs():
    model = build_model("hd2s_da", seed=0, **SMALL)
    before = model.adversarial["1"].reduction[0].norm.running_mean.clone()
    assert model(torch.rand(2, 3, 8, 32, 32)).domain_logits is None
    assert torch.equal(model.adversarial["1"].reduction[0].norm.running_mean, before)


def test_a_model_without_branches_says_so():
    with pytest.raises(ValueError, match=r"grl_lambda=0\.5.*hd2s_da"):
        build_model("hd2s", **SMALL)(torch.zeros(1, 3, 8, 32, 32), grl_lambda=0.5)


def test_dropout_follows_every_hidden_layer_but_the_first():
    classifiers = build_model("hd2s_da", **SMALL).adversarial
    rates = {level: [hidden.dropout.p for hidden in net.hidden] for level, net in classifiers.items()}
    assert rates == {"1": [0, 0.5, 0.5], "2": [0, 0.5], "3": [0, 0.5], "4": [0, 0.5]}
