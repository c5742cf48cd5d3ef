import math

import pytest

from hd2s.approaches.shared_settings import WeightSettings, not_negative
from hd2s.models.config import ConfigError


@pytest.mark.parametrize("weight", [-0.1, math.inf, math.nan])
def test_a_weight_is_finite_and_not_negative(weight):
    with pytest.raises(ConfigError, match="weight must be 0 or more"):
        WeightSettings(weight)


def test_only_what_is_asked_of_is_checked():
    assert list(not_negative(WeightSettings(0.0), "weight")) == []
