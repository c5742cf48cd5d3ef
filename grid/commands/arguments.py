"""The options of `run_grid.py`, which of its words are settings, and with what status it ends."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
INTERRUPTED_NOTE = "Interrupted; the same command goes on from here."
_NOTE_OF_REDO = "Interrupted; the same command without --redo goes on from here: with it a unit begins anew."
REDONE = "HD2S_REDONE"
"""In the environment of a process that goes on, without `--redo`, with a command that had it."""


def interrupted_note(redo: object) -> str:
    """Say how a command goes on whose `--redo` took results away at its beginning, or one without it."""
    return _NOTE_OF_REDO if redo or REDONE in os.environ else INTERRUPTED_NOTE


def parsed(text: str, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line; settings may stand on both sides of an option, and are no words of one.

    Raises:
        SystemExit: it cannot be read; what is wrong was printed.
    """
    reader = parser(text)
    options = reader.parse_intermixed_args(arguments)
    if "=" in (options.settings or ""):
        options.overrides, options.settings = [options.settings, *options.overrides], "run"
    if options.figures is not None:
        settings = [word for word in options.figures if "=" in word]
        options.figures = [word for word in options.figures if "=" not in word]
        options.overrides = [*settings, *options.overrides]
    if not (options.grid or options.list or options.settings):
        reader.error("one of --grid, --list and --settings is needed")
    if options.on and not options.plan:
        reader.error("--on is for --plan, which is needed with it: a grid runs on the devices that there are")
    return options


def parser(text: str) -> argparse.ArgumentParser:
    """Return the parser of the command line; `text` is what its help says: a line, and examples."""
    about, _, epilog = text.partition("\n\n")
    found = argparse.ArgumentParser(
        prog="run_grid.py",
        description=about,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # Who goes on in this command's place must know what it has done already (`grid.commands.again`).
        allow_abbrev=False,
    )
    which = found.add_mutually_exclusive_group()
    which.add_argument("--grid", metavar="NAME", help="a grid's name, or the path of a YAML file")
    which.add_argument("--list", action="store_true", help="show every grid and table with its counts")
    found.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.yaml",
        help="settings, under those of the command line; of several files the later is over the earlier",
    )
    found.add_argument(
        "--settings",
        nargs="?",
        const="run",
        metavar="grid",
        help="show every setting with its value, default, unit and where it was set (with --grid, of that"
        " grid), or the keys of a grid's YAML file",
    )
    found.add_argument("--demo", action="store_true", help="generate small corpora and train small and short")
    found.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder (runs/, or runs/demo/ with --demo)"
    )
    _add_instead(found)
    _add_manner(found)
    found.add_argument("overrides", nargs="*", metavar="key=value", help="settings, as an OmegaConf dot-list")
    return found


def _add_instead(found: argparse.ArgumentParser) -> None:
    """Add what there is to do instead of running a grid."""
    what = found.add_mutually_exclusive_group()
    what.add_argument(
        "--plan",
        action="store_true",
        help="show what there is to do, what is done and what the rest will cost, and stop",
    )
    what.add_argument("--tables", action="store_true", help="only compile the tables again from the results")
    what.add_argument(
        "--figures",
        nargs="*",
        metavar="WORD",
        help="only draw figures again: those of these words, or all",
    )
    what.add_argument(
        "--report", action="store_true", help="only draw all figures again and write the page of the grid"
    )
    what.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help="only gather tables, results, specs and versions in a new folder, to attach to a paper",
    )


def _add_manner(found: argparse.ArgumentParser) -> None:
    """Add how it is done and told."""
    found.add_argument(
        "--on", metavar="DEVICE", help="estimate the plan for one GPU, such as H100 (this machine's devices)"
    )
    found.add_argument("--json", action="store_true", help="print plan and status, or the list, as JSON")
    found.add_argument("--retry-failed", action="store_true", help="try again what failed in an earlier run")
    found.add_argument(
        "--redo",
        metavar="UNIT",
        help="make again a training or an evaluation, by (the end of) its id, or all that other code made",
    )
    found.add_argument(
        "--tracking-uri", metavar="URI", help="an MLflow server (a store in the output folder)"
    )
