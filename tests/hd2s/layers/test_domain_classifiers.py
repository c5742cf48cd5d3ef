import pytest
import torch

from hd2s.layers.domain_classifiers import DomainClassifiers, reverse_gradient
from hd2s.models.hd2s.config import HD2SConfig
from tests.hd2s.small_models import SMALL


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
