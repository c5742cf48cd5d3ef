"""What there is to do with an output folder beside running a grid.

Example:
  python -m grid ui --out runs/demo                                    look at its runs in a browser
  python -m grid sync --out runs --tracking-uri http://mlflow:5000     bring all results to a server

exit status: 0, MLflow holds all results; 1, it has refused some, or some are damaged, or tables or page found
no place; 2, nothing was done; 130, interrupted.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from grid.commands.arguments import INTERRUPTED, INTERRUPTED_NOTE, WRONG
from manifests.command_line import ended, environment
from manifests.problem import ProblemError

with environment():
    from grid.commands.sync import sync
    from grid.commands.ui import ui


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    # What MLflow refuses is told in a line at the end; its traceback is for a run's log.
    logging.getLogger("grid.tracking").addHandler(logging.NullHandler())
    try:
        return options.run(options)
    except ProblemError as error:
        _tell(str(error))
        return WRONG
    except KeyboardInterrupt:
        _tell(INTERRUPTED_NOTE)
        return INTERRUPTED


def _sync(options: argparse.Namespace) -> int:
    return sync(options.out, options.grid, options.tracking_uri, _tell)


def _ui(options: argparse.Namespace) -> int:
    return ui(options.out, options.port, _tell)


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    about, _, epilog = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m grid",
        description=about,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("sync", help="log to MLflow what the results hold and MLflow does not")
    command.set_defaults(run=_sync)
    _add_out(command)
    command.add_argument("--grid", metavar="NAME", help="only this grid of those run in the folder")
    command.add_argument(
        "--tracking-uri", metavar="URI", help="an MLflow server; default: the store in the output folder"
    )
    command = commands.add_parser("ui", help="serve a folder's runs in MLflow, for this machine alone")
    command.set_defaults(run=_ui)
    _add_out(command)
    command.add_argument("--port", type=int, default=5000, help="of this machine (5000)")
    return parser


def _add_out(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="output folder (runs/)"
    )


if __name__ == "__main__":
    sys.exit(ended(main))
