"""What finished work took is what its likes will take."""

import pytest

from grid.commands.devices import Device, named, processor
from grid.commands.measured import measured
from grid.results.ledger import Ledger
from tests.grid.invented import evaluate, table5, train


@pytest.fixture
def plan():
    return table5()


def note(ledger, kind, unit, **summary):
    """Write a result's summary anew, as a run on some device leaves it."""
    read = ledger.read_training if kind == "training" else ledger.read_evaluation
    found = read(unit)
    if kind == "training":
        from pyarrow import Table

        from grid.results.unit_results import CURVE_SCHEMA

        table = Table.from_pylist(found.curve, schema=CURVE_SCHEMA)
    else:
        table = found.frames
    ledger._write(kind, unit, table, found.summary | summary)


def test_seconds_are_those_of_finished_trainings_of_a_likeness_on_this_device(plan, tmp_path):
    ledger = Ledger(tmp_path)
    one, other, *_ = [unit for unit in plan.trainings.values() if unit.approach == "adaptation"]
    alone = next(unit for unit in plan.trainings.values() if unit.approach == "generalization")
    train(ledger, one)
    assert measured(ledger, processor()).training(one) is None, "what it wrote says of no device"
    told = {"device": "CPU", "likeness": one.likeness, "clips": one.clips, "seconds": 100.0}
    note(ledger, "training", one.id, **told)
    paces = measured(ledger, processor())
    assert paces.training(other) == pytest.approx(100.0 * other.clips / one.clips)
    assert paces.training(alone) is None
    assert measured(ledger, named("H100")).training(one) is None
    note(ledger, "training", one.id, **(told | {"device": "NVIDIA H100 80GB HBM3"}))
    assert measured(ledger, named("H100")).training(one) == pytest.approx(100.0)
    assert measured(ledger, processor()).training(one) is None


def test_evaluations_count_frames(plan, tmp_path):
    ledger = Ledger(tmp_path)
    one = next(iter(plan.evaluations.values()))
    evaluate(ledger, one)
    told = {"device": "CPU", "likeness": plan.likeness(one), "frames": 50, "seconds": 5.0}
    note(ledger, "evaluation", one.id, **told)
    assert measured(ledger, processor()).evaluation(plan, one, 1000) == pytest.approx(100.0)


def test_without_a_measurement_a_stated_share_is_taken(tmp_path):
    assert measured(Ledger(tmp_path), processor()).share == 0.2
    assert measured(Ledger(tmp_path), Device("unknown", None, None)).share == 0.25
    assert measured(Ledger(tmp_path), named("T4")).share == 0.25
    assert measured(Ledger(tmp_path), named("H200")).share == pytest.approx(0.0196, abs=1e-4)
