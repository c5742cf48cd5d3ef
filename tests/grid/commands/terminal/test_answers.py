"""Answers that start nothing, of a grid of which nothing is done."""

from argparse import Namespace
from pathlib import Path

import pytest

from grid.commands.arguments import DONE, FAILED
from grid.commands.terminal import answers
from grid.outputs.tables.formats import FORMATS
from manifests.problem import ProblemError
from tests.grid.outputs.report.reported import grid_of
from tests.grid.small_ledger import small_plan, table_spec


@pytest.fixture
def grid(tmp_path):
    return grid_of(small_plan(table_spec()), tmp_path)


def test_settings_are_of_a_run_or_of_a_grid(capsys):
    assert answers.show_settings(Namespace(settings="grid"), []) == DONE
    assert "approaches" in capsys.readouterr().out
    with pytest.raises(ProblemError, match="expected grid, or nothing"):
        answers.show_settings(Namespace(settings="corpus"), [])


def test_tables_are_files_whose_places_are_printed(grid, capsys):
    assert answers.compile_tables(grid) == FAILED, "no cell has a value"
    written = capsys.readouterr().out.splitlines()
    assert {str(grid.out / "tables" / f"table5{end}") for end in FORMATS} <= set(written)


def test_what_cannot_be_drawn_is_told(grid, capsys):
    assert answers.draw(grid, ["curves"]) == DONE
    assert "not drawn: table5-curves: no training is done yet" in capsys.readouterr().err


def test_the_page_and_the_export_are_where_it_is_printed(grid, capsys):
    assert answers.write_report(grid) == FAILED
    assert capsys.readouterr().out.strip() == str(grid.out / "reports" / f"{grid.plan.grid}.html")
    folder = grid.out / "export"
    answers.export_to(grid, folder)
    assert capsys.readouterr().out.strip() == str(folder)
    assert (folder / "REPRODUCE.md").is_file()


def test_a_report_that_cannot_be_written_leaves_no_empty_line(tmp_path, capsys):
    grid = grid_of(small_plan(table_spec()), tmp_path)
    (tmp_path / "reports").write_text("no folder")
    assert answers.write_report(grid) == FAILED
    said = capsys.readouterr()
    assert said.out == ""
    assert "The report could not be written" in said.err


def test_what_finds_no_place_is_no_answer_but_for_the_page_which_stops_nothing(grid, tmp_path):
    """README says with what status each ends: 2 and 1."""
    for name in ("tables", "reports"):
        (tmp_path / name).symlink_to("/sys/kernel")  # where nobody may make a file
    with pytest.raises(ProblemError, match=r"table5\.tex: expected a place to write to"):
        answers.compile_tables(grid)
    with pytest.raises(ProblemError, match=r"/sys/kernel/mine: expected a place to write to"):
        answers.export_to(grid, Path("/sys/kernel/mine"))
    assert answers.write_report(grid) == FAILED
