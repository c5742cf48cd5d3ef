import pytest
import torch

from hd2s.approaches.learners.adaptation import domain_loss
from hd2s.layers.domain_classifiers import DomainClassifiers, reverse_gradient
from hd2s.layers.features import Feature
from hd2s.models.hd2s.config import HD2SConfig
from tests.hd2s.models.small_models import SMALL


def features_of(config, batch=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(batch, f.channels, f.height, f.width, generator=generator, dtype=dtype)
        for name, f in config.features.items()
    }


def test_reversal_keeps_values_and_turns_gradients_round():
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    reversed_x = reverse_gradient(x, 0.3)
    assert torch.equal(reversed_x, x)
    reversed_x.square().sum().backward()
    torch.testing.assert_close(x.grad, -0.3 * 2 * x.detach())


def test_the_gradient_reversal_compiles():
    reverse = torch.compile(lambda x: reverse_gradient(2 * x, 0.3), backend="eager", fullgraph=True)
    x = torch.randn(3, requires_grad=True)
    reverse(x).sum().backward()
    torch.testing.assert_close(x.grad, torch.full((3,), -0.6))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("size", [(8, 32, 32), (8, 64, 96), (24, 32, 64)])
def test_logits_are_log_probabilities_of_each_level(size, train):
    config = HD2SConfig(**dict(zip(SMALL, size, strict=True)))
    logits = DomainClassifiers(config.features).train(train)(features_of(config), 0.5)
    assert {name: tuple(x.shape) for name, x in logits.items()} == dict.fromkeys("1234", (3, 2))
    for level in logits.values():
        torch.testing.assert_close(level.exp().sum(1), torch.ones(3))


def test_there_is_a_classifier_for_each_feature_alone():
    config = HD2SConfig(conspicuity=(2, 4), **SMALL)
    assert list(DomainClassifiers(config.features)(features_of(config), 1.0)) == ["2", "4"]


def test_dropout_follows_every_hidden_layer_but_the_first():
    classifiers = DomainClassifiers(HD2SConfig(**SMALL).features)
    rates = {level: [hidden.dropout.p for hidden in net.hidden] for level, net in classifiers.items()}
    assert rates == {"1": [0, 0.5, 0.5], "2": [0, 0.5], "3": [0, 0.5], "4": [0, 0.5]}


OWN = {"low": Feature(6, 4, 3, reduction=(5, 4), hidden=(8, 6)), "high": Feature(7, 2, 2)}


def own_features(batch=3):
    """Features of one's own widths, by name, that want a gradient."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(
            batch, f.channels, f.height, f.width, generator=generator, dtype=torch.float64
        ).requires_grad_()
        for name, f in OWN.items()
    }


def own_classifiers():
    torch.manual_seed(0)
    return DomainClassifiers(OWN).double().eval()


def plain_norm(x, norm):
    """A batch norm in evaluation, written out."""
    shape = (-1, *[1] * (x.ndim - 2))
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (x - norm.running_mean.view(shape)) * scale.view(shape) + norm.bias.view(shape)


def test_lambda_scales_the_features_gradient_and_not_the_classifiers():
    """λ = −1 undoes the reversal, so its gradient is the classifier's own."""
    nets = own_classifiers()

    def gradients(grl_lambda):
        nets.zero_grad()
        features = own_features()
        domain_loss(nets(features, grl_lambda), 1).backward()
        own = [parameter.grad.clone() for parameter in nets.parameters()]
        return own, [x.grad for x in features.values()]

    (weights, features), (same, reversed_half) = gradients(-1.0), gradients(0.5)
    assert all(gradient.abs().max() > 0 for gradient in features)
    torch.testing.assert_close(same, weights, rtol=0, atol=0)
    torch.testing.assert_close(reversed_half, [-0.5 * gradient for gradient in features])
    assert all((gradient == 0).all() for gradient in gradients(0.0)[1])


def test_a_classifier_is_its_layers_one_after_the_other():
    nets, features = own_classifiers(), own_features()
    for name, feature in OWN.items():
        net, x = nets[name], features[name]
        assert [unit.conv.out_channels for unit in net.reduction] == list(feature.reduction)
        assert [layer.linear.out_features for layer in net.hidden] == list(feature.hidden)
        for unit in net.reduction:
            mixed = torch.einsum("oc,bchw->bohw", unit.conv.weight[..., 0, 0], x)
            x = plain_norm(mixed + unit.conv.bias[:, None, None], unit.norm).clamp(min=0)
        x = x.reshape(len(x), -1)
        assert x.shape[1] == feature.reduction[-1] * feature.height * feature.width
        for hidden in net.hidden:
            x = plain_norm(x @ hidden.linear.weight.T + hidden.linear.bias, hidden.norm).clamp(min=0)
        scores = x @ net.output.weight.T + net.output.bias
        expected = scores - scores.exp().sum(1, keepdim=True).log()
        torch.testing.assert_close(net(features[name]), expected, rtol=0, atol=1e-12)
