"""Whether a corpus still is what its manifest says, by sizes and times of its files, or by their contents."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from datasets.corpus import Corpus
from datasets.damaged import has_content, has_states
from datasets.indexing.file_stamps import Stamp
from datasets.indexing.index import stamps
from datasets.indexing.listed import listed
from manifests import Clip, Finding, Manifest, ProblemError

_READING_THREADS = 8
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
        entries = listed(corpus, root, manifest.layout or None).entries
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
        elif found := _difference(root, clip, now, times):
            expected = "the files as they were indexed"
            yield Finding(_level(clip), "changed-files", clip.clip, clip.path, expected, found, _INDEX_AGAIN)
    for clip in indexed.values():
        level, expected = _level(clip), "the clip"
        yield Finding(level, "vanished-clip", clip.clip, clip.path, expected, "nothing", _INDEX_AGAIN)


def other_contents(
    manifest: Manifest, told: Collection[str], progress: Callable[..., None] | None = None
) -> Iterator[Finding]:
    """Yield an error for each usable clip whose files hold something else than when it was indexed.

    Every file is read, and none decoded: sizes and times stay the same when a file is put in another's place
    by a program that keeps both.

    Args:
        manifest: where its root says the corpus lies now.
        told: clips that are known to have changed, and are not read.
        progress: called after each clip with the number done and that of all.
    """
    clips = [clip for clip in manifest.clips() if clip.clip not in told]
    with ThreadPoolExecutor(_READING_THREADS) as threads:
        same = threads.map(functools.partial(has_content, Path(manifest.root)), clips)
        for done, (clip, is_same) in enumerate(zip(clips, same, strict=True), start=1):
            if progress is not None:
                progress(done, len(clips))
            if not is_same:
                expected, found = "the files as they were indexed", "other contents of the same size and time"
                yield Finding("error", "changed-files", clip.clip, clip.path, expected, found, _INDEX_AGAIN)


def _difference(root: Path, clip: Clip, now: Stamp, times: bool) -> str:
    """Say how a clip's files differ; empty when they do not."""
    if now.size_bytes != clip.size_bytes:
        return f"{now.size_bytes:,} bytes instead of {clip.size_bytes:,}"
    if times and now.mtime_ns != clip.mtime_ns:
        return f"one modified at {_moment(now.mtime_ns)} instead of {_moment(clip.mtime_ns)}"
    if times and clip.states and not has_states(root, clip):
        return "as many bytes, and single files of other names, sizes or times"
    return ""


def _moment(mtime_ns: int) -> str:
    return datetime.fromtimestamp(mtime_ns / 1e9).astimezone().isoformat(sep=" ", timespec="milliseconds")


def _level(clip: Clip) -> str:
    return "error" if clip.status == "ok" else "note"
