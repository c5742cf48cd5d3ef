"""``python -m datasets index``: read a corpus and write its manifest."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console

from datasets.commands.plugins import add_plugins
from datasets.commands.progress import telling
from datasets.commands.summary import show, show_counts, show_examples
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import OWN_FOLDER, available, get, register_plugins
from datasets.corpus import Corpus
from datasets.indexing.index import index
from manifests import Problem, ProblemError


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("index", help="index a corpus into a manifest")
    parser.add_argument(
        "corpus", metavar="CORPUS", help=f"{', '.join(available())}, or folder for a corpus of your own"
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the corpus")
    parser.add_argument("--name", help="name of the corpus; with CORPUS folder, and only then")
    add_plugins(parser)
    parser.add_argument("--out", type=Path, help="folder of the manifest (default: manifests/CORPUS)")
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--workers", type=int, default=cores, help="processes that read (default: all cores)")
    parser.add_argument("--layout", help="name of the layout, when two fit equally")
    parser.add_argument(
        "--split",
        choices=("paper", "grouped"),
        default="paper",
        help="validation clips: the paper's (default), or drawn so that no source video is on both sides",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of that draw, and of what a corpus of your own holds out (default: 0)",
    )
    parser.add_argument(
        "--tolerate",
        type=int,
        default=0,
        metavar="N",
        help="of a clip whose maps or fixations are up to N short, leave the frames at its ends that"
        " lack them out, and note it,"
        " instead of quarantining it (default: 0)",
    )
    parser.set_defaults(
        run=_run, when_interrupted="What was read is kept; the same command goes on from there."
    )


def _run(options: argparse.Namespace) -> int:
    if options.workers < 1:
        raise ProblemError(Problem("--workers", "1 or more", str(options.workers), "Give another number."))
    if options.tolerate < 0:
        raise ProblemError(Problem("--tolerate", "0 or more", str(options.tolerate), "Give another number."))
    register_plugins(options.plugins)
    corpus = _corpus(options.corpus, options.name, options.seed)
    with telling(corpus.name) as tell:
        manifest = index(
            corpus,
            options.root,
            options.out,
            workers=options.workers,
            layout=options.layout,
            split=options.split,
            seed=options.seed,
            tolerate=options.tolerate,
            progress=tell,
        )
    console, findings = Console(), manifest.problems()
    show(console, manifest, corpus.published)
    show_counts(console, findings)
    show_examples(console, findings, manifest)
    return 0


def _corpus(word: str, name: str | None, seed: int) -> Corpus:
    if word == OWN_FOLDER and name:
        return FolderCorpus(name, seed)
    if word == OWN_FOLDER:
        raise ProblemError(Problem("--name", "a name for the corpus", "none", "Give --name NAME."))
    if name:
        remedy = "Leave it out; only the corpus `folder` is given a name."
        raise ProblemError(Problem("--name", f"none for {word}", name, remedy))
    return get(word)
