"""``python -m datasets``: make the demo corpora, and index corpora into manifests."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from datasets.corpus import available
from datasets.index import index
from manifests import SPLITS, Manifest, ProblemError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 2 when something given to it is wrong."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        options.run(options)
    except ProblemError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m datasets", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="generate small corpora in the native layouts")
    demo.add_argument("--out", type=Path, required=True, help="folder to write them to")
    demo.add_argument("--seed", type=int, default=0, help="another seed, other corpora (default: 0)")
    demo.set_defaults(run=_demo)
    indexing = commands.add_parser("index", help="index a corpus into a manifest")
    indexing.add_argument("corpus", metavar="CORPUS", help=", ".join(available()))
    indexing.add_argument("--root", type=Path, required=True, help="folder of the corpus")
    indexing.add_argument("--out", type=Path, help="folder of the manifest (default: manifests/CORPUS)")
    indexing.set_defaults(run=_index)
    return parser


def _demo(options: argparse.Namespace) -> None:
    from datasets.demo import generate  # noqa: PLC0415 - indexing needs none of the demo's drawing

    for word, root in generate(options.out, options.seed).items():
        print(f"{word}: {root}")


def _index(options: argparse.Namespace) -> None:
    print(_summary(index(options.corpus, options.root, options.out)))


def _summary(manifest: Manifest) -> str:
    """Return what a manifest holds, for people."""
    lines = [f"{manifest.corpus}: {manifest.folder}, digest {manifest.digest[:12]}"]
    for split in SPLITS:
        lines.append(f"  {split:<5} {manifest.counts[split]:>6,} clips {manifest.frames[split]:>9,} frames")
    lines.append(f"  {manifest.quarantined} quarantined")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
