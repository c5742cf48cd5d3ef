import pytest

from hd2s.models.centre_prior import MODEL, OneFrameConfig
from hd2s.models.config import ConfigError, Input


def test_it_is_fitted_and_looks_at_no_frame():
    assert not MODEL.trains
    assert MODEL.config().input == Input(1, 128, 192)
    assert MODEL.config().learns_smoothing


def test_sides_that_are_none():
    with pytest.raises(ConfigError, match="height must be 1 or more, found 0"):
        OneFrameConfig(0, 4)
