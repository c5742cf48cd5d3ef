import pytest

from hd2s.approaches.fda import APPROACH, FDASettings
from hd2s.models.config import ConfigError


def test_the_paper_default_and_what_cannot_work():
    assert APPROACH.settings().beta == 0.01
    assert not APPROACH.follows_lambda
    with pytest.raises(ConfigError, match=r"beta must be 0 or more and less than 0\.5"):
        FDASettings(0.5)
