"""What is told beside an answer, on the error output."""

from __future__ import annotations

import sys

from grid.planning.prepare import Grid
from grid.results.redo import former_plugins, other_code, untold_selection, untold_weights
from manifests.secrets import masked


def tell(text: str) -> None:
    """Write a line at once, without what is secret."""
    print(masked(text), file=sys.stderr, flush=True)


def tell_problems(grid: Grid, *, weights: bool = True) -> None:
    """Tell what is damaged or, with `weights`, lost; tables and exports need no weights."""
    for problem in grid.ledger.problems(weights=weights):
        print(problem, file=sys.stderr)


def tell_other_code(grid: Grid) -> None:
    """Tell which results are not of the present code or weights, or lack what is asked for now."""
    plan, ledger = grid.plan, grid.ledger
    for told in (
        other_code(plan, ledger).told,
        untold_selection(plan, ledger),
        untold_weights(plan, ledger),
        former_plugins(plan, ledger),
    ):
        if told:
            tell(told)
