"""``python -m datasets demo``: generate small corpora in the native layouts."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("demo", help="generate small corpora in the native layouts")
    parser.add_argument("--out", type=Path, required=True, help="folder to write them to")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other corpora (default: 0)")
    parser.set_defaults(run=_run, when_interrupted="Corpora already whole are kept by the same command.")


def _run(options: argparse.Namespace) -> int:
    from datasets.demo import generate  # noqa: PLC0415 - the other commands need none of the demo's drawing
    from datasets.demo.domains import DOMAINS, PHOTOGRAPHS  # noqa: PLC0415

    for word, root in generate(options.out, options.seed, domains=(*DOMAINS, *PHOTOGRAPHS)).items():
        print(f"{word}: {root}")
    return 0
