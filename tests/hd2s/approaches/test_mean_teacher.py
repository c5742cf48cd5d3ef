import pytest

from hd2s.approaches.mean_teacher import APPROACH, MeanTeacherSettings
from hd2s.models.config import ConfigError


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"decay": 1.0}, "decay"), ({"jitter": 2.0}, "jitter"), ({"lasts": "both"}, "lasts must be teacher or")],
)
def test_settings_that_cannot_work(settings, told):
    with pytest.raises(ConfigError, match=told):
        MeanTeacherSettings(**settings)
    assert APPROACH.follows_lambda
