"""A sweep in a file: combinations of values, or points that are drawn."""

import pytest

from grid.specs.plain_yaml import parse
from grid.specs.tables.sweep_reader import SweepContent, read_sweep


def test_values_and_distributions_are_read():
    content = parse("sweep: {train.lr: loguniform(1e-4, 1e-2), train.momentum: [0, 0.9]}\npoints: 20")
    found, mistakes = read_sweep(content)
    assert (found.points, found.seed, mistakes) == (20, 0, [])
    assert found.sweep == (("train.lr", ("loguniform(1e-4, 1e-2)",)), ("train.momentum", ("0", "0.9")))
    assert read_sweep(content | {"points": {"of": 3, "seed": 7}})[0][1:] == (3, 7)
    assert read_sweep({}) == (SweepContent(), [])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"sweep": {"train.lr": "uniform(0, 1)"}}, "points: how many are drawn of train.lr"),
        ({"sweep": {"train.lr": [1]}, "points": 3}, "a sweep of which a setting is drawn, to have points: "),
        (
            {"sweep": {"train.lr": "uniform(1, 0)"}, "points": 3},
            "sweep: settings and a list of values each, or ",
        ),
        ({"sweep": {"test.protocol": "uniform(0, 1)"}, "points": 3}, "sweep: what validation on the same"),
        ({"points": -1}, "points: a number from 1 on"),
        ({"points": {"of": 3, "seeds": 1}}, "points: a number from 1 on"),
        ({"points": "many"}, "points: a number from 1 on"),
    ],
)
def test_mistakes_are_told(content, expected):
    assert [told for told, _ in read_sweep(content)[1] if told.startswith(expected)]
