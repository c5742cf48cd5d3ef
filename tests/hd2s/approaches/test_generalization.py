from hd2s.approaches.contract import Learner
from hd2s.approaches.generalization import APPROACH


def test_the_target_is_unknown_until_the_test():
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == APPROACH.labelled(("DHF1K",), None) == ("DHF1K",)
    assert APPROACH.unlabelled(("DHF1K",), "LEDOV") == ()
    assert not APPROACH.needs_target


def test_it_is_plain_supervision_of_a_fresh_model_of_any_kind():
    assert APPROACH.learner.loaded is Learner
    assert APPROACH.parent is None
    assert APPROACH.needs == frozenset()
