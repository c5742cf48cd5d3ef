from hd2s.approaches import generalization
from hd2s.approaches.registry import approaches
from hd2s.approaches.single_source import APPROACH


def test_it_is_trained_as_generalization_is():
    assert approaches()[APPROACH.trained_as] is generalization.APPROACH
    assert not APPROACH.pools
