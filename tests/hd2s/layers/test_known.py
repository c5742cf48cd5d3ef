"""A module's class, which PyTorch's containers do not tell."""

import pytest
from torch import nn

from hd2s.layers.known import known_as


def test_a_module_of_the_class_comes_back_and_another_is_refused():
    conv = nn.Conv2d(1, 1, 1)
    assert known_as(nn.Conv2d, nn.Sequential(conv)[0]) is conv
    with pytest.raises(TypeError, match="expected a BatchNorm2d, found a Conv2d"):
        known_as(nn.BatchNorm2d, conv)
