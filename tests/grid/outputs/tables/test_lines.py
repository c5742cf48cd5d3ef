"""Rows before they are laid out."""

from dataclasses import replace

from grid.outputs.tables.lines import lines_of
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import table_of


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


def test_a_model_that_is_fitted_once_for_all_seeds_has_no_deviation_and_is_told(tmp_path):
    """As the centre prior: one result of three seeds printed ± 0.000."""
    changes = {"models": ("hd2s", "centre_prior"), "seeds": (0, 1, 2), "paper": "", "metrics": ("NSS",)}
    made = small_plan(table_spec(**changes, sources=("DHF1K",), approaches=("generalization",)))
    first = {cell.model: cell for cell in reversed(made.cells)}["centre_prior"]
    cells = tuple(
        replace(cell, training=first.training, evaluation=first.evaluation)
        if cell.model == first.model
        else cell
        for cell in made.cells
    )
    plan, ledger = replace(made, cells=cells), Ledger(tmp_path)
    for n, unit in enumerate(dict.fromkeys(cell.training for cell in cells)):
        finish(ledger, plan, unit, NSS=1.0 + n)
    prior, ours = sorted(
        lines_of(plan.tables[0], ("NSS",), Results(plan, ledger)), key=lambda line: line.cell.model
    )
    assert (prior.values["NSS"].std, ours.values["NSS"].std) == (None, 1.0)
    assert prior.values["NSS"].basis == ours.values["NSS"].basis, "they are ranked side by side"
    table = table_of(plan, ledger)
    assert "Centre prior: fitted once for all seeds, so that there is no deviation over them." in table.notes
    assert {record["model"]: record["std"] for record in table.records} == {"hd2s": 1.0, "centre_prior": None}
