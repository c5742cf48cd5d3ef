"""From a corpus on disk to its manifest."""

from __future__ import annotations

import logging
from pathlib import Path

from datasets.corpus import get
from manifests import Manifest, Problem, ProblemError, write

log = logging.getLogger(__name__)


def default_folder(word: str) -> Path:
    """Return where a corpus's manifest lies unless said otherwise: manifests/<word> in the current folder."""
    return Path("manifests") / get(word).word


def index(word: str, root: Path | str, out: Path | str | None = None) -> Manifest:
    """Read a whole corpus and write its manifest.

    A clip that cannot be used is quarantined with the reason and stops nothing.

    Args:
        word: command-line word or name of the corpus.
        root: where the corpus lies.
        out: folder of the manifest; `default_folder` when not given.

    Raises:
        ProblemError: the corpus is unknown, the root does not hold it, or none of its clips is usable.
        ManifestError: its clips contradict each other.
    """
    corpus, root = get(word), Path(root)
    for note in corpus.list(root).notes:
        log.info("%s: %s", corpus.name, note)
    clips, fixations = [], {}
    for clip, rows in corpus.scan(root):
        clips.append(clip)
        fixations[clip.clip] = rows
        if clip.status == "quarantined":
            log.warning("%s/%s quarantined: %s", corpus.name, clip.clip, clip.reason)
    if not any(clip.status == "ok" for clip in clips):
        found = f"{len(clips)} clips, all quarantined, the first because: {clips[0].reason}"
        raise ProblemError(
            Problem(f"{corpus.name} at {root}", "usable clips", found, "Mend the corpus's files.")
        )
    return write(out if out is not None else default_folder(word), corpus.name, root, clips, fixations)
