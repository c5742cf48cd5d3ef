from dataclasses import replace

import pytest

from hd2s.approaches.adaptation import APPROACH, AdaptationSettings
from hd2s.models.registry import models


def test_a_model_without_features_cannot_take_it():
    plain = models()["centre_prior"]
    assert APPROACH.lacking(plain, plain.config()) == ["features"]
    assert replace(APPROACH, needs=frozenset()).lacking(plain, plain.config()) == []


@pytest.mark.parametrize(
    ("levels", "fits"), [((), True), (("1", "4"), True), (("5",), False), (("4", "4"), False)]
)
def test_levels_are_the_models(levels, fits):
    faults = list(APPROACH.misfits(AdaptationSettings(levels), models()["hd2s"].config()))
    assert faults == ([] if fits else [("levels", "different ones of 1, 2, 3, 4")])
