"""What a module from outside declares becomes known by its word."""

from types import ModuleType

import pytest

from hd2s import plugins
from hd2s.approaches.declaration import Approach
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import Metric, find_metric
from hd2s.models.centre_prior import OneFrameConfig
from hd2s.models.declaration import Model
from hd2s.models.fixed_maps import CentrePrior
from hd2s.models.registry import models


def module(**declared):
    made = ModuleType("theirs")
    vars(made).update(declared)
    return made


def test_all_that_a_module_declares_is_known_and_again_changes_nothing():
    model = Model("their_model", "Theirs", OneFrameConfig, CentrePrior)
    approach = Approach("their-approach", "Theirs")
    metric = Metric("their-metric", 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.0)
    theirs = module(MODEL=model, APPROACH=approach, METRIC=metric, HELPER=3)
    for _ in range(2):
        plugins.register(theirs)
    assert models()["their_model"] is model
    assert approaches()["their-approach"] is approach
    assert find_metric("their-metric") is metric


def test_what_is_declared_wrongly_is_told_with_its_module_and_unknown():
    wrong = Approach("their-approach", "Theirs", colour="violett", keeps="worst")
    told = r"theirs\.APPROACH: keeps: expected best or last, found 'worst'; colour: expected #rrggbb"
    with pytest.raises(ValueError, match=told):
        plugins.register(module(APPROACH=wrong))
    assert "their-approach" not in approaches()


@pytest.mark.parametrize(
    "declared",
    [
        {"MODEL": Model("hd2s", "Another", OneFrameConfig, CentrePrior)},
        {"APPROACH": Approach("adaptation", "Another")},
        {"METRIC": Metric("NSS", 0.0, 1.0, larger_is_better=True, of_frame=len)},
    ],
    ids=["model", "approach", "metric"],
)
def test_a_word_that_is_taken_is_refused(declared):
    with pytest.raises(ValueError, match="another"):
        plugins.register(module(**declared))
