import pytest

from hd2s.approaches.mmd import APPROACH, MMDSettings
from hd2s.models.config import ConfigError


def test_two_samples_are_the_least():
    with pytest.raises(ConfigError, match=r"weight must be 0 or more, found -1\.0; samples must be 2"):
        MMDSettings(-1.0, samples=1)


def test_the_defaults():
    assert APPROACH.settings() == MMDSettings(1.0, 256)
