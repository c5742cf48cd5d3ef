"""A run of a grid as its user sees it: what it tells before, while it goes on, and in the end."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from functools import partial

from grid.commands.again import begin_again, working
from grid.commands.arguments import DONE, FAILED, INTERRUPTED, interrupted_note
from grid.commands.run import run
from grid.commands.terminal.console import Progress, quiet_output, restore_output
from grid.commands.terminal.paper import answer
from grid.commands.terminal.progress import GridState
from grid.commands.terminal.report import as_json, final_report
from grid.commands.terminal.told import tell, tell_other_code, tell_problems
from grid.planning.prepare import Grid
from grid.results import output_folder
from grid.results.cleanup import scratch
from grid.results.lock import held
from manifests.problem import Problem, agreed, counted, gathered


def run_grid(grid: Grid, options: argparse.Namespace) -> int:
    """Run a grid, and show on the terminal how far it is; return the exit status."""
    with held(grid.out, f"grid {grid.plan.grid}"), scratch(grid.out):
        return _run_held(grid, options)


def _run_held(grid: Grid, options: argparse.Namespace) -> int:
    log = grid.out / output_folder.log(grid.plan.grid, f"{datetime.now():%Y%m%d-%H%M%S}")
    tell_problems(grid)
    tell_other_code(grid)
    title, worked = f"{grid.plan.grid} in {grid.out}", working(grid.storage)
    state = GridState(grid.plan, grid.ledger)
    # With --json the standard output is for programs, and people look at the other one.
    with (
        quiet_output(log, draw_on=2 if options.json else 1) as terminal,
        Progress(state, terminal, title, log) as progress,
    ):
        lost = partial(begin_again, restore=restore_output, worked=worked) if options.own_process else None
        asked = {"retry_failed": options.retry_failed, "again": options.redo, "lost": lost}
        outcome = run(grid, progress, options.tracking_uri, **asked)
    where = {"tables": grid.out / output_folder.TABLES, "log": log}
    plan, ledger = grid.plan, grid.ledger
    unprinted: list[Problem] = []
    with gathered(unprinted):
        answer(
            json.dumps(as_json(plan, ledger), indent=2) if options.json else final_report(plan, ledger, where)
        )
    tell_other_code(grid)
    for warning in (*outcome.warnings, *map(str, unprinted)):
        tell(warning)
    if outcome.left_alone:
        units = counted(n := outcome.left_alone, "unit")
        tell(
            f"{units} that failed before {agreed(n, 'was', 'were')} left alone;"
            f" --retry-failed tries {agreed(n, 'it', 'them')} again."
        )
    for unit, why in outcome.interrupted.items():
        tell(f"{unit} was interrupted: {why}")
    if outcome.status == INTERRUPTED:
        tell(interrupted_note(options.redo))
    for line in filter(None, (*outcome.views, outcome.look, outcome.report)):
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)
    return outcome.status or (FAILED if unprinted else DONE)
