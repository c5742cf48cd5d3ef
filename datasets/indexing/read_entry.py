"""One clip of a corpus read, which may be damaged: it is checked, hashed and stamped, or quarantined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.corpus import ClipError, Corpus, Entry, Reading
from datasets.damaged import as_finding, content_of, quarantine, said, states_of
from datasets.indexing.file_stamps import Stamp, stamp
from datasets.indexing.listed import file_of
from manifests.plugins import line_of


def read_entry(corpus: Corpus, root: Path, entry: Entry, stamped: Stamp | None = None) -> Reading:
    """Read one clip of a corpus; a damaged one comes back quarantined, with an error among the findings.

    Args:
        corpus: the corpus.
        root: where it lies.
        entry: the clip as listed.
        stamped: its `stamp`, when it was taken just before.
    """
    stamped = stamped or stamp(root, entry)
    try:
        reading = quarantine(corpus, entry, entry.fault) if entry.fault else _read(corpus, root, entry)
    except ClipError as error:
        reading = quarantine(corpus, entry, as_finding(error, entry))
    except Exception as error:  # noqa: BLE001 - damaged files raise whatever their reader's author chose
        # The reason is part of the digest, and says no places.
        damage = ClipError(
            "unreadable", "files that can be read", said(error, root), remedy=_line(corpus, error)
        )
        reading = quarantine(corpus, entry, as_finding(damage, entry))
    clip = replace(reading.clip, size_bytes=stamped.size_bytes, mtime_ns=stamped.mtime_ns)
    return replace(reading, clip=clip)


def _read(corpus: Corpus, root: Path, entry: Entry) -> Reading:
    """Read a clip, check where it was looked at, count in how many frames, and hash its files."""
    reading: object = corpus.read(root, entry)
    rows: object = getattr(reading, "rows", None)
    if not isinstance(reading, Reading) or not isinstance(rows, np.ndarray) or rows.shape[1:] != (3,):
        kind = type(rows if isinstance(reading, Reading) else reading).__name__
        found = f"rows {rows.shape}" if isinstance(rows, np.ndarray) else kind
        remedy = f"Mend the adapter, {file_of(corpus)}."
        raise ClipError("no-reading", "a Reading with rows, an array (N, 3)", found, remedy=remedy)
    if reading.clip.status != "ok":
        return reading
    _check_rows(reading)
    # Numbers that are not whole stand for the frame and the pixel that they lie in.
    fixated, states = len(np.unique(rows[:, 0].astype(int))), states_of(root, reading.clip)
    content = content_of(root, reading.clip)
    clip = replace(reading.clip, n_fixated_frames=fixated, content=content, states=states)
    return replace(reading, clip=clip)


def _line(corpus: Corpus, error: Exception) -> str:
    """Say in which line of an adapter that is somebody's own an error arose, if in any."""
    file = file_of(corpus)
    line = None if type(corpus).__module__.startswith("datasets.") else line_of(error, Path(file))
    return f"Mend the file, or line {line} of {file}." if line else ""


def _check_rows(reading: Reading) -> None:
    """Raise a ClipError unless all fixated pixels lie within the clip: they must not spoil the manifest."""
    clip, rows = reading.clip, reading.rows
    # What is no number is not inside either.
    outside = ~np.all((rows >= 0) & (rows < (clip.n_frames, clip.height, clip.width)), axis=1)
    if outside.any():
        frame, y, x = rows[outside][0].tolist()
        expected = f"fixations within {clip.n_frames} frames of {clip.width}x{clip.height}"
        found = f"{outside.sum()} outside, the first in frame {frame} at y={y}, x={x}"
        raise ClipError("outside-frame", expected, found)
