"""``python -m hd2s``: predict the saliency of videos, score anybody's predictions, and what models cost."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from manifests.command_line import ended, environment
from manifests.problem import ProblemError

with environment():
    from hd2s.commands import cost, predict, score


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, 2 when something given to it is wrong, or 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m hd2s", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (predict, score, cost):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        options.run(options)
    except (ProblemError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write(f"\nInterrupted. {options.when_interrupted}\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(ended(main))
