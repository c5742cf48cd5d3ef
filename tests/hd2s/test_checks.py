from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from hd2s.checks import settle_types, unknown


@dataclass(frozen=True)
class Settings:
    length: int = 16
    momentum: float = 0.1
    shared: bool = True
    name: str = "hd2s"
    levels: tuple[int, ...] = (1, 2)
    domains: tuple[str, ...] = ("DHF1K",)


def test_an_unknown_word_is_told_with_its_neighbour_and_with_all_there_are():
    assert unknown("method", "fats", iter(["fast", "plain"])) == (
        "Unknown method fats. Did you mean fast? Available: fast, plain"
    )
    assert unknown("step", "xyz", ["supervised"]) == "Unknown step xyz. Available: supervised"


def test_values_become_plain_ones():
    given = Settings(np.int64(8), np.float32(0.5), False, "x", [np.int32(4)], iter(["a", "b"]))
    assert settle_types(given) == []
    assert given == Settings(8, 0.5, False, "x", (4,), ("a", "b"))
    assert [type(v) for v in (given.length, given.momentum, given.levels[0])] == [int, float, int]


def test_a_whole_number_is_a_float_and_a_float_is_no_whole_number():
    given = Settings(momentum=1)
    assert settle_types(given) == []
    assert type(given.momentum) is float
    assert settle_types(Settings(length=16.0)) == ["length must be int, found 16.0"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"length": "8"}, "length must be int, found '8'"),
        ({"length": True}, "length must be int, found True"),
        ({"shared": 1}, "shared must be bool, found 1"),
        ({"name": 3}, "name must be str, found 3"),
        ({"levels": 3}, "levels must be a list of int, found 3"),
        ({"levels": (1, "2")}, "levels must be int, found '2'"),
        ({"domains": "DHF1K"}, "domains must be a list of str, found 'DHF1K'"),
    ],
)
def test_a_value_of_a_wrong_type_is_named(wrong, said):
    assert settle_types(Settings(**wrong)) == [said]


def test_everything_wrong_is_told_and_the_rest_is_settled():
    given = Settings(length="8", shared=0, levels=[np.int64(3)])
    assert settle_types(given) == ["length must be int, found '8'", "shared must be bool, found 0"]
    assert given.levels == (3,)
    assert type(given.levels[0]) is int
