"""The structure of settings: one model's own, and all approaches'."""

from dataclasses import fields

from grid.specs.settings_schema import identifier, schema
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models


def test_it_has_the_fields_of_one_model_and_of_every_approach():
    words = tuple(approaches())
    settings = schema("tased", words)()
    own = {each.name for each in fields(models()["tased"].config)} - {"domains"}
    assert {each.name for each in fields(settings.model)} == own | {"backbone_weights"}
    with_settings = {identifier(word) for word in words if approaches()[word].settings}
    assert {each.name for each in fields(settings.approach)} == with_settings
    assert settings.train.lr > 0


def test_a_word_with_a_hyphen_is_a_name():
    assert identifier("mean-teacher") == "mean_teacher"
