import pytest

from hd2s.approaches.dare_gram import DareGramSettings
from hd2s.models.config import ConfigError


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"angle": -1.0}, "angle must be 0"),
        ({"scale": -1.0}, "scale must be"),
        ({"share": 1.0}, "share must be"),
    ],
)
def test_settings_that_cannot_work(settings, told):
    with pytest.raises(ConfigError, match=told):
        DareGramSettings(**settings)
