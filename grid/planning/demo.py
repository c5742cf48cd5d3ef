"""The demo's corpora: generated and indexed where there are none yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from datasets import demo
from datasets.corpora.registry import get
from datasets.indexing.index import index
from grid.results import output_folder
from grid.results.lock import held
from grid.specs.settings import Config, CorpusPlace
from manifests.store import CLIPS, ManifestError, open_manifest


def prepare_demo(config: Config, out: Path, tell: Callable[[str], None]) -> dict[str, CorpusPlace]:
    """Generate and index the demo corpora under `out` unless they are there; return where all are."""

    def on_clip(word: str, done: int, total: int) -> None:
        if done == 1:
            tell(f"generating a look-alike of {get(word).name}: {total} clips")

    with held(out / output_folder.CORPORA, "generating and indexing the demo corpora"):
        for word, root in demo.generate(out / output_folder.CORPORA, progress=on_clip).items():
            folder = out / output_folder.demo_manifest(word)
            if not _indexed(folder, root):
                tell(f"indexing {get(word).name}")
                index(word, root, folder)
    return demo_places(config, out)


def demo_places(config: Config, out: Path) -> dict[str, CorpusPlace]:
    """Return where all corpora are, with the demo's under `out`, whether they are there or not."""
    places = dict(config.corpora)
    for word in (domain.word for domain in demo.DOMAINS):
        folder = out / output_folder.demo_manifest(word)
        places[get(word).name] = replace(places[get(word).name], manifest=str(folder))
    return places


def _indexed(folder: Path, root: Path) -> bool:
    """Whether a manifest of this root stands already, made after the corpus was."""
    try:
        manifest = open_manifest(folder)
    except ManifestError:
        return False
    made, indexed = (path.stat().st_mtime_ns for path in (root / demo.MARKER, folder / CLIPS))
    return Path(manifest.root) == root.resolve() and indexed >= made
