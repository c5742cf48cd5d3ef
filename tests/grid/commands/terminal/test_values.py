"""A table's values on the terminal: a line for each cell, with all that its values do not stand on."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console, Group

from grid.commands.terminal.values import costs_table, values_table
from grid.outputs.tables.costs import build
from grid.outputs.tables.others import MARK
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.grid_reader import load
from tests.grid.small_ledger import finish, finish_training, small_plan, table_spec
from tests.grid.small_tables import STYLE


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def lines_of(plan, ledger, width=200):
    console = Console(file=StringIO(), width=width)
    console.print(Group(*values_table(plan.tables[0], Results(plan, ledger))))
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_a_source_and_target_are_named_once_above_the_approaches_that_share_them(ledger):
    plan = small_plan(table_spec())
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=-0.5)
    title, heading, *lines = lines_of(plan, ledger)
    assert title == "table5: Domain shift, 100% of it"
    assert heading == "source target approach NSS CC"
    assert lines == [
        "DHF1K UCFSports generalization -- --",
        "adaptation 1.000 −0.500",
        "transfer -- --",
        "UCFSports DHF1K generalization -- --",
        "adaptation -- --",
        "transfer -- --",
    ]


def test_in_a_narrow_terminal_names_are_shortened_and_numbers_are_not(ledger):
    plan = small_plan(table_spec())
    plan = replace(plan, cells=tuple(replace(cell, variant="with a long variant") for cell in plan.cells))
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=-0.5)
    console = Console(file=StringIO(), width=44)
    console.print(Group(*values_table(plan.tables[0], Results(plan, ledger))))
    shown = console.file.getvalue()
    assert "1.000" in shown
    assert "−0.500" in shown
    assert "…" in shown
    assert {"NSS", "CC"} <= set(shown.split())
    assert max(map(len, shown.splitlines())) <= 44
    assert len(shown.splitlines()) <= 3 + len(plan.cells), "one line for each cell"


def test_a_column_is_there_only_where_it_tells_cells_apart(ledger):
    without_targets = table_spec(targets=(), tests=("DHF1K", "LEDOV"), approaches=("generalization",))
    assert lines_of(small_plan(without_targets), ledger)[1] == "source test approach NSS CC"
    everything = table_spec(
        tests=("DHF1K", "LEDOV"), seeds=(0, 1), approaches=("adaptation",), sweep=(("train.lr", ("0.1",)),)
    )
    heading = lines_of(small_plan(everything), ledger)[1]
    assert heading == "source target test approach seed point of the sweep NSS CC"


@pytest.mark.parametrize(
    ("models", "rows"),
    [
        (("hd2s", "tased"), ["hd2s generalization", "tased generalization"]),
        (("hd2s", "centre_prior", "chance"), ["generalization", "centre_prior", "chance"]),
    ],
)
def test_rows_of_several_models_are_told_apart(ledger, models, rows):
    spec = table_spec(sources=("DHF1K",), targets=("UCFSports",), approaches=("generalization",))
    _, _, first, *others = lines_of(small_plan(replace(spec, models=models)), ledger)
    shown = [first.removeprefix("DHF1K UCFSports "), *others]
    assert shown == [f"{row} -- --" for row in rows]


def test_of_a_sweep_only_the_chosen_point_is_shown_with_how_many_were_tried(ledger):
    sweep = (("train.lr", ("0.1", "0.01", "0.001")),)
    only = table_spec(sources=("DHF1K",), targets=("UCFSports",), approaches=("adaptation",), sweep=sweep)
    plan = small_plan(only)
    assert "DHF1K UCFSports adaptation none of 3 trained -- --" in lines_of(plan, ledger)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0.1-0", kld=1.5, NSS=3.0, CC=0.75)
    finish_training(ledger, plan.trainings["adaptation-DHF1K-UCFSports-0.01-0"], kld=2.0)
    assert "DHF1K UCFSports adaptation 2 of 3 tried: train.lr=0.1 3.000 0.750" in lines_of(plan, ledger)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0.001-0", kld=0.5, NSS=1.0, CC=0.25)
    shown = lines_of(plan, ledger)
    assert "DHF1K UCFSports adaptation 3 tried: train.lr=0.001 1.000 0.250" in shown
    assert not [line for line in shown if "3.000" in line]
    (narrow,) = [line for line in lines_of(plan, ledger, width=60) if "1.000" in line]
    assert "…" in narrow
    assert narrow.endswith("=0.001 1.000 0.250"), "which point it is"


def test_values_that_lack_clips_have_a_sign_and_a_footnote(ledger):
    plan = small_plan(table_spec(seeds=(0, 1)))
    unread = {"unread": {"clip c": "expected 20 frames, found 3"}}
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-1", summary=unread, NSS=1.0, CC=0.5)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    shown = lines_of(plan, ledger)
    assert "adaptation 1 1.000† 0.500†" in shown
    assert "adaptation 0 1.000 0.500" in shown
    footnote = (
        "† 1 of 3 test clips of UCF Sports could not be read and is left out (clip c): DHF1K to UCF Sports,"
        " Domain Adaptation, seed 1."
    )
    assert footnote in shown


def test_costs_are_shown_as_they_are_written_and_what_lacks(tmp_path):
    table = build(load("table8").costs[0], tmp_path, STYLE)
    console = Console(file=StringIO(), width=200)
    console.print(Group(*costs_table(table)))
    lines = [" ".join(line.split()) for line in console.file.getvalue().splitlines()]
    assert lines[0] == "table8: Size and processing time"
    assert "not measured yet HD2S -- 116 -- 0.027 -- -- --" in lines
    assert f"SalEMA {MARK} -- 364 -- 0.010 -- -- --" in lines
    assert lines[-1].startswith(
        "not measured yet (`python -m hd2s cost hd2s tased unisal --out OUT/results/costs`"
    )
