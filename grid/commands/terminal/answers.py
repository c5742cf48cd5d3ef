"""The answers of `run_grid.py` that start nothing: each returns the exit status.

Each imports its own, so that it stands there, or what is wrong, within half a second.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from grid.commands.arguments import FAILED
from grid.commands.terminal.paper import answer
from grid.commands.terminal.told import tell, tell_other_code, tell_problems
from grid.planning.prepare import Grid
from manifests.problem import Problem, ProblemError

if TYPE_CHECKING:
    from grid.commands.devices import Device


def show_settings(options: argparse.Namespace, given: list[tuple[str, list[str]]]) -> int:
    """Show the settings of a run, or the keys of a grid's file."""
    from grid.commands.settings import keys_table, list_settings, settings_table

    if options.settings == "grid":
        answer(keys_table())
        return 0
    if options.settings != "run":
        remedy = "Leave it out to see the settings of a run."
        raise ProblemError(Problem("--settings", "grid, or nothing", repr(options.settings), remedy))
    settings = list_settings(given, options.grid, demo=options.demo)
    if options.json:
        answer(json.dumps([setting._asdict() for setting in settings], indent=2))
    else:
        answer(settings_table(settings))
    return 0


def show_grids(options: argparse.Namespace) -> int:
    """Show every grid that there is."""
    from grid.commands.terminal.report import catalogue_table
    from grid.planning.catalogue import catalogue

    offers = catalogue(options.overrides, demo=options.demo)
    if options.json:
        answer(json.dumps([asdict(offer) for offer in offers], indent=2))
    else:
        answer(catalogue_table(offers))
    return 0


def show_plan(grid: Grid, json_wanted: bool, device: Device | None) -> int:
    """Show what there is to do, what is done, and what the rest costs."""
    from grid.commands.cost import estimate
    from grid.commands.devices import present
    from grid.commands.terminal.report import as_json, plan_table

    cost = estimate(grid, device or present())
    if json_wanted:
        answer(json.dumps(as_json(grid.plan, grid.ledger, cost), indent=2))
    else:
        answer(plan_table(grid.plan, grid.ledger, cost))
    tell_problems(grid)
    tell_other_code(grid)
    return 0


def compile_tables(grid: Grid) -> int:
    """Compile the tables from the results alone; return the grid's exit status."""
    from grid.commands.run import compile_grid, not_taken, status_of
    from grid.outputs.tables.compilation import behind

    written = compile_grid(grid)
    for path in written:
        answer(path)
    for line in filter(None, (behind(written), *not_taken(grid))):
        tell(line)
    tell_problems(grid, weights=False)
    tell_other_code(grid)
    return status_of(grid)


def draw(grid: Grid, words: list[str]) -> int:
    """Draw figures, those of results where no words name others, and tell what cannot be drawn yet."""
    from grid.commands.run import status_of
    from grid.outputs.figures.contract import Material
    from grid.outputs.figures.drawn import draw_figures
    from grid.results import output_folder

    material = Material(grid.manifests, grid.config.figures.frames)
    drawn = draw_figures(grid.plan, grid.ledger, grid.out / output_folder.FIGURES, words, material)
    for path in drawn.files:
        answer(path)
    for line in drawn.missing:
        tell(f"not drawn: {line}")
    if drawn.missing and status_of(grid):
        tell(f"What is not done yet is done by: {grid.command()}")
    tell_problems(grid, weights=False)
    return 0


def write_report(grid: Grid) -> int:
    """Write the grid's page; return the exit status."""
    from grid.commands.run import status_of
    from grid.commands.shown import show

    shown = show(grid)
    for warning in shown.warnings:
        tell(warning)
    tell_problems(grid, weights=False)
    if shown.report:
        answer(shown.report)
    return status_of(grid) if shown.report else FAILED


def export_to(grid: Grid, folder: Path) -> int:
    """Gather what a paper's readers need in a folder; return the grid's exit status."""
    from grid.commands.run import status_of
    from grid.outputs.export import export

    export(grid, folder)
    answer(folder)
    tell_problems(grid, weights=False)
    tell_other_code(grid)
    return status_of(grid)
