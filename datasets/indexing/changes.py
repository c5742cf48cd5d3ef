"""Whether a corpus still is what its manifest says, by the sizes and times of its files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from datasets.corpus import Corpus
from datasets.indexing.file_stamps import Stamp
from datasets.indexing.index import stamps
from manifests import Clip, Finding, Manifest, ProblemError

_INDEX_AGAIN = "If that is meant, index the corpus again."


def changes(corpus: Corpus, manifest: Manifest, *, times: bool = True) -> Iterator[Finding]:
    """Yield a finding for each clip whose files are gone, or others than when it was indexed.

    An error for a usable clip, a note for a quarantined one, which may have been mended; a warning for a clip
    that is not in the manifest. No file is opened.

    Args:
        corpus: the adapter of the manifest's corpus.
        manifest: where its root says the corpus lies now.
        times: whether modification times count; a copy may have others.
    """
    root = Path(manifest.root)
    try:
        entries = corpus.list(root, manifest.layout or None).entries
    except ProblemError as error:
        for problem in error.problems:
            yield Finding("error", "root-changed", "", "", problem.expected, problem.found, problem.remedy)
        return
    indexed = {clip.clip: clip for clip in manifest.clips(status=None)}
    for entry, now in zip(entries, stamps(root, entries), strict=True):
        clip = indexed.pop(entry.clip, None)
        if clip is None:
            remedy = "Index the corpus again to have it."
            yield Finding(
                "warning", "new-clip", entry.clip, entry.path, "only clips of the manifest", "another", remedy
            )
        elif found := _difference(clip, now, times):
            expected = "the files as they were indexed"
            yield Finding(_level(clip), "changed-files", clip.clip, clip.path, expected, found, _INDEX_AGAIN)
    for clip in indexed.values():
        level, expected = _level(clip), "the clip"
        yield Finding(level, "vanished-clip", clip.clip, clip.path, expected, "nothing", _INDEX_AGAIN)


def _difference(clip: Clip, now: Stamp, times: bool) -> str:
    """Say how a clip's files differ; empty when they do not."""
    if now.size_bytes != clip.size_bytes:
        return f"{now.size_bytes:,} bytes instead of {clip.size_bytes:,}"
    if times and now.mtime_ns != clip.mtime_ns:
        return f"one modified at {_moment(now.mtime_ns)} instead of {_moment(clip.mtime_ns)}"
    return ""


def _moment(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns / 1e9).astimezone().isoformat(sep=" ", timespec="milliseconds")


def _level(clip: Clip) -> str:
    return "error" if clip.status == "ok" else "note"
