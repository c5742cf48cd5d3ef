"""The option ``--plugins``: models, approaches and metrics from folders outside the project."""

from __future__ import annotations

import argparse
from pathlib import Path

from manifests.plugins import import_digested


def add_plugins(parser: argparse.ArgumentParser) -> None:
    """Add the option; what it names is for `register_plugins`."""
    parser.add_argument(
        "--plugins",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder of models, approaches or metrics of your own (repeatable)",
    )


def register_plugins(folders: list[Path]) -> frozenset[str]:
    """Make known what these folders hold; return the digest of each of their files with what it uses.

    Raises:
        ProblemError: one cannot be imported.
        ValueError: a word is taken.
    """
    if not folders:
        return frozenset()
    from hd2s import plugins  # noqa: PLC0415 - loads PyTorch, which scoring does without

    found = set()
    for folder in folders:
        for module, digest in import_digested(folder).items():
            plugins.register(module)
            found.add(digest)
    return frozenset(found)
