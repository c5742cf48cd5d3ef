"""Rows before they are laid out."""

from grid.outputs.tables.lines import lines_of
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, small_plan, table_spec


def test_a_row_has_its_seeds_and_the_printed_number(tmp_path):
    plan = small_plan(table_spec(seeds=(0, 1)))
    ledger = Ledger(tmp_path)
    for seed, mean in ((0, 1.0), (1, 2.0)):
        finish(ledger, plan, f"transfer-DHF1K-UCFSports-{seed}", NSS=mean, CC=0.5)
    lines = lines_of(plan.tables[0], ("NSS",), Results(plan, ledger))
    assert len(lines) == 6
    (line,) = [line for line in lines if line.values["NSS"].scored]
    assert [choice.cell.seed for choice in line.choices] == [0, 1]
    assert (line.cell.sources, line.cell.target, line.cell.approach) == (("DHF1K",), "UCFSports", "transfer")
    value = line.values["NSS"]
    assert value.mean == 1.5
    assert value.printed is not None
