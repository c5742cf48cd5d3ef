"""What is wrong with a model's declaration, though nothing is built of it."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

import pytest

from hd2s.models.checked import faults
from hd2s.models.config import Input, ModelConfig
from hd2s.models.registry import models
from tests.hd2s.models.few_weights import FEW
from tests.hd2s.models.toy_models import TOY


@dataclass(frozen=True)
class Silent(ModelConfig):
    """Does not say what its model looks at."""


@dataclass(frozen=True)
class Undecided(ModelConfig):
    width: int

    @property
    def input(self):
        return Input(1, 8, self.width)


@dataclass(frozen=True)
class Sized(ModelConfig):
    @property
    def input(self):
        return (16, 128, 192)

    @property
    def features(self):
        return {"1": (8, 4, 4)}


@dataclass(frozen=True)
class Impossible(ModelConfig):
    @property
    def input(self):
        return Input(0, 8, 8, answers="all")


class Undecorated(ModelConfig):
    clips: int = 4
    many: ClassVar[int] = 2


@dataclass(frozen=True)
class OfAnotherType(ModelConfig):
    extra: dict | None = None


@dataclass(frozen=True)
class ByName(FEW.config):
    _: KW_ONLY
    many: ClassVar[int] = 2
    more: int = 3


def test_what_is_declared_as_it_must_be_is_taken():
    known = models() | {"few": FEW, "toy": TOY, "by-name": replace(FEW, config=ByName)}
    assert {word: [*faults(model)] for word, model in known.items()} == {word: [] for word in known}


@pytest.mark.parametrize(
    "changed",
    [
        {"word": "a/b"},
        {"title": None},
        {"config": dict},
        {"config": TOY.config()},
        {"build": None},
        {"settings": ["train.lr"]},
        {"demo": None},
        {"prediction": {}},
        {"prediction": {"paper": 5.0}},
        {"layouts": ["a file"]},
        {"trains": None},
        {"has_blocks": 0},
        {"traffic": 3.0},
        {"departures": ("one",)},
    ],
)
def test_what_a_field_must_not_be_is_told(changed):
    (wrong,) = faults(replace(TOY, **changed))
    assert wrong.field in changed


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (Silent, {"config.input": "NotImplementedError: Silent must say what its model looks at"}),
        (Undecided, {"config": "TypeError: "}),
        (Undecorated, {"config": "no field clips"}),
        (OfAnotherType, {"config": "TypeError: the type of extra is to be one of bool, int, float, str, a"}),
        (Sized, {"config.input": "(16, 128, 192)", "config.features": "(8, 4, 4)"}),
        (Impossible, {"config.input.frames": "0", "config.input.answers": "'all'"}),
    ],
)
def test_a_configuration_that_cannot_be_used_is_told(config, told):
    found = {wrong.field: wrong.found for wrong in faults(replace(TOY, config=config))}
    assert found.keys() == told.keys()
    assert all(text in found[field] for field, text in told.items())


def test_what_is_no_model_is_told():
    (wrong,) = faults(TOY.build)
    assert wrong.field == "itself"
