import pytest
import torch

from hd2s.layers.domain_classifiers import DomainClassifier
from hd2s.layers.features import Feature


@pytest.mark.parametrize(
    "feature",
    [Feature(20, 3, 5), Feature(7, 1, 1, reduction=(), hidden=()), Feature(6, 2, 4, (5,), (3, 2, 4))],
)
def test_what_is_known_of_features_suffices_to_build_their_classifier(feature):
    found = DomainClassifier(feature)(torch.rand(4, feature.channels, feature.height, feature.width))
    assert found.shape == (4, 2)


def test_classifiers_are_as_wide_as_it_says():
    net = DomainClassifier(Feature(20, 3, 5, reduction=(9, 4), hidden=(8,)))
    assert [unit.conv.out_channels for unit in net.reduction] == [9, 4]
    assert [(unit.linear.in_features, unit.linear.out_features) for unit in net.hidden] == [(4 * 3 * 5, 8)]
