"""What there is to do with an output folder beside running a grid.

Example:
  python -m grid sync --out runs --tracking-uri http://mlflow:5000     bring all results to a server

exit status: 0, MLflow holds all results; 1, it has refused some; 2, nothing was done.
"""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from grid.commands.sync import sync
from manifests.problem import ProblemError

WRONG = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    # What MLflow refuses is told in a line at the end; its traceback is for a run's log.
    logging.getLogger("grid.tracking").addHandler(logging.NullHandler())
    try:
        return sync(options.out, options.grid, options.tracking_uri, _tell)
    except ProblemError as error:
        _tell(str(error))
        return WRONG


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
    command.add_argument(
        "--out", type=Path, default=Path("runs"), metavar="DIR", help="output folder (runs/)"
    )
    command.add_argument("--grid", metavar="NAME", help="only this grid of those run in the folder")
    command.add_argument(
        "--tracking-uri", metavar="URI", help="an MLflow server; default: the store in the output folder"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
