"""The state of a clip's files, by which a later index knows whether to read them again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from datasets.corpus import Entry
from datasets.listing.file_names import is_a_folder, is_usable_name


@dataclass(frozen=True, slots=True)
class Stamp:
    """State of all the files of a clip."""

    size_bytes: int
    """Their sizes together."""
    mtime_ns: int
    """The latest modification of any."""
    key: str
    """Changes whenever a file is added, removed, resized or modified, or the clip's place changes."""
    touched: str = ""
    """Changes whenever the system notes that a file is another, or has been written or given other rights:
    with the same size and time, its content may still be another."""


def stamp(root: Path, entry: Entry) -> Stamp:
    """Return the state of every file of a clip, from the folders' listings alone; nothing is opened.

    Files that are missing are part of the key and no error.
    """
    place = (entry.media, entry.path, entry.maps, entry.fixations, entry.fault)
    digest, size, latest = hashlib.sha256(repr(place).encode()), 0, 0
    touched = hashlib.sha256()
    for kind in (entry.path, entry.maps, entry.fixations):
        files = _states(root, kind)
        if kind == entry.fixations and kind and not any(name.lower().endswith(".png") for name, *_ in files):
            # Only without fixation images are the .mat files read that some corpora keep one folder below.
            below = _states(root, f"{kind}/maps")
            files += [(f"maps/{name}", size, mtime, ctime) for name, size, mtime, ctime in below]
        for name, size_bytes, mtime_ns, ctime_ns in sorted(files):
            digest.update(f"\n{kind}/{name} {size_bytes} {mtime_ns}".encode())
            touched.update(f"{ctime_ns} ".encode())
            size, latest = size + max(size_bytes, 0), max(latest, mtime_ns)
    return Stamp(size, latest, digest.hexdigest(), touched.hexdigest())


def _states(root: Path, place: str) -> list[tuple[str, int, int, int]]:
    """Return (name, size, times of modification and any change) of a file or of a folder's; -1 if broken."""
    if not place:
        return []
    path = os.path.join(root, place)  # noqa: PTH118 - a Path for each folder is a tenth of the time
    found: list[tuple[str, int, int, int]] = []
    try:
        with os.scandir(path) as items:
            for item in items:
                if is_usable_name(item.name) and not is_a_folder(item):
                    found.append((item.name, *_state(item)))
    except NotADirectoryError:
        return [("", *_state(Path(path)))]
    except (OSError, ValueError):
        return []
    return found


def _state(item: os.DirEntry | Path) -> tuple[int, int, int]:
    try:
        state = item.stat()
    except OSError:
        return -1, 0, 0
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns
