"""Train, test and tabulate a grid of domain-adaptation experiments.

Examples:
  python run_grid.py --grid domain_shift --demo             the whole job on generated corpora
  python run_grid.py --grid domain_shift --plan             what there is to do, and what is done
  python run_grid.py --grid domain_shift seeds=[0,1,2]      the paper's setting, three times

exit status: 0, every cell has a value; 1, some cell failed; 2, settings or data are wrong and nothing
was started; 130, interrupted: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

from rich.console import Console

from grid.prepare import Grid, prepare
from grid.run import INTERRUPTED, run, status_of
from grid.source import assert_ours
from grid.tables import compile_tables
from grid.terminal.console import Progress, quiet_output
from grid.terminal.progress import GridState
from grid.terminal.report import as_json, final_report, plan_table
from manifests.check import ProblemError

WRONG = 2
_GO_ON = "Interrupted; the same command goes on from here."


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    out = options.out or Path("runs/demo" if options.demo else "runs")
    try:
        assert_ours()
        grid = prepare(options.grid, options.overrides, out, demo=options.demo, tell=_tell)
        if options.plan:
            return _show_plan(grid, options.json)
        if options.tables:
            return _compile(grid)
        return _run(grid, options.json, options.tracking_uri)
    except ProblemError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        _tell(_GO_ON)
        return INTERRUPTED


def _show_plan(grid: Grid, json_wanted: bool) -> int:
    if json_wanted:
        print(json.dumps(as_json(grid.plan, grid.ledger), indent=2))
    else:
        Console(highlight=False).print(plan_table(grid.plan, grid.ledger))
    _show_problems(grid)
    return 0


def _compile(grid: Grid) -> int:
    for path in compile_tables(grid.plan, grid.ledger, grid.out, grid.demo):
        print(path)
    _show_problems(grid)
    return status_of(grid)


def _run(grid: Grid, json_wanted: bool, tracking_uri: str | None) -> int:
    log = grid.out / "logs" / f"{grid.plan.grid}-{datetime.now():%Y%m%d-%H%M%S}.log"
    _show_problems(grid)
    title = f"{grid.plan.grid} in {grid.out}"
    state = GridState(grid.plan, grid.ledger)
    # With --json the standard output is for programs, and people look at the other one.
    with (
        quiet_output(log, draw_on=2 if json_wanted else 1) as terminal,
        Progress(state, terminal, title, log) as progress,
    ):
        outcome = run(grid, progress, tracking_uri)
    if json_wanted:
        print(json.dumps(as_json(grid.plan, grid.ledger), indent=2))
    else:
        where = {"tables": ", ".join(map(str, outcome.tables)), "MLflow": outcome.tracking, "log": log}
        Console(highlight=False).print(final_report(grid.plan, grid.ledger, where))
    for problem in outcome.problems:
        _tell(problem)
    if outcome.status == INTERRUPTED:
        _tell(_GO_ON)
    return outcome.status


def _show_problems(grid: Grid) -> None:
    for problem in grid.ledger.problems():
        print(problem, file=sys.stderr)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    about, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="run_grid.py",
        description=about,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--grid", required=True, help="a grid's name, or the path of a YAML file")
    parser.add_argument(
        "--demo", action="store_true", help="generate small corpora and train small and short"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder (runs/, or runs/demo/ with --demo)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--plan", action="store_true", help="show what there is to do and what is done, and stop"
    )
    what.add_argument("--tables", action="store_true", help="only compile the tables again from the results")
    parser.add_argument("--json", action="store_true", help="print plan and status as JSON")
    parser.add_argument(
        "--tracking-uri", metavar="URI", help="an MLflow server (a store in the output folder)"
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="settings, as an OmegaConf dot-list"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
