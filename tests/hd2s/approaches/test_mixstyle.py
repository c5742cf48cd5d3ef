import pytest

from hd2s.approaches.mixstyle import APPROACH, MixStyleSettings
from hd2s.models.config import ConfigError
from hd2s.models.registry import models
from tests.hd2s.models.small_models import SMALL


def test_blocks_are_asked_of_the_model():
    known = models()
    assert APPROACH.lacking(known["hd2s"], known["hd2s"].config(**SMALL)) == []
    assert APPROACH.lacking(known["centre_prior"], known["centre_prior"].config()) == ["blocks"]
    assert not APPROACH.needs_target


@pytest.mark.parametrize("settings", [{"blocks": 0}, {"share": 1.5}, {"alpha": 0.0}])
def test_settings_that_cannot_work(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        MixStyleSettings(**settings)
