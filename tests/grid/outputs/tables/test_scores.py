"""The scores of a plan's cells, read once, and for each that has none the reason."""

import math
from dataclasses import replace

import pytest

from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from grid.results.unit_results import Stopped
from tests.grid.small_ledger import finish, finish_training, small_plan, sweep_plan, table_spec
from tests.grid.small_tables import fill, table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_every_missing_cell_has_its_reason(ledger):
    small = small_plan(table_spec())
    fill(ledger, small)
    ledger.write_failure("generalization-UCFSports-DHF1K-0", "an earlier attempt, overtaken by its result")
    broken = ledger.path("evaluation", "on-adaptation-DHF1K-UCFSports-0")
    broken.write_bytes(b"PAR1")
    ledger.write_failure("on-adaptation-UCFSports-DHF1K-0", "disk full")
    reasons = dict(table_of(small, ledger).missing.reasons)
    assert reasons == {
        "results/evaluation-on-adaptation-DHF1K-UCFSports-0.parquet cannot be read": (
            "DHF1K to UCF Sports, Domain Adaptation",
        ),
        "no frame has a score for CC": ("DHF1K to UCF Sports, Transfer Learning",),
        "evaluation failed, see logs/on-adaptation-UCFSports-DHF1K-0.error.txt": (
            "UCF Sports to DHF1K, Domain Adaptation",
        ),
        "training failed, see logs/transfer-UCFSports-DHF1K-0.error.txt": (
            "UCF Sports to DHF1K, Transfer Learning",
        ),
    }


def test_a_failed_parent_is_the_reason_of_its_childs_cell(ledger):
    small = small_plan(table_spec(approaches=("generalization", "transfer")))
    for unit in (
        "generalization-DHF1K-UCFSports-0",
        "transfer-DHF1K-UCFSports-0",
        "on-transfer-DHF1K-UCFSports-0",
    ):
        ledger.write_failure(unit, "the parent's error")
    reasons = dict(table_of(small, ledger).missing.reasons)
    assert reasons["training failed, see logs/generalization-DHF1K-UCFSports-0.error.txt"] == (
        "DHF1K to UCF Sports, Domain Generalization",
        "DHF1K to UCF Sports, Transfer Learning",
    )


def test_a_point_that_was_stopped_lacks_nothing_where_its_test_is_withheld_too(tmp_path):
    """The page said for ever that it had no value yet."""
    plan = sweep_plan()
    withheld = tuple(replace(cell, evaluation="") for cell in plan.cells)
    plan = replace(plan, cells=(), evaluations={}, withheld=withheld)
    ledger = Ledger(tmp_path, may_stop=plan.may_stop)
    first, second = plan.withheld
    ledger.stops.write(first.training, Stopped(1, 4, 9.0))
    assert Results(plan, ledger).lacking(plan.all_cells) == [second]


def cell_of(plan, approach):
    return next(cell for cell in plan.cells if cell.approach == approach and cell.target == "UCFSports")


def test_a_cell_has_the_means_of_its_evaluation_and_its_clips(ledger):
    plan = small_plan(table_spec())
    left_out = {"unread": {"clip c": "gone"}, "quarantined": 2}
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", kld=0.75, summary=left_out, NSS=1.5, CC=math.nan)
    results, cell = Results(plan, ledger), cell_of(plan, "adaptation")
    scores = results.scores(cell)
    assert scores.frame_means["NSS"] == pytest.approx(1.5)
    assert scores.by_clip["NSS"] == pytest.approx({"clip a": 1.5, "clip b": 1.5})
    assert scores.by_clip["CC"] == {}
    assert (scores.clips, scores.unread) == ({"clip a", "clip b"}, {"clip c"})
    assert (scores.n_frames, scores.quarantined) == (4, 2)
    assert results.value(cell, "NSS") == pytest.approx(1.5)
    assert results.value(cell, "CC") is None
    assert results.value(cell, "SIM") is None, "which was not scored"
    assert results.validation_kld(cell) == 0.75


def test_a_cell_that_is_not_there_has_no_values_and_a_reason(ledger):
    plan = small_plan(table_spec())
    results, cell = Results(plan, ledger), cell_of(plan, "adaptation")
    assert (results.scores(cell), results.value(cell, "NSS"), results.validation_kld(cell)) == (None,) * 3
    assert results.reason(cell, ("NSS",)) == "not trained yet"
    finish_training(ledger, plan.trainings[cell.training])
    assert Results(plan, ledger).reason(cell, ("NSS",)) == "not evaluated yet"


def test_a_result_is_read_once_whichever_tables_ask(ledger, monkeypatch):
    plan = small_plan(table_spec())
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.5, CC=0.5)
    results, cell, read = Results(plan, ledger), cell_of(plan, "adaptation"), []
    really = ledger.read_evaluation
    monkeypatch.setattr(ledger, "read_evaluation", lambda unit: (read.append(unit), really(unit))[1])
    for _ in range(3):
        assert results.value(cell, "NSS") == pytest.approx(1.5)
    assert read == [cell.evaluation]


def test_cells_with_values_are_counted_whoever_has_evaluated_them(tmp_path):
    """A point that was stopped early has none, and is none that lacks one."""
    plan = sweep_plan("0.1", "0.01", "0.001")
    ledger = Ledger(tmp_path, may_stop=plan.may_stop)
    good, bad, open_ = plan.cells
    finish(ledger, plan, good.training, NSS=1.5, CC=0.5)
    ledger.stops.write(bad.training, Stopped(250, 2500, 1.5))
    results = Results(plan, ledger)
    assert (results.with_values(plan.cells), results.lacking(plan.cells)) == ([good], [open_])
    withheld = replace(plan, cells=(), withheld=tuple(replace(cell, evaluation="") for cell in plan.cells))
    (tmp_path / "results" / "external").mkdir()
    text = f"training,test,NSS,CC\n{open_.training},{open_.test},2.5,0.5\n"
    (tmp_path / "results" / "external" / "returned.csv").write_text(text)
    found = Results(withheld, ledger).with_values(withheld.all_cells)
    assert [cell.training for cell in found] == [open_.training]
