"""``python -m datasets check``: what is wrong with an indexed corpus, and whether its files are the same."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from datasets.commands.plugins import add_plugins
from datasets.commands.progress import telling
from datasets.commands.summary import show, show_counts, show_list
from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import available, find, get, manifest_folder, register_plugins
from datasets.corpus import Corpus
from datasets.indexing.changes import changes, other_contents
from manifests import Manifest, Problem, ProblemError, open_manifest
from manifests.problem import suggest
from manifests.store import CLIPS


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        help="list what is wrong with an indexed corpus",
        description="Exit status: 0, or 1 when there is any error, or 2 for no manifest or a damaged one.",
    )
    add_indexed(parser)
    parser.add_argument("--root", type=Path, help="where the corpus lies now, if not where it was indexed")
    parser.add_argument(
        "--quick", action="store_true", help="compare sizes and times of the files, and read none of them"
    )
    parser.set_defaults(run=_run, when_interrupted="Nothing was changed.")


def _run(options: argparse.Namespace) -> int:
    register_plugins(options.plugins)
    corpus, manifest = open_indexed(options.corpus, options.manifest)
    root = options.root.resolve() if options.root else Path(manifest.root)
    manifest.verify()
    here = replace(manifest, root=str(root))
    changed = list(changes(corpus, here, times=str(root) == manifest.root))
    if not options.quick and not any(finding.kind == "root-changed" for finding in changed):
        with telling(f"contents of {manifest.corpus}") as tell:
            changed += other_contents(here, {finding.clip for finding in changed}, tell)
    findings = [*manifest.problems(), *changed]
    console = Console()
    show(console, manifest, corpus.published)
    show_list(console, findings)
    show_counts(console, findings)
    return int(any(finding.level == "error" for finding in findings))


def add_indexed(parser: argparse.ArgumentParser) -> None:
    """Add what tells an indexed corpus; it is for `open_indexed`."""
    parser.add_argument("corpus", metavar="CORPUS", help="a corpus' word, or the name of one of your own")
    add_plugins(parser)
    parser.add_argument("--manifest", type=Path, help="folder of the manifest (default: manifests/CORPUS)")


def open_indexed(name: str, folder: Path | None) -> tuple[Corpus, Manifest]:
    """Return the corpus and its manifest; a name without an adapter is a corpus of the user's own."""
    adapter = get(name) if name in available() else find(name)
    corpus = adapter or FolderCorpus(name)
    folder = folder if folder is not None else manifest_folder(name)
    if adapter is None and not (folder / CLIPS).is_file():
        found = f"{name!r}, and no manifest in {folder}"
        raise ProblemError(
            Problem("corpus", "a known corpus or an indexed one", found, suggest(name, available()))
        )
    manifest = open_manifest(folder)
    if manifest.corpus != corpus.name:
        remedy = "Give the folder of the manifest as --manifest, or of the corpus' adapter as --plugins."
        raise ProblemError(Problem(str(folder), f"the manifest of {corpus.name}", manifest.corpus, remedy))
    return corpus, manifest
