"""Figures and the report at a run's end: what fails is told and stops nothing."""

import pytest

from grid.commands.shown import show
from manifests.problem import Problem, ProblemError
from tests.grid.outputs.report.reported import grid_of
from tests.grid.small_ledger import small_plan, table_spec


@pytest.fixture
def grid(tmp_path):
    return grid_of(small_plan(table_spec()), tmp_path)


def test_without_results_there_is_a_page_that_says_what_is_missing(grid):
    shown = show(grid)
    assert shown.warnings == []
    assert shown.figures == []
    text = shown.report.read_text(encoding="utf-8")
    assert "6 of 6 cells have no value yet" in text
    assert "no training is done yet" in text


def test_a_figure_that_fails_is_told_and_the_page_is_written(grid, monkeypatch):
    (grid.out / "figures").write_text("no folder")
    monkeypatch.setattr("grid.outputs.figures.drawn.figures", dict.fromkeys)
    shown = show(grid)
    assert shown.report.is_file()
    assert len(shown.warnings) == 1
    assert shown.warnings[0].startswith("The figures could not be drawn: TypeError")


def test_a_page_that_cannot_be_written_is_told(grid):
    (grid.out / "reports").write_text("no folder")
    shown = show(grid)
    assert shown.report is None
    assert shown.warnings[0].startswith("The report could not be written: ")


def test_a_problem_is_told_as_such(grid, monkeypatch):
    def refuse(*_):
        raise ProblemError(Problem("page", "room", "none", "Make some."))

    monkeypatch.setattr("grid.outputs.report.page.write_report", refuse)
    told = "The report could not be written: page: expected room, found none. Make some."
    assert show(grid).warnings == [told]
