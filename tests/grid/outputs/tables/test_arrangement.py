"""Columns, digits and order of a table as a user wants them; what is recorded of it stays."""

import pytest

from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.arrangement import arranged, in_order, ranking, recorded
from grid.outputs.tables.comparing.significance import build as compared
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.specs.tables.shown import Tables
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import COMMAND, rows_of, table_of

WHERE = ("Source dataset: DHF1K", "UCF Sports")


@pytest.fixture
def plan():
    return small_plan(table_spec(sources=("DHF1K",)))


@pytest.fixture
def ledger(tmp_path, plan):
    ledger = Ledger(tmp_path)
    for approach, nss, kld in (
        ("generalization", 2.0, 1.0),
        ("adaptation", 2.25, 0.5),
        ("transfer", 1.0, 0.75),
    ):
        finish(ledger, plan, f"{approach}-DHF1K-UCFSports-0", NSS=nss, CC=0.5004, KLD=kld)
    return ledger


def shown(**settings):
    return Style(Tables(**settings), COMMAND)


def test_columns_are_those_that_are_wanted_in_that_order_and_records_keep_the_tables_own(plan, ledger):
    table = table_of(plan, ledger, shown(columns=("KLD", "NSS")))
    assert [(column.over, column.heading) for column in table.columns] == [
        ("KLD ↓", "ours"),
        *(("NSS ↑", heading) for heading in ("ours", "paper", "diff.")),
    ], "nothing is printed of KLD"
    assert rows_of(table)[*WHERE, "Domain Generalization"] == ["1.000", "2.000", "2.483", "−0.483"]
    assert [r["metric"] for r in table.records[:3]] == ["NSS", "CC", "KLD"]
    (spec,) = plan.tables
    assert arranged(spec, Tables(columns=("KLD",))).metrics == ("KLD",)
    assert arranged(spec, Tables()) == spec
    assert recorded(spec, Tables(columns=("KLD", "CC"))) == ("NSS", "CC", "KLD")


def test_ranks_and_recovered_gaps_of_fewer_columns_lose_no_values_either(tmp_path):
    plan, ledger = small_plan(table_spec()), Ledger(tmp_path)
    for pair in ("DHF1K-UCFSports", "UCFSports-DHF1K"):
        for nss, approach in enumerate(("generalization", "adaptation", "transfer")):
            finish(ledger, plan, f"{approach}-{pair}-0", NSS=nss, CC=nss / 4, KLD=3 - nss)
    first = compile_tables(plan, ledger, tmp_path / "tables", shown())
    names = {path.stem for path in first}
    assert names == {"table5", *(f"table5-{kind}" for kind in ("significance", "recovered", "ranks"))}
    before = {path.name: path.read_text() for path in first if path.suffix == ".csv"}
    assert compile_tables(plan, ledger, tmp_path / "tables", shown(columns=("CC",))) == first
    assert {path.name: path.read_text() for path in first if path.suffix == ".csv"} == before
    assert compile_tables(plan, ledger, tmp_path / "tables", shown(columns=("KLD",))) == first
    assert all(",KLD," in path.read_text() for path in first if path.suffix == ".csv")
    assert "NSS" not in (tmp_path / "tables" / "table5-ranks.md").read_text()


def test_fewer_columns_make_no_table_that_has_lost_values(plan, ledger):
    first = compile_tables(plan, ledger, ledger.out / "tables", shown(columns=("KLD", "NSS")))
    assert compile_tables(plan, ledger, ledger.out / "tables", shown(columns=("CC",))) == first


@pytest.mark.parametrize(
    ("digits", "entries"),
    [(1, ["2.0", "2.5", "−0.5"]), (4, ["2.0000", "2.483", "−0.483"]), (0, ["2", "2", "0"])],
)
def test_digits_are_those_that_are_wanted_and_of_printed_numbers_none_that_were_not_printed(
    plan, ledger, digits, entries
):
    table = table_of(plan, ledger, shown(digits=digits))
    assert rows_of(table)[*WHERE, "Domain Generalization"][:3] == entries


def test_what_is_printed_alike_ranks_alike_at_fewer_digits(plan, ledger):
    (group,) = table_of(plan, ledger, shown(digits=0)).blocks[0].groups
    assert [row.entries[0].mark for row in group.rows] == ["best", "best", ""]


def test_rows_that_the_order_names_come_first_and_the_others_keep_theirs(plan, ledger):
    rows = [row for _, _, row in rows_of(table_of(plan, ledger, shown(order=("transfer",))))]
    assert rows == ["Transfer Learning", "Domain Generalization", "Domain Adaptation"]


def test_blocks_and_groups_are_ordered_by_corpora():
    spec = table_spec(
        sources=("DHF1K", "UCFSports", "Hollywood2"), targets=("DHF1K", "UCFSports", "Hollywood2")
    )
    cells = in_order(small_plan(spec).cells, lambda cell: cell, ("Hollywood2", "adaptation"))
    assert [(cell.sources[0], cell.target) for cell in cells[:2]] == [
        ("Hollywood2", "DHF1K"),
        ("Hollywood2", "UCFSports"),
    ]
    assert [cell.approach for cell in cells[:2]] == ["adaptation", "adaptation"]
    assert list(dict.fromkeys(cell.sources[0] for cell in cells)) == ["Hollywood2", "DHF1K", "UCFSports"]
    of_dhf1k = dict.fromkeys(cell.target for cell in cells if cell.sources == ("DHF1K",))
    assert list(of_dhf1k) == ["Hollywood2", "UCFSports"]


@pytest.mark.parametrize(
    ("metric", "rows"),
    [
        ("NSS", ["Domain Adaptation", "Domain Generalization", "Transfer Learning"]),
        ("KLD", ["Domain Adaptation", "Transfer Learning", "Domain Generalization"]),
    ],
)
def test_rows_stand_from_the_best_to_the_worst_of_a_metric(plan, ledger, metric, rows):
    table = table_of(plan, ledger, shown(order=(metric,), columns=("NSS", "KLD")))
    assert [row for _, _, row in rows_of(table)] == rows
    assert ranking(Tables(order=(metric,))) == metric
    assert ranking(Tables(order=("transfer",))) == ""


def test_a_row_without_a_value_comes_last(plan, ledger):
    ledger.remove_evaluation("on-adaptation-DHF1K-UCFSports-0")
    rows = [row for _, _, row in rows_of(table_of(plan, ledger, shown(order=("NSS",))))]
    assert rows[-1] == "Domain Adaptation"


def test_comparisons_follow_columns_and_digits(plan, ledger):
    table = compared(plan.tables[0], Results(plan, ledger), shown(columns=("KLD",), digits=1))
    (row,) = table.blocks[0].groups[0].rows
    assert row.label == "KLD ↓"
    assert row.entries[1].text == "−0.5"
    assert [record["metric"] for record in table.records] == ["NSS", "CC", "KLD"]
