"""``python -m datasets``: from corpora on disk to manifests."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from manifests.command_line import ended, environment
from manifests.problem import ProblemError

with environment():
    from datasets.commands import COMMANDS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its status: 0, or as the command's help says.

    2 is for something wrong with what was given, 130 for Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except ProblemError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except (OSError, RuntimeError) as error:  # no disk, no rights, no worker processes
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"\nInterrupted. {options.when_interrupted}\n")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m datasets", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(ended(main))
