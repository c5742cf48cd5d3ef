from hd2s.approaches.registry import approaches
from hd2s.approaches.untrained import APPROACH


def test_it_takes_no_steps_and_looks_at_the_sources_maps():
    assert not APPROACH.trains
    assert APPROACH.labelled(("DHF1K",), None) == ("DHF1K",)
    assert APPROACH.unlabelled(("DHF1K",), None) == ()


def test_it_is_the_only_one_that_takes_none():
    assert [word for word, approach in approaches().items() if not approach.trains] == [APPROACH.word]
