"""Train, test and tabulate a grid of domain-adaptation experiments.

Examples:
  python run_grid.py --grid domain_shift --demo             the whole job on generated corpora
  python run_grid.py --grid domain_shift --plan             what there is to do, and what is done
  python run_grid.py --grid domain_shift seeds=[0,1,2]      the paper's setting, three times
  python run_grid.py --list                                 every grid that there is

exit status: 0, every cell has a value; 1, some cell failed; 2, settings or data are wrong and nothing
was started; 130, interrupted: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

try:
    from rich.console import Console
except ModuleNotFoundError as error:
    sys.stderr.write(
        f"{error}: this is not the project's environment. After make demo: source .venv/bin/activate\n"
    )
    raise SystemExit(2) from None

from grid.commands.arguments import FAILED, INTERRUPTED, INTERRUPTED_NOTE, WRONG, parsed
from manifests.problem import Problem, ProblemError, gathered
from manifests.secrets import masked

if TYPE_CHECKING:
    from grid.commands.devices import Device
    from grid.planning.prepare import Grid, Purpose

# Each command imports its own: an answer, or what is wrong, within half a second.


def main(arguments: list[str] | None = None, *, own_process: bool = False) -> int:
    """Run the command line; return the exit status.

    Args:
        arguments: its words; None for this process's.
        own_process: whether the process is this command's alone, and may begin it again.
    """
    options = parsed(__doc__ or "", arguments)
    from grid.results.provenance import assert_ours
    from grid.running.interruption import requests_heard

    options.own_process = own_process
    try:
        assert_ours()
        given = _given(options)
        options.overrides = [item for _, items in given for item in items]
        if options.settings:
            return _settings(options, given)
        with requests_heard():
            return _list(options) if options.list else _answer(options)
    except ProblemError as error:
        print(error, file=sys.stderr)
        return WRONG
    except KeyboardInterrupt:
        _tell(INTERRUPTED_NOTE)
        return INTERRUPTED


def _given(options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Return the settings that the user gives and where, those that have the last word last."""
    from grid.specs.dotted_keys import from_file, spelled

    files = [(str(path), from_file(path)) for path in options.config]
    given = [*files, ("command line", options.overrides)]
    return [(where, spelled(where, items)) for where, items in given]


def _settings(options: argparse.Namespace, given: list[tuple[str, list[str]]]) -> int:
    from grid.commands.settings import keys_table, list_settings, settings_table

    if options.settings == "grid":
        Console(highlight=False).print(keys_table())
        return 0
    if options.settings != "run":
        remedy = "Leave it out to see the settings of a run."
        raise ProblemError(Problem("--settings", "grid, or nothing", repr(options.settings), remedy))
    settings = list_settings(given, options.grid, demo=options.demo)
    if options.json:
        print(json.dumps([setting._asdict() for setting in settings], indent=2))
    else:
        Console(highlight=False).print(settings_table(settings))
    return 0


def _list(options: argparse.Namespace) -> int:
    from grid.commands.terminal.report import catalogue_table
    from grid.planning.catalogue import catalogue

    offers = catalogue(options.overrides, demo=options.demo)
    if options.json:
        print(json.dumps([asdict(offer) for offer in offers], indent=2))
    else:
        Console(highlight=False).print(catalogue_table(offers))
    return 0


def _answer(options: argparse.Namespace) -> int:
    from grid.planning.prepare import default_out, prepare
    from grid.results.redo import require_unit

    problems: list[Problem] = []
    device = _checked(options, problems)
    out = options.out or default_out(demo=options.demo)
    looking = options.tables or options.export or options.report or options.figures is not None
    purpose: Purpose = "plan" if options.plan else "results" if looking else "run"
    grid = prepare(
        *(options.grid, options.overrides, out),
        demo=options.demo,
        tell=_tell,
        problems=problems,
        purpose=purpose,
    )
    require_unit(grid.plan, options.redo)
    if options.plan:
        return _show_plan(grid, options.json, device)
    if options.tables:
        return _compile(grid)
    if options.figures is not None:
        return _draw(grid, options.figures)
    if options.report:
        return _report(grid)
    if options.export:
        return _export(grid, options.export)
    return _run(grid, options)


def _checked(options: argparse.Namespace, problems: list[Problem]) -> Device | None:
    """Gather what is wrong with the options themselves; return the device of a plan, if one is named."""
    with gathered(problems):
        if options.export:
            from grid.outputs.export import check_free

            check_free(options.export)
    with gathered(problems):
        if options.figures:
            from grid.outputs.figures.drawn import check_words

            check_words(options.figures)
    with gathered(problems):
        if options.on:
            from grid.commands.devices import named

            return named(options.on)
    return None


def _show_plan(grid: Grid, json_wanted: bool, device: Device | None) -> int:
    from grid.commands.cost import estimate
    from grid.commands.devices import present
    from grid.commands.terminal.report import as_json, plan_table

    cost = estimate(grid, device or present())
    if json_wanted:
        print(json.dumps(as_json(grid.plan, grid.ledger, cost), indent=2))
    else:
        Console(highlight=False).print(plan_table(grid.plan, grid.ledger, cost))
    _show_problems(grid)
    _show_other_code(grid)
    return 0


def _compile(grid: Grid) -> int:
    from grid.commands.run import compile_grid, not_taken, status_of
    from grid.outputs.tables.compilation import behind

    written = compile_grid(grid)
    for path in written:
        print(path)
    for line in filter(None, (behind(written), *not_taken(grid))):
        _tell(line)
    _show_problems(grid, weights=False)
    _show_other_code(grid)
    return status_of(grid)


def _draw(grid: Grid, words: list[str]) -> int:
    from grid.commands.run import status_of
    from grid.outputs.figures.contract import Material
    from grid.outputs.figures.drawn import draw_figures
    from grid.results import output_folder

    material = Material(grid.manifests, grid.config.figures.frames)
    drawn = draw_figures(grid.plan, grid.ledger, grid.out / output_folder.FIGURES, words, material)
    for path in drawn.files:
        print(path)
    for line in drawn.missing:
        _tell(f"not drawn: {line}")
    if drawn.missing and status_of(grid):
        _tell(f"What is not done yet is done by: {grid.command()}")
    _show_problems(grid, weights=False)
    return 0


def _report(grid: Grid) -> int:
    from grid.commands.run import status_of
    from grid.commands.shown import show

    shown = show(grid)
    for warning in shown.warnings:
        _tell(warning)
    _show_problems(grid, weights=False)
    print(shown.report or "")
    return status_of(grid) if shown.report else FAILED


def _export(grid: Grid, folder: Path) -> int:
    from grid.commands.run import status_of
    from grid.outputs.export import export

    export(grid, folder)
    print(folder)
    _show_problems(grid, weights=False)
    _show_other_code(grid)
    return status_of(grid)


def _run(grid: Grid, options: argparse.Namespace) -> int:
    from grid.results.cleanup import scratch
    from grid.results.lock import held

    with held(grid.out, f"grid {grid.plan.grid}"), scratch(grid.out):
        return _run_held(grid, options)


def _run_held(grid: Grid, options: argparse.Namespace) -> int:
    from grid.commands.again import begin_again, worked
    from grid.commands.run import run
    from grid.commands.terminal.console import Progress, quiet_output, restore_output
    from grid.commands.terminal.progress import GridState
    from grid.commands.terminal.report import as_json, final_report
    from grid.results import output_folder

    log = grid.out / output_folder.log(grid.plan.grid, f"{datetime.now():%Y%m%d-%H%M%S}")
    _show_problems(grid)
    _show_other_code(grid)
    title = f"{grid.plan.grid} in {grid.out}"
    state = GridState(grid.plan, grid.ledger)
    # With --json the standard output is for programs, and people look at the other one.
    with (
        quiet_output(log, draw_on=2 if options.json else 1) as terminal,
        Progress(state, terminal, title, log) as progress,
    ):
        of_use = partial(worked, grid.out, time.time())
        lost = partial(begin_again, restore=restore_output, worked=of_use) if options.own_process else None
        asked = {"retry_failed": options.retry_failed, "again": options.redo, "lost": lost}
        outcome = run(grid, progress, options.tracking_uri, **asked)
    if options.json:
        print(json.dumps(as_json(grid.plan, grid.ledger), indent=2))
    else:
        where = {"tables": grid.out / output_folder.TABLES, "log": log}
        Console(highlight=False).print(final_report(grid.plan, grid.ledger, where), crop=False)
    _show_other_code(grid)
    for warning in outcome.warnings:
        _tell(warning)
    if outcome.left_alone:
        _tell(
            f"{outcome.left_alone} units that failed before were left alone; --retry-failed tries them again."
        )
    for unit, why in outcome.interrupted.items():
        _tell(f"{unit} was interrupted: {why}")
    if outcome.status == INTERRUPTED:
        _tell(INTERRUPTED_NOTE)
    for line in filter(None, (*outcome.views, outcome.look, outcome.report)):
        print(line, file=sys.stderr if options.json else sys.stdout, flush=True)
    return outcome.status


def _show_problems(grid: Grid, *, weights: bool = True) -> None:
    """Tell what is damaged or, with `weights`, lost; tables and exports need no weights."""
    for problem in grid.ledger.problems(weights=weights):
        print(problem, file=sys.stderr)


def _show_other_code(grid: Grid) -> None:
    """Tell which results are not of the code that runs, or lack what is asked for now."""
    from grid.results.redo import other_code, untold_selection

    for told in (other_code(grid.plan, grid.ledger).told, untold_selection(grid.plan, grid.ledger)):
        if told:
            _tell(told)


def _tell(text: str) -> None:
    print(masked(text), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(own_process=True))
