import pytest
import torch

from hd2s import build_model
from hd2s.layers.domain_classifiers import DomainClassifiers, reverse_gradient
from hd2s.losses import domain_loss

SMALL = {"clip_length": 8, "height": 32, "width": 32}
SHAPES = {1: (6, 4, 4, 3), 2: (5, 2, 2, 3), 3: (4, 1, 2, 2), 4: (7, 1, 2, 2)}


def features_of(batch=3, seed=0, dtype=torch.float64):
    """Make features after temporal removal, level → (B, C, H, W)."""
    generator = torch.Generator().manual_seed(seed)
    return {
        level: torch.randn(batch, c, h, w, generator=generator, dtype=dtype, requires_grad=True)
        for level, (c, _, h, w) in SHAPES.items()
    }


def classifiers(shapes=SHAPES):
    torch.manual_seed(0)
    return DomainClassifiers(shapes).double()


def test_reversal_keeps_values_and_turns_gradients_round():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    reversed_x = reverse_gradient(x, 0.3)
    assert torch.equal(reversed_x, x)
    reversed_x.square().sum().backward()
    torch.testing.assert_close(x.grad, -0.3 * 2 * x.detach())


def test_lambda_scales_the_features_gradient_and_not_the_classifiers():
    """λ = −1 undoes the reversal, so its gradient is the classifier's own."""
    nets = classifiers().eval()

    def gradients(grl_lambda):
        nets.zero_grad()
        features = features_of()
        domain_loss(nets(features, grl_lambda), 1).backward()
        own = [parameter.grad.clone() for parameter in nets.parameters()]
        return own, [x.grad for x in features.values()]

    (weights, features), (same, reversed_half) = gradients(-1.0), gradients(0.5)
    assert all(gradient.abs().max() > 0 for gradient in features)
    torch.testing.assert_close(same, weights, rtol=0, atol=0)
    torch.testing.assert_close(reversed_half, [-0.5 * gradient for gradient in features])
    assert all((gradient == 0).all() for gradient in gradients(0.0)[1])


def test_what_leads_to_the_classifiers_gets_the_reversed_gradient():
    """In a whole model; a power of two scales single precision without rounding."""
    model = build_model("hd2s_da", seed=0, **SMALL).eval()
    clips = torch.rand(2, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def gradients(grl_lambda):
        model.zero_grad()
        domain_loss(model(clips, grl_lambda=grl_lambda).domain_logits, 1).backward()
        removal = model.conspicuity["1"].temporal_removal[0].conv.weight.grad.clone()
        return removal, model.backbone.block1[0].spatial.conv.weight.grad.clone()

    own, reversed_half = gradients(-1.0), gradients(0.5)
    assert all(gradient.abs().max() > 0 for gradient in own)
    torch.testing.assert_close(reversed_half, tuple(-0.5 * gradient for gradient in own))


def test_a_classifier_is_its_layers_one_after_the_other():
    nets, features = classifiers().eval(), features_of()
    for level, (_, _, h, w) in SHAPES.items():
        net, x = nets[str(level)], features[level]
        for unit in net.reduction:
            mixed = torch.einsum("oc,bchw->bohw", unit.conv.weight[..., 0, 0], x)
            x = plain_norm(mixed + unit.conv.bias[:, None, None], unit.norm).clamp(min=0)
        x = x.reshape(len(x), -1)
        assert x.shape[1] == net.reduction[-1].conv.out_channels * h * w
        for hidden in net.hidden:
            x = plain_norm(x @ hidden.linear.weight.T + hidden.linear.bias, hidden.norm).clamp(min=0)
        scores = x @ net.output.weight.T + net.output.bias
        expected = scores - scores.exp().sum(1, keepdim=True).log()
        torch.testing.assert_close(net(features[level]), expected, rtol=0, atol=1e-12)


def plain_norm(x, norm):
    """Batch norm in evaluation, just initialised: mean 0, variance 1, weight 1 and bias 0."""
    assert (norm.running_mean == 0).all()
    assert (norm.running_var == 1).all()
    return x / (1 + norm.eps) ** 0.5


def test_domain_loss_leaves_the_decoders_alone():
    model = build_model("hd2s_da", seed=0, **SMALL).eval()
    domain_loss(model(torch.zeros(2, 3, 8, 32, 32), grl_lambda=1.0).domain_logits, 0).backward()
    assert all(p.grad is None for net in model.conspicuity.values() for p in net.stages.parameters())
    assert model.fusion.weight.grad is None


@pytest.mark.parametrize("train", [True, False])
def test_logits_are_log_probabilities_of_each_level(train):
    logits = classifiers().train(train)(features_of(), 0.5)
    assert [tuple(x.shape) for x in logits] == [(3, 2)] * 4
    for level in logits:
        torch.testing.assert_close(level.exp().sum(1), torch.ones(3, dtype=torch.float64))


def test_some_levels_have_classifiers_of_the_others_widths():
    few = classifiers({level: SHAPES[level] for level in (2, 4)}).eval()
    assert list(few) == ["2", "4"]
    whole = classifiers().eval()
    whole.load_state_dict(few.state_dict(), strict=False)
    features = features_of()
    some = few({level: features[level] for level in (2, 4)}, 1.0)
    torch.testing.assert_close(some, [whole(features, 1.0)[i] for i in (1, 3)])


def test_without_lambda_no_branch_runs():
    model = build_model("hd2s_da", seed=0, **SMALL)
    before = model.adversarial["1"].reduction[0].norm.running_mean.clone()
    assert model(torch.rand(2, 3, 8, 32, 32)).domain_logits is None
    assert torch.equal(model.adversarial["1"].reduction[0].norm.running_mean, before)


def test_a_model_without_branches_says_so():
    with pytest.raises(ValueError, match=r"grl_lambda=0\.5.*hd2s_da"):
        build_model("hd2s", **SMALL)(torch.zeros(1, 3, 8, 32, 32), grl_lambda=0.5)


def test_dropout_follows_every_hidden_layer_but_the_first():
    rates = {level: [hidden.dropout.p for hidden in net.hidden] for level, net in classifiers().items()}
    assert rates == {"1": [0, 0.5, 0.5], "2": [0, 0.5], "3": [0, 0.5], "4": [0, 0.5]}
