from hd2s.approaches import generalization
from hd2s.approaches.registry import approaches
from hd2s.approaches.target_only import APPROACH


def test_it_is_what_generalization_trains_with_the_target_as_its_source():
    assert approaches()[APPROACH.trained_as] is generalization.APPROACH
    assert APPROACH.labelled(("DHF1K",), "LEDOV") == ("LEDOV",)
    assert APPROACH.needs_target
