"""What is told on the error output, and nowhere else."""

import pytest

from grid.commands.terminal.told import tell, tell_other_code, tell_problems
from tests.grid.invented import evaluate, train
from tests.grid.outputs.report.reported import grid_of
from tests.grid.small_ledger import small_plan, table_spec


@pytest.fixture
def grid(tmp_path):
    return grid_of(small_plan(table_spec()), tmp_path)


def test_what_is_told_holds_no_secret(capsys):
    tell("cannot reach s3://me:hunter2222@bucket/x")
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "cannot reach s3://***@bucket/x\n")


def test_lost_weights_are_told_to_who_needs_them(grid, capsys):
    training = next(iter(grid.plan.trainings))
    train(grid.ledger, grid.plan.trainings[training])
    (grid.out / "checkpoints" / training / "best.pt").unlink()
    tell_problems(grid, weights=False)
    assert capsys.readouterr().err == ""
    tell_problems(grid)
    assert f"checkpoints/{training}/best.pt" in capsys.readouterr().err


def test_results_of_which_nobody_knows_what_made_them_are_told(grid, capsys):
    tell_other_code(grid)
    assert capsys.readouterr().err == ""
    evaluate(grid.ledger, next(iter(grid.plan.evaluations.values())))
    tell_other_code(grid)
    assert capsys.readouterr().err.startswith("results made by other code than this: 1;")
