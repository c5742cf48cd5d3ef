import pytest

from hd2s.approaches.swad import APPROACH, SwadSettings
from hd2s.models.config import ConfigError


@pytest.mark.parametrize("name", ["patience", "tolerance", "statistics"])
def test_settings_that_cannot_work(name):
    with pytest.raises(ConfigError, match=f"{name} must be 1 or more"):
        SwadSettings(**{name: 0})
    assert APPROACH.keeps == "last"
