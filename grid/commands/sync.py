"""MLflow caught up from the ledger, without running anything: when it was away, or to fill another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from grid.commands.history import remembered
from grid.commands.run import DONE, FAILED, compiled, complete, start_tracker, status_of
from grid.commands.shown import show
from grid.planning.prepare import Grid
from grid.results import output_folder
from grid.results.lock import held
from manifests.problem import Problem, ProblemError


def sync(out: Path, name: str | None, uri: str | None, tell: Callable[[str], None]) -> int:
    """Log to MLflow what the ledger holds and MLflow does not; return the exit status.

    Args:
        out: the output folder.
        name: the grid; None for all that have been run in the folder.
        uri: an MLflow server's address; None for the store in the output folder.
        tell: hears what is being done, which results are damaged, and what MLflow has refused.

    Raises:
        ProblemError: no such grid has been run there, none of them can be read any more, or MLflow does not
            answer. What keeps but some grids from being read is told, and the others are logged.
    """
    with held(out, "python -m grid sync"):
        problems: list[Problem] = []
        grids = remembered(out, name, tell, problems)
        if not grids:
            raise ProblemError(problems)
        missing = [*map(str, problems), *(text for grid in grids for text in _sync(grid, uri, tell))]
    for text in dict.fromkeys(missing):
        tell(text)
    return FAILED if missing else DONE


def _sync(grid: Grid, uri: str | None, tell: Callable[[str], None]) -> list[str]:
    """Log one grid; return why MLflow does not have all of it."""
    tracker = start_tracker(grid, uri)
    shown = show(grid, from_results_alone=True)
    tables, unwritten = compiled(grid)
    complete(tracker, grid, status_of(grid), tables, shown)
    tracker.close()
    if not tracker.warnings:
        tell(f"{grid.plan.grid}: what is in {grid.out / output_folder.RESULTS} is in MLflow at {tracker.uri}")
    # All grids of a folder share its results.
    damaged = map(str, grid.ledger.problems(weights=False))
    return [*damaged, *unwritten, *shown.warnings, *tracker.warnings]
