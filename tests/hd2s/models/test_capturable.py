"""Who may be recorded says so of itself; a subclass does not inherit it, since it may do otherwise."""

from hd2s.approaches.contract import Learner
from hd2s.approaches.registry import approaches
from hd2s.models.capturable import Capturable
from hd2s.models.contract import SaliencyModel


class Fit(Capturable):
    capturable = True


class Heir(Fit):
    pass


def test_nobody_is_fit_who_does_not_say_so():
    assert not Capturable.capturable and not SaliencyModel.capturable
    assert Fit.capturable and not Heir.capturable


def test_which_approaches_are_fit():
    assert Learner.capturable
    fit = {word for word, approach in approaches().items() if approach.learner.loaded.capturable}
    assert {"generalization", "transfer", "multi-source", "domain-specific", "adaptation"} <= fit
    assert fit & {"mean-teacher", "mixstyle", "coral", "mmd", "fda", "adabn", "dare-gram"} == set()
