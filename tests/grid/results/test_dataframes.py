"""Results as DataFrames."""

import json

import pytest

import grid.results
from grid.results.dataframes import CELLS, noted_cells
from grid.results.ledger import Ledger
from manifests.problem import ProblemError
from tests.grid.small_ledger import finish, small_plan, table_spec


@pytest.fixture
def folder(tmp_path):
    """Two cells of six are done."""
    plan, ledger = small_plan(table_spec()), Ledger(tmp_path)
    finish(ledger, plan, "transfer-DHF1K-UCFSports-0", kld=1.5, NSS=2.0, CC=0.5)
    finish(ledger, plan, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.25)
    ledger.write_failure("on-generalization-DHF1K-UCFSports-0", "ValueError: no")
    (tmp_path / "grids").mkdir()
    note = {"name": "table5", CELLS: noted_cells(plan)}
    (tmp_path / "grids" / "domain_shift.json").write_text(json.dumps(note))
    return tmp_path


def test_cells_have_axes_ids_status_and_means(folder):
    cells = grid.results.read(folder).cells
    assert len(cells) == 6
    row = cells[cells.training == "transfer-DHF1K-UCFSports-0"].iloc[0]
    assert (row.grid, row.table, row.sources, row.target, row.test, row.approach, row.seed) == (
        "domain_shift",
        "table5",
        "DHF1K",
        "UCFSports",
        "UCFSports",
        "transfer",
        0,
    )
    assert (row.NSS, row.CC, row.best_kld, row.n_clips, row.n_frames) == (2.0, 0.5, 1.5, 2, 4)
    assert cells.status.value_counts().to_dict() == {"todo": 3, "done": 2, "failed": 1}
    assert cells.NSS.notna().sum() == 2


def test_frames_and_curves_belong_to_units_of_cells(folder):
    cells, frames, curves = grid.results.read(folder, "domain_shift")
    assert frames.columns.tolist() == ["evaluation", "clip", "frame", "n_fixations", "NSS", "CC"]
    assert len(frames) == 8
    assert frames.NSS.isna().sum() == 2, "nobody looked there"
    means = frames.groupby("evaluation", observed=True).NSS.mean()
    done = cells[cells.status == "done"].set_index("evaluation")
    assert means.to_dict() == pytest.approx(done.NSS.to_dict())
    assert curves.columns.tolist() == ["training", "step", "name", "value"]
    assert set(curves.training) == set(done.training)


def test_a_folder_or_grid_that_is_not_there_is_told(folder, tmp_path):
    with pytest.raises(ProblemError, match=r"Did you mean domain_shift\?"):
        grid.results.read(folder, "domain_shif")
    with pytest.raises(ProblemError, match="an output folder in which a grid was run"):
        grid.results.read(tmp_path / "elsewhere")
    (folder / "grids" / "old.json").write_text("{}")
    with pytest.raises(ProblemError, match="Run the grid once more"):
        grid.results.read(folder)


def test_without_results_there_are_cells_without_numbers(tmp_path):
    plan = small_plan(table_spec())
    (tmp_path / "grids").mkdir()
    (tmp_path / "grids" / "a.json").write_text(json.dumps({CELLS: noted_cells(plan)}))
    cells, frames, curves = grid.results.read(tmp_path)
    assert len(cells) == 6
    assert frames.empty
    assert curves.empty
