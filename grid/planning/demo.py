"""The demo's corpora: generated and indexed where there are none yet."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from datasets import demo
from datasets.corpora.registry import get
from datasets.demo.domains import DOMAINS, PHOTOGRAPHS, Domain
from datasets.indexing.index import index
from grid.results import output_folder
from grid.results.lock import held
from grid.specs.settings import Config, CorpusPlace
from manifests.store import CLIPS, ManifestError, open_manifest


def prepare_demo(
    config: Config, out: Path, tell: Callable[[str], None], corpora: Collection[str] = ()
) -> dict[str, CorpusPlace]:
    """Generate and index the demo corpora under `out` unless they are there; return where all are.

    Those of photographs only if they are among `corpora`, which a grid reads.
    """

    def on_clip(word: str, done: int, total: int) -> None:
        if done == 1:
            tell(f"generating a look-alike of {get(word).name}: {total} clips")

    with held(out / output_folder.CORPORA, "generating and indexing the demo corpora"):
        roots = demo.generate(out / output_folder.CORPORA, domains=_domains(corpora), progress=on_clip)
        for word, root in roots.items():
            folder = out / output_folder.demo_manifest(word)
            if not _indexed(folder, root):
                tell(f"indexing {get(word).name}")
                index(word, root, folder)
    return demo_places(config, out, corpora)


def demo_places(config: Config, out: Path, corpora: Collection[str] = ()) -> dict[str, CorpusPlace]:
    """Return where all corpora are, with the demo's under `out`, whether they are there or not."""
    places = dict(config.corpora)
    for domain in _domains(corpora):
        folder = out / output_folder.demo_manifest(domain.word)
        places[domain.name] = replace(places[domain.name], manifest=str(folder))
    return places


def _domains(corpora: Collection[str]) -> tuple[Domain, ...]:
    return (*DOMAINS, *(domain for domain in PHOTOGRAPHS if domain.name in corpora))


def _indexed(folder: Path, root: Path) -> bool:
    """Whether a manifest of this root stands already, made after the corpus was."""
    try:
        manifest = open_manifest(folder)
    except ManifestError:
        return False
    made, indexed = (path.stat().st_mtime_ns for path in (root / demo.MARKER, folder / CLIPS))
    return Path(manifest.root) == root.resolve() and indexed >= made
