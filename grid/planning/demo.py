"""The demo's corpora: generated and indexed where there are none yet."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from datasets import demo
from datasets.corpora.registry import get
from datasets.demo.domains import DOMAINS, PHOTOGRAPHS
from datasets.indexing.index import index
from grid.results import output_folder
from grid.results.lock import held
from grid.specs.settings import Config, CorpusPlace
from manifests.problem import counted
from manifests.store import CLIPS, ManifestError, open_manifest

_ALL = (*DOMAINS, *PHOTOGRAPHS)
_VIDEOS = tuple(domain.name for domain in DOMAINS)


def prepare_demo(
    config: Config, out: Path, tell: Callable[[str], None], corpora: Collection[str] = _VIDEOS
) -> dict[str, CorpusPlace]:
    """Generate and index those demo corpora that a grid reads, unless they are there; say where all are."""

    def on_clip(word: str, done: int, total: int) -> None:
        if done == 1:
            tell(f"generating a look-alike of {get(word).name}: {counted(total, 'clip')}")

    domains = tuple(domain for domain in _ALL if domain.name in corpora)
    with held(out / output_folder.CORPORA, "generating and indexing the demo corpora"):
        roots = demo.generate(out / output_folder.CORPORA, domains=domains, progress=on_clip)
        for word, root in roots.items():
            folder = out / output_folder.demo_manifest(word)
            if not _indexed(folder, root):
                tell(f"indexing {get(word).name}")
                index(word, root, folder)
    return demo_places(config, out)


def demo_places(config: Config, out: Path) -> dict[str, CorpusPlace]:
    """Return where all corpora are, with the demo's under `out`, whether they are there or not."""
    places = dict(config.corpora)
    for domain in _ALL:
        folder = out / output_folder.demo_manifest(domain.word)
        places[domain.name] = replace(places[domain.name], manifest=str(folder))
    return places


def _indexed(folder: Path, root: Path) -> bool:
    """Whether a manifest of this root stands already, made after the corpus was."""
    try:
        manifest = open_manifest(folder)
    except ManifestError:
        return False
    made, indexed = (path.stat().st_mtime_ns for path in (root / demo.MARKER, folder / CLIPS))
    return Path(manifest.root) == root.resolve() and indexed >= made
