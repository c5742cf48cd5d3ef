import pytest

from hd2s.approaches.adabn import APPROACH, AdaBNSettings
from hd2s.models.config import ConfigError


def test_only_the_targets_clips_are_read_and_the_source_validates():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ()
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert (APPROACH.parent, APPROACH.keeps) == ("generalization", "last")
    assert APPROACH.iterations(AdaBNSettings(7)) == 7
    with pytest.raises(ConfigError, match="iterations must be 1 or more, found 0"):
        AdaBNSettings(0)
