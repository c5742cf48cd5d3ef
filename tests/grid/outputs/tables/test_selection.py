"""Sweeps: each cell shows the point that its validation chose."""

import pytest

from grid.outputs.tables import Style
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import oracle_row, selection_notes
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from grid.specs.table import Variant
from grid.specs.tables.shown import Tables
from tests.grid.small_ledger import finish, finish_training, small_plan, sweep_plan, table_spec
from tests.grid.small_tables import COMMAND, rows_of, table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


@pytest.fixture
def swept():
    sweep = (("train.lr", ("0.1", "0.01", "0.001")),)
    return small_plan(
        table_spec(sources=("DHF1K",), targets=("UCFSports",), approaches=("adaptation",), sweep=sweep)
    )


def test_a_sweep_shows_the_point_of_the_lowest_validation_kld_whatever_its_test_scores(ledger, swept):
    finish(ledger, swept, "adaptation-DHF1K-UCFSports-0.1-0", kld=1.5, NSS=3.0, CC=0.75)
    finish(ledger, swept, "adaptation-DHF1K-UCFSports-0.01-0", kld=0.5, NSS=1.0, CC=0.25)
    finish(ledger, swept, "adaptation-DHF1K-UCFSports-0.001-0", kld=1.0, NSS=2.0, CC=0.5)
    table = table_of(swept, ledger)
    assert rows_of(table) == {
        ("Source dataset: DHF1K", "UCF Sports", "Domain Adaptation"): [
            *("1.000", "2.514", "−1.514", "0.250", "0.539", "−0.289"),
        ]
    }
    assert table.missing.count == "1 of 1 cell has all its values."
    assert "train.lr=0.01: DHF1K to UCF Sports, Domain Adaptation." in table.notes
    assert not [note for note in table.notes if note.startswith("Provisional")]
    assert {record["point"] for record in table.records} == {"train.lr=0.01"}


def test_a_sweep_with_untrained_points_is_provisional(ledger, swept):
    finish(ledger, swept, "adaptation-DHF1K-UCFSports-0.1-0", kld=1.5, NSS=3.0, CC=0.75)
    # Trained, better, and not evaluated: the choice is not the worse point that happens to be evaluated.
    finish_training(ledger, swept.trainings["adaptation-DHF1K-UCFSports-0.001-0"], kld=1.0)
    table = table_of(swept, ledger)
    assert table.missing.reasons == (("not evaluated yet", ("DHF1K to UCF Sports, Domain Adaptation",)),)
    assert (
        "Provisional, since only 2 of 3 points are trained: DHF1K to UCF Sports, Domain Adaptation."
        in table.notes
    )


def test_each_seed_has_its_own_choice(ledger):
    sweep = (("train.lr", ("0.1", "0.01")),)
    small = small_plan(
        table_spec(
            sources=("DHF1K",), targets=("UCFSports",), approaches=("adaptation",), sweep=sweep, seeds=(0, 1)
        )
    )
    for seed, better in ((0, "0.1"), (1, "0.01")):
        for point in ("0.1", "0.01"):
            unit = f"adaptation-DHF1K-UCFSports-{point}-{seed}"
            finish(ledger, small, unit, kld=0.5 if point == better else 1.0, NSS=float(point), CC=0.5)
    (row,) = rows_of(table_of(small, ledger)).values()
    assert row[0] == "0.055 ± 0.064"
    record = table_of(small, ledger).records[0]
    assert record["point"] == "seed 0: train.lr=0.1; seed 1: train.lr=0.01"


def test_the_oracle_is_marked_and_how_far_it_is_above_is_a_column_on_request(ledger):
    variants = Variant().selected_by(("source", "target"))
    alone = {"sources": ("DHF1K",), "targets": ("UCFSports",), "approaches": ("generalization", "adaptation")}
    small = small_plan(table_spec(**alone, variants=variants, paper=""))
    oracle = "target selection (oracle)"
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=1.25, CC=0.25)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.25)
    finish(ledger, small, f"adaptation-DHF1K-UCFSports-{oracle}-0", NSS=1.5, CC=0.125)
    table = table_of(small, ledger, Style(Tables(gap=True), COMMAND))
    assert [column.heading for column in table.columns] == ["ours", "oracle gap"] * 2
    place = "Source dataset: DHF1K", "UCF Sports"
    assert rows_of(table)[*place, "Domain Adaptation"] == ["1.000", "+0.500", "0.250", "−0.125"]
    assert rows_of(table)[*place, f"Domain Adaptation, {oracle}"] == ["1.500", "", "0.125", ""]
    assert {record["oracle_gap"] for record in table.records if record["approach"] == "adaptation"} == {
        0.5,
        -0.125,
        None,
    }
    assert "Oracle gap: the value by the target's selection minus this one." in table.notes
    rows = (row for block in table.blocks for group in block.groups for row in group.rows)
    marked = {row.label for row in rows if row.entries[0].mark}
    assert marked == {"Domain Generalization"}
    assert any("a bound that no method may use" in note for note in table.notes)
    plain = small_plan(table_spec())
    assert selection_notes(plain.tables[0]) == []
    assert oracle_row(plain.cells[0], plain.tables[0]) == ()


def test_points_that_were_stopped_early_are_named_and_nothing_waits_for_them(tmp_path):
    swept = sweep_plan("0.1", "0.01", "0.001")
    ledger = Ledger(tmp_path, may_stop=swept.may_stop)
    good, bad, other = swept.trainings
    finish(ledger, swept, good, kld=0.5, NSS=1.0, CC=0.25)
    ledger.stops.write(bad, Stopped(250, 2500, 1.5))
    place = "DHF1K to UCF Sports, Domain Adaptation"
    notes = table_of(swept, ledger).notes
    assert f"train.lr=0.01, {place}: after 250 of 2,500 iterations, at a validation KLD of 1.500." in notes
    assert any(note.startswith("Stopped early as hopeless by ASHA (grace 0.1, reduc") for note in notes)
    assert f"Provisional, since only 1 of 3 points are trained: {place}." in notes, "one is not trained yet"
    ledger.stops.write(other, Stopped(250, 2500, 1.25))
    notes = table_of(swept, ledger).notes
    assert not [note for note in notes if note.startswith("Provisional")]
    cell = next(cell for cell in swept.cells if cell.training == bad)
    assert Results(swept, ledger).reason(cell, ("NSS",)) == (
        "stopped early after 250 of 2,500 iterations, at a validation KLD of 1.500"
    )
