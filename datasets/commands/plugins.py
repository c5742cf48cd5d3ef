"""The option ``--plugins`` of the commands that take a corpus."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_plugins(parser: argparse.ArgumentParser) -> None:
    """Add the option; what it names is for `datasets.corpora.registry.register_plugins`."""
    parser.add_argument(
        "--plugins",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="folder of Python files with corpora of other people's, each a CORPUS; may be given again",
    )
