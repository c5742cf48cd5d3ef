"""Printed numbers of systems that are not run here: in every format, marked, and never the best."""

import csv
from io import StringIO

import pytest
from rich.console import Console, Group

from grid.commands.terminal.values import values_table
from grid.outputs.tables import Style
from grid.outputs.tables.formats import FORMATS
from grid.outputs.tables.others import MARK, NOTE
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.tables.shown import Tables
from tests.grid.small_tables import COMMAND, real_plan, rows_of, table_of

THEIRS = ("SALICON", "DVA", "ACLNet", "SalEMA", "STRA-Net", "SalSAC", "UNISAL, jointly with SALICON")


@pytest.fixture(scope="module")
def plan():
    return real_plan("table2")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_they_stand_above_ours_as_printed_and_without_a_mark(plan, ledger):
    table = table_of(plan, ledger)
    hollywood, ucf = table.blocks[0].groups
    assert [row.label for row in ucf.rows] == [
        *(f"{name} {MARK}" for name in THEIRS),
        "HD2S, transfer from DHF1K",
        "TASED-Net, transfer from DHF1K",
        "HD2S, adapted to DHF1K (HD2S_DA)",
        "HD2S, domain-specific (HD2S_DSL)",
    ]
    assert rows_of(table)["", "UCF Sports", f"SalSAC {MARK}"][:4] == ["", "3.523", "", ""]
    theirs = [row for group in (hollywood, ucf) for row in group.rows if MARK in row.label]
    assert len(theirs) == 14
    assert {entry.mark for row in theirs for entry in row.entries} == {""}
    # HD2S has the best CC of none, and SIM of Hollywood2: there the paper's bold face is ours.
    assert {row.entries[1].mark for row in ucf.rows} == {""}, "3.523 and 3.381 are others'"
    assert [row.entries[7].text for row in hollywood.rows if row.entries[7].mark == "best"] == ["0.558"]
    assert NOTE in table.notes
    assert any("0.759" in note for note in table.notes), "where papers disagree"


def test_every_format_says_that_they_are_not_run_here(plan, ledger):
    table = table_of(plan, ledger)
    for suffix, render in FORMATS.items():
        text = render(table).splitlines()
        # In LaTeX a row of a wide table has two lines.
        rows = [
            text[n : n + (2 if suffix == ".tex" else 1)] for n, line in enumerate(text) if "STRA-Net" in line
        ]
        # A line of the CSV for each metric.
        assert len(rows) == (10 if suffix == ".csv" else 2), suffix
        assert all(word in " ".join(row) for row in rows for word in MARK.split()), suffix
        lines = [line for row in rows for line in row]
        assert not any(sign in line for line in lines for sign in ("**", "<b>", "textbf")), suffix
    records = [row for row in csv.DictReader(StringIO(FORMATS[".csv"](table))) if row["model"] == ""]
    assert len(records) == 14 * 5
    assert {(row["approach"], row["mean"]) for row in records} == {("not run here", "")}


def test_the_terminal_shows_what_was_run_alone(plan, ledger):
    console = Console(file=StringIO(), width=200)
    console.print(Group(*values_table(plan.tables[0], Results(plan, ledger))))
    shown = console.file.getvalue()
    assert MARK not in shown
    assert len(shown.splitlines()) == 2 + len(plan.cells)


@pytest.mark.parametrize("paper", ["difference", "none"])
def test_without_the_papers_numbers_such_rows_stand_in_the_csv_alone(plan, ledger, paper):
    table = table_of(plan, ledger, Style(Tables(paper=paper), COMMAND))
    assert not any(MARK in row for _, _, row in rows_of(table))
    assert NOTE not in table.notes
    assert sum(MARK in record["label"] for record in table.records) == 14 * 5


def test_window_lengths_of_networks_that_the_paper_does_not_describe(ledger):
    table = table_of(real_plan("tased_table5"), ledger)
    labels = [row.label for row in table.blocks[0].groups[0].rows]
    assert labels == [
        *(f"TASED-Net ({n}) {MARK}" for n in (4, 8)),
        *(f"TASED-Net ({n})" for n in (16, 32, 48, 64)),
    ]


def test_tables_of_several_blocks_have_no_place_for_them(ledger):
    plan = real_plan("domain_shift", "model=tased")
    assert not any(MARK in record["label"] for record in table_of(plan, ledger).records)
