from hd2s.approaches.contract import Learner
from hd2s.approaches.multi_source import APPROACH


def test_one_model_takes_all_sources_together():
    assert APPROACH.pools
    assert APPROACH.labelled(("DHF1K", "LEDOV", "UCFSports"), None) == ("DHF1K", "LEDOV", "UCFSports")
    assert APPROACH.learner.loaded is Learner
    assert APPROACH.options(("DHF1K", "LEDOV")) == {}, "no source has layers of its own"
