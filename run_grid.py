"""Train, test and tabulate a grid of domain-adaptation experiments.

Examples:
  python run_grid.py --grid domain_shift --demo             the whole job on generated corpora
  python run_grid.py --grid domain_shift --plan             what there is to do, and what is done
  python run_grid.py --grid domain_shift seeds=[0,1,2]      the paper's setting, three times
  python run_grid.py --list                                 every grid that there is

exit status: 0, every cell has a value; 1, some cell has none, or a run's tables or answer found no place;
2, settings or data are wrong and nothing was started, or what else was asked for found no place; 130,
interrupted: the same command goes on from there.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from grid.commands.arguments import INTERRUPTED, WRONG, interrupted_note, parsed
from manifests.command_line import ended, environment
from manifests.problem import Problem, ProblemError, gathered

with environment():
    import rich  # noqa: F401 - the first of what the project needs

if TYPE_CHECKING:
    from pathlib import Path

    from grid.commands.devices import Device
    from grid.planning.prepare import Purpose

# Each command imports its own: an answer, or what is wrong, within half a second.


def main(arguments: list[str] | None = None, *, own_process: bool = False) -> int:
    """Run the command line; return the exit status.

    Args:
        arguments: its words; None for this process's.
        own_process: whether the process is this command's alone, and may begin it again.
    """
    options = parsed(__doc__ or "", arguments)
    from grid.commands.terminal import answers
    from grid.results.provenance import assert_ours
    from grid.running.interruption import requests_heard

    options.own_process = own_process
    try:
        assert_ours()
        given = _given(options)
        options.overrides = [item for _, items in given for item in items]
        if options.settings:
            return answers.show_settings(options, given)
        with requests_heard():
            return answers.show_grids(options) if options.list else _answer(options)
    except ProblemError as error:
        from grid.commands.again import interrupts

        print(error, file=sys.stderr)
        if interrupts(error):
            print(interrupted_note(options.redo), file=sys.stderr, flush=True)
            return INTERRUPTED
        return WRONG
    except KeyboardInterrupt:
        print(interrupted_note(options.redo), file=sys.stderr, flush=True)
        return INTERRUPTED


def _given(options: argparse.Namespace) -> list[tuple[str, list[str]]]:
    """Return the settings that the user gives and where, those that have the last word last."""
    from grid.specs.dotted_keys import from_file, spelled

    files = [(str(path), from_file(path)) for path in options.config]
    given = [*files, ("command line", options.overrides)]
    return [(where, spelled(where, items)) for where, items in given]


def _answer(options: argparse.Namespace) -> int:
    from grid.commands.terminal import answers
    from grid.commands.terminal.told import tell
    from grid.planning.prepare import default_out, prepare
    from grid.results.redo import require_unit

    problems: list[Problem] = []
    out = options.out or default_out(demo=options.demo)
    device = _checked(options, out, problems)
    looking = options.tables or options.export or options.report or options.figures is not None
    purpose: Purpose = "plan" if options.plan else "results" if looking else "run"
    grid = prepare(
        *(options.grid, options.overrides, out),
        demo=options.demo,
        tell=tell,
        problems=problems,
        purpose=purpose,
    )
    require_unit(grid.plan, options.redo)
    if options.plan:
        return answers.show_plan(grid, options.json, device)
    if options.tables:
        return answers.compile_tables(grid)
    if options.figures is not None:
        return answers.draw(grid, options.figures)
    if options.report:
        return answers.write_report(grid)
    if options.export:
        return answers.export_to(grid, options.export)
    from grid.commands.terminal.running import run_grid

    return run_grid(grid, options)


def _checked(options: argparse.Namespace, out: Path, problems: list[Problem]) -> Device | None:
    """Gather what is wrong with the options themselves; return the device of a plan, if one is named."""
    for option, folder in (("--out", out), ("--export", options.export)):
        # Parquet files and MLflow's store can have no other path.
        path = str(folder.resolve()) if folder else ""
        if path.encode(errors="ignore").decode() != path:
            expected, remedy = "a folder whose path is in UTF-8", f"Give another: {option} DIR."
            problems.append(Problem(option, expected, path, remedy))
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


if __name__ == "__main__":
    sys.exit(ended(partial(main, own_process=True)))
