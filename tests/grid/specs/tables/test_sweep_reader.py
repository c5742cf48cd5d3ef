"""A sweep in a file: combinations of values, or points that are drawn."""

import pytest

from grid.specs.plain_yaml import parse
from grid.specs.tables.early_stopping import Asha, SweepSettings
from grid.specs.tables.sweep_reader import SweepContent, read_sweep


def test_values_and_distributions_are_read():
    content = parse("sweep: {train.lr: loguniform(1e-4, 1e-2), train.momentum: [0, 0.9]}\npoints: 20")
    found, mistakes = read_sweep(content)
    assert (found.points, found.seed, mistakes) == (20, 0, [])
    assert found.sweep == (("train.lr", ("loguniform(1e-4, 1e-2)",)), ("train.momentum", ("0", "0.9")))
    assert read_sweep(content | {"points": {"of": 3, "seed": 7}})[0][1:] == (3, 7, None)
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
        ({"sweep": {"test.protocol": "uniform(0, 1)"}, "points": 3}, "sweep: what validation can decide"),
        ({"points": -1}, "points: a number from 1 on"),
        ({"points": {"of": 3, "seeds": 1}}, "points: a number from 1 on"),
        ({"points": "many"}, "points: a number from 1 on"),
    ],
)
def test_mistakes_are_told(content, expected):
    assert [told for told, _ in read_sweep(content)[1] if told.startswith(expected)]


def test_stopping_is_asked_for_beside_the_settings():
    content = parse("sweep: {train.lr: loguniform(1e-4, 1e-2), stop: asha, grace: 0.2}\npoints: 20")
    found, mistakes = read_sweep(content)
    assert (found.stop, mistakes) == (Asha(grace=0.2), [])
    assert found.sweep == (("train.lr", ("loguniform(1e-4, 1e-2)",)),), "it is no setting that is swept"
    assert read_sweep(content, SweepSettings(stop="none"))[0].stop is None
    assert read_sweep({"sweep": {"train.lr": [1, 2]}}, SweepSettings(stop="asha"))[0].stop == Asha()
    assert read_sweep({}, SweepSettings(stop="asha")) == (SweepContent(), []), "there is nothing to stop"


@pytest.mark.parametrize(
    ("sweep", "select", "expected"),
    [
        ({"train.lr": [1], "stop": "halving"}, "source", "sweep: stop: asha or none"),
        ({"train.lr": [1], "stop": "asha", "reduction": 1}, "source", "sweep: reduction: more than 1"),
        ({"train.lr": [1], "stop": "asha"}, "target", "sweep: stop with select: source alone"),
        ({"stop": "asha"}, "source", "sweep: settings and their values, to stop points of"),
    ],
)
def test_mistakes_of_stopping_are_told(sweep, select, expected):
    assert [told for told, _ in read_sweep({"sweep": sweep}, select=[select])[1] if told.startswith(expected)]
