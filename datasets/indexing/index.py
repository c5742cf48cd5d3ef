"""From a corpus on disk to its manifest."""

from __future__ import annotations

import functools
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from datasets.corpora.registry import code_of, default_folder, get
from datasets.corpus import Corpus, Entry, Listing, Reading
from datasets.damaged import describe, has_content, with_states
from datasets.indexing.annotation_checks import says_nothing
from datasets.indexing.copied_clips import copied_clips
from datasets.indexing.file_stamps import Stamp, stamp
from datasets.indexing.listed import file_of, listed
from datasets.indexing.read_cache import READER_VERSION, Packed, ReadCache, only_index_in, pack
from datasets.indexing.read_entry import read_entry
from datasets.listing.file_names import first_few
from datasets.listing.holdout import hold_out
from datasets.worker_pool import Done, run
from manifests import (
    SCHEMA_VERSION,
    Clip,
    Finding,
    Manifest,
    ManifestError,
    Problem,
    ProblemError,
    open_manifest,
    write,
)

log = logging.getLogger(__name__)

_TEMPORARY = re.compile(r"\.\w+\.parquet\.(\d+)")
_STAMPING_THREADS = 16

Progress = Callable[[int, int, Clip], None]


def index(
    corpus: Corpus | str,
    root: Path | str,
    out: Path | str | None = None,
    *,
    workers: int = 1,
    layout: str | None = None,
    split: str = "paper",
    seed: int = 0,
    tolerate: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Read a whole corpus and write its manifest; clips whose files have not changed are not read again.

    A clip that cannot be used is quarantined with the reason and stops nothing, not even by killing the
    process that reads it when there are several. Whoever is killed at any point leaves the old manifest or
    the new one, and a second run goes on from what was read (`datasets.indexing.read_cache`); only clips
    with a file that could not be read at all are tried again, since the fault may have been the machine's.

    Args:
        corpus: an adapter, or its command-line word or name.
        root: where the corpus lies.
        out: folder of the manifest; manifests/<word> when not given.
        workers: processes that read; with 1 it is this one.
        layout: name of the layout when two fit equally.
        split: paper, or grouped: validation clips drawn so that no source video is on both sides.
        seed: of the draw.
        tolerate: how many frames at a clip's ends may lack annotations: left out, not quarantined.
        progress: called after each clip that was read with the number of clips done, those not read again
            included, the number of all, and the clip.

    Raises:
        ProblemError: the corpus is unknown, the root does not hold it, none of its clips is usable, the
            folder holds another corpus's manifest, or another process is indexing into it.
        ManifestError: its clips contradict each other.
    """
    corpus = get(corpus) if isinstance(corpus, str) else corpus
    root = Path(root).absolute()
    folder = Path(out) if out is not None else default_folder(corpus)
    _leave_others_alone(corpus, folder)
    _require_writable(folder)
    listing = listed(corpus, root, layout)
    log.info("%s: %d clips in the layout %s", corpus.name, len(listing.entries), listing.layout)
    entries = [replace(entry, tolerate=tolerate) for entry in listing.entries]
    splits = {e.clip: e.split for e in hold_out(listing.entries, corpus.name, how=split, seed=seed)}
    folder.mkdir(parents=True, exist_ok=True)
    with only_index_in(folder), ReadCache(folder) as cache:
        _clear_temporaries(folder)
        clips, findings = _read(corpus, root, entries, cache, workers=workers, progress=progress)
        if not any(clip.status == "ok" for clip in clips):
            raise ProblemError([_nothing_usable(corpus, root, clips), *_of_all(root, listing.findings)])
        clips = [replace(clip, split=splits[clip.clip]) for clip in clips]
        findings = [*listing.findings, *completeness(corpus, listing), *findings]
        findings += [*_without_rule(corpus, clips), *says_nothing(root, clips), *copied_clips(clips)]
        if split != "paper":
            findings.append(_redrawn(clips, seed))
        return write(
            *(folder, corpus.name, root, clips, cache),
            findings=findings,
            layout=listing.layout,
            options={"split": split, "seed": seed, **({"tolerate": tolerate} if tolerate else {})},
            map_rule=asdict(corpus.map_rule) if corpus.map_rule else {},
            code=code_of(corpus),
        )


def completeness(corpus: Corpus, listing: Listing) -> Iterator[Finding]:
    """Yield a warning for each split with fewer or more clips than were published."""
    there = (entry for entry in listing.entries if not (entry.fault and entry.fault.kind == "missing-clip"))
    found = Counter(entry.split for entry in there)
    for split, published in corpus.published.items():
        expected = f"the {published:,} published clips of {split}"
        if found[split] < published:
            remedy = "Fetch the others, unless only a part of the corpus is meant."
            yield Finding("warning", "missing-clip", "", "", expected, f"{found[split]:,}", remedy)
        elif found[split] > published:
            remedy = "Look for copies and renamed clips among them."
            yield Finding("warning", "additional-clip", "", "", expected, f"{found[split]:,}", remedy)


def _without_rule(corpus: Corpus, clips: Sequence[Clip]) -> Iterator[Finding]:
    """Yield an error if maps must be made of fixations, and the corpus does not say how."""
    fixated = (clip for clip in clips if clip.fixation_pattern or clip.n_fixated_frames)
    bare = [clip.clip for clip in fixated if not clip.map_pattern]
    if bare and corpus.map_rule is None:
        expected, found = "maps, or a rule to make them by", f"neither for {len(bare)}: {first_few(bare)}"
        remedy = "Give the adapter a `map_rule`, and index again."
        yield Finding("error", "no-map-rule", "", "", expected, found, remedy)


def stamps(root: Path, entries: Sequence[Entry]) -> Iterator[Stamp]:
    """Yield the state of the files of each clip, in order; many at a time, since shared disks answer late."""
    with ThreadPoolExecutor(_STAMPING_THREADS) as threads:
        for start in range(0, len(entries), 1000):
            yield from threads.map(functools.partial(stamp, root), entries[start : start + 1000])


def _read(
    corpus: Corpus,
    root: Path,
    entries: Sequence[Entry],
    cache: ReadCache,
    *,
    workers: int,
    progress: Progress | None,
) -> tuple[list[Clip], list[Finding]]:
    """Return every clip and what was noticed, in the order of the entries; fixations go to the cache."""
    stamped = dict(zip((e.clip for e in entries), stamps(root, entries), strict=True))
    keys = {e.clip: _key(corpus, e, stamped[e.clip]) for e in entries}
    rows = _recall(root, cache, keys)
    left = [(e, stamped[e.clip]) for e in entries if e.clip not in rows or _in_doubt(rows[e.clip][1])]
    if reused := len(entries) - len(left):
        log.info("%s: %d of them have not changed since they were read", corpus.name, reused)
    reader = functools.partial(_read_packed, corpus, root)
    for done, result in enumerate(run(reader, left, workers=workers), start=reused + 1):
        packed = result.value or _died(corpus, result)
        clip = packed.clip
        cache.put(keys[clip.clip], packed)
        rows[clip.clip] = clip, packed.findings
        if clip.status == "quarantined":
            log.warning("%s/%s quarantined: %s", corpus.name, clip.clip, clip.reason)
        if progress is not None:
            progress(done, len(entries), clip)
    cache.keep_only(keys)
    ordered = [rows[entry.clip] for entry in entries]
    return [clip for clip, _ in ordered], [finding for _, findings in ordered for finding in findings]


def _key(corpus: Corpus, entry: Entry, stamped: Stamp) -> str:
    """Return a text that changes with everything that a clip's row is made from."""
    tolerated = f" tolerating {entry.tolerate} at its ends" if entry.tolerate else ""
    code = code_of(corpus)
    versions = f"{SCHEMA_VERSION}.{READER_VERSION}{tolerated}{f' by {code}' if code else ''}"
    return "\n".join((corpus.name, versions, entry.split, entry.source_video, stamped.key, stamped.touched))


def _recall(
    root: Path, cache: ReadCache, keys: Mapping[str, str]
) -> dict[str, tuple[Clip, tuple[Finding, ...]]]:
    """Return what is known of the clips that have not changed since they were read.

    Files of the same sizes and times that the system has noted a change of, as one put in another's place,
    are hashed and not decoded again. What was read before clips had `states` has those that its files have.
    """
    rows = cache.recall(keys)
    touched = {clip: _untouched(key) for clip, key in keys.items() if clip not in rows}
    doubtful = cache.recall(touched, _untouched) if touched else {}
    with ThreadPoolExecutor(_STAMPING_THREADS) as threads:
        same = threads.map(functools.partial(has_content, root), [clip for clip, _ in doubtful.values()])
        for name, is_same in zip(doubtful, same, strict=True):
            # A quarantined clip's contents are not known: its files may have been mended.
            if is_same and doubtful[name][0].content:
                cache.confirm(name, keys[name])
                rows[name] = doubtful[name]
        bare = [clip for clip, _ in rows.values() if clip.content and not clip.states]
        for clip in threads.map(functools.partial(with_states, root), bare):
            rows[clip.clip] = clip, rows[clip.clip][1]
    return rows


def _untouched(key: str) -> str:
    return key.rpartition("\n")[0]


def _in_doubt(findings: Sequence[Finding]) -> bool:
    """Whether a clip's files may be sound, and could not be read for want of rights, memory or a disk."""
    return any(f.level == "error" and f.kind.startswith("unreadable") for f in findings)


def _read_packed(corpus: Corpus, root: Path, item: tuple[Entry, Stamp]) -> Packed:
    entry, stamped = item
    return pack(read_entry(corpus, root, entry, stamped))


def _died(corpus: Corpus, done: Done[tuple[Entry, Stamp], Packed]) -> Packed:
    """Quarantine a clip whose reader did not come back."""
    entry, stamped = done.item
    expected = "a clip that can be read"
    remedy = "If it was SIGKILL, memory was short: give fewer --workers. Otherwise replace the file."
    clip = describe(
        corpus.name,
        entry,
        status="quarantined",
        reason=f"expected {expected}, found {done.failure}",
        size_bytes=stamped.size_bytes,
        mtime_ns=stamped.mtime_ns,
    )
    finding = Finding("error", "unreadable-crash", entry.clip, entry.path, expected, done.failure, remedy)
    return pack(Reading(clip, np.empty((0, 3), np.int32), (finding,)))


def _leave_others_alone(corpus: Corpus, folder: Path) -> None:
    """Refuse a folder with the manifest of another corpus: a slip of the hand would cost it."""
    try:
        found = open_manifest(folder).corpus
    except ManifestError:
        return
    if found != corpus.name:
        expected = f"a manifest of {corpus.name}, or none"
        raise ProblemError(Problem(str(folder), expected, f"that of {found}", "Give another --out."))


def _require_writable(folder: Path) -> None:
    """Refuse a folder that nothing can be written to, before anything is read; makes none."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        found = f"{there}, which is {'read-only' if there.is_dir() else 'a file'}"
        problem = Problem(str(folder), "a folder to write the manifest to", found, "Give another --out.")
        raise ProblemError(problem)


def _nothing_usable(corpus: Corpus, root: Path, clips: Sequence[Clip]) -> Problem:
    first = "; ".join(f"{clip.clip}: {clip.reason}" for clip in clips[:3])
    found = f"{len(clips)} clips, all quarantined, the first because of {first}"
    remedy = f"Mend the corpus's files{f', or {file_of(corpus)}' if code_of(corpus) else ''}."
    return Problem(f"{corpus.name} at {root}", "usable clips", found, remedy)


def _of_all(root: Path, findings: Sequence[Finding]) -> Iterator[Problem]:
    """Yield what was noticed beside the clips, if only as a note: it may tell why none is usable."""
    for finding in findings:
        if not finding.clip:
            yield Problem(str(root / finding.path), finding.expected, finding.found, finding.remedy)


def _redrawn(clips: Sequence[Clip], seed: int) -> Finding:
    """Note in the manifest which split it holds."""
    count = Counter(clip.split for clip in clips)
    found = (
        f"{count['val']:,} clips for validation beside {count['train']:,} for training, drawn by source video"
        f" with seed {seed}"
    )
    return Finding("note", "split-redrawn", "", "", "the split of the paper", found, "")


def _clear_temporaries(folder: Path) -> None:
    """Remove what writers have left that were killed while writing a manifest here."""
    for path in folder.iterdir():
        match = _TEMPORARY.fullmatch(path.name)
        if match and not _is_alive(int(match[1])):
            path.unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
