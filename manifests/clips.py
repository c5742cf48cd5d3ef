"""The clips of a manifest as columns: a clip is made into an object when it is asked for, and not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from manifests.schema import Clip

FIELDS = tuple(f.name for f in fields(Clip))
Source = Callable[[Sequence[str]], pa.Table]
"""Names of columns → these, of all the clips there are, in their order."""

# What a window is drawn by and a plan counts: read first, in one go, and kept.
_FIRST = ("media", "n_frames")
_AT_A_TIME = 4096  # clips, made together where all are gone through
_KEPT = 1 << 14  # clips, of those made one by one: about 30 MB


class Clips(Sequence[Clip]):
    """Clips in manifest order, of which a million take the memory of their columns.

    Args:
        source: asked for columns when they are needed: `_FIRST` now, all of them with the first clip.
        chosen: int64 (N,), rows of the source; None for all.

    Raises:
        ManifestError: the file is damaged or of another manifest; here, or when more of it is read.
    """

    def __init__(self, source: Source, chosen: np.ndarray | None = None) -> None:
        self._rows, self._chosen = _Rows(source), chosen

    def __len__(self) -> int:
        return self._rows.n_rows if self._chosen is None else len(self._chosen)

    @overload
    def __getitem__(self, place: int) -> Clip: ...
    @overload
    def __getitem__(self, place: slice) -> Clips: ...
    def __getitem__(self, place: int | slice) -> Clip | Clips:
        """Return a clip, or some of them as columns still."""
        places = range(len(self))[place]
        if isinstance(places, range):
            return self.take(np.arange(places.start, places.stop, places.step))
        return self._rows.clip(places if self._chosen is None else int(self._chosen[places]))

    def __iter__(self) -> Iterator[Clip]:
        for start in range(0, len(self), _AT_A_TIME):
            stop = min(start + _AT_A_TIME, len(self))
            rows = np.arange(start, stop) if self._chosen is None else self._chosen[start:stop]
            yield from self._rows.clips(rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]  # equal to a list, which has none either

    def __add__(self, others: Clips) -> Clips:
        """Return these clips and then the others."""
        return Clips(partial(_one_after_the_other, (self, others)))

    def take(self, places: np.ndarray) -> Clips:
        """Return the clips at some places, int (n,), in their order."""
        found = object.__new__(Clips)
        found._rows, found._chosen = self._rows, places if self._chosen is None else self._chosen[places]
        return found

    def table(self, names: Sequence[str]) -> pa.Table:
        """Return columns of these clips."""
        found = self._rows.source(names)
        return found if self._chosen is None else found.take(self._chosen)

    @property
    def lengths(self) -> np.ndarray:
        """Frames of each clip: int64 (N,)."""
        return self._of(self._rows.lengths)

    @property
    def stills(self) -> np.ndarray:
        """Which clips are photographs: bool (N,)."""
        return self._of(self._rows.stills)

    def _of(self, column: np.ndarray) -> np.ndarray:
        return column if self._chosen is None else column[self._chosen]


def lengths(clips: Sequence[Clip]) -> np.ndarray:
    """Return the frames of each clip: int64 (N,)."""
    return clips.lengths if isinstance(clips, Clips) else np.array([c.n_frames for c in clips], np.int64)


def stills(clips: Sequence[Clip]) -> np.ndarray:
    """Return which clips are photographs: bool (N,)."""
    return clips.stills if isinstance(clips, Clips) else np.array([c.media == "image" for c in clips], bool)


def equal(clips: Sequence[Clip], name: str, value: str) -> np.ndarray:
    """Return which clips have a value in a column of text: bool (N,)."""
    if isinstance(clips, Clips):
        return equals(clips.table([name])[name], value)
    return np.array([getattr(clip, name) == value for clip in clips], bool)


def filling(clips: Sequence[Clip], n_frames: int) -> np.ndarray:
    """Return which clips have so many frames (`Clip.fills`): bool (N,)."""
    return stills(clips) | (lengths(clips) >= n_frames)


def long_enough(clips: Sequence[Clip], n_frames: int) -> Sequence[Clip]:
    """Return the clips that have so many frames (`Clip.fills`), in their order."""
    kept = filling(clips, n_frames)
    return clips if kept.all() else take(clips, np.flatnonzero(kept))


def take(clips: Sequence[Clip], places: np.ndarray) -> Sequence[Clip]:
    """Return the clips at some places, int (n,), in their order; as columns where they are columns."""
    return clips.take(places) if isinstance(clips, Clips) else [clips[place] for place in places]


def equals(column: pa.ChunkedArray, value: str) -> np.ndarray:
    """Return where a column holds a value: bool (N,)."""
    return pc.equal(column, value).to_numpy()


class _Rows:
    """All rows of a source, which several `Clips` share."""

    def __init__(self, source: Source) -> None:
        first = source(_FIRST)
        self.source, self.n_rows = source, len(first)
        self.lengths = first["n_frames"].to_numpy()
        self.stills = equals(first["media"], "image")
        self._details: _Details | None = None
        self._made: dict[int, Clip] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what other processes read for themselves."""
        return {**vars(self), "_details": None, "_made": {}}

    def clip(self, row: int) -> Clip:
        """Return one clip; many are kept, as loaders ask for the same ones again."""
        if row not in self._made:
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[row] = self._read().clip(row)
        return self._made[row]

    def clips(self, rows: np.ndarray) -> list[Clip]:
        """Return some clips, int (n,) rows in any order."""
        return self._read().clips(rows)

    def _read(self) -> _Details:
        if self._details is None:
            self._details = _Details(self.source(FIELDS))
        return self._details


class _Details:
    """All columns."""

    def __init__(self, table: pa.Table) -> None:
        self._table, self._pieces = table, table.to_batches()
        self._ends = np.cumsum([len(piece) for piece in self._pieces])

    def clip(self, row: int) -> Clip:
        """Return the clip of a row."""
        place = int(np.searchsorted(self._ends, row, side="right"))
        piece = self._pieces[place]
        return _made(piece.slice(row - int(self._ends[place]) + len(piece), 1))[0]

    def clips(self, rows: np.ndarray) -> list[Clip]:
        """Return the clips of some rows, int (n,)."""
        in_a_row = len(rows) > 0 and bool((np.diff(rows) == 1).all())
        return _made(self._table.slice(rows[0], len(rows)) if in_a_row else self._table.take(rows))


def _made(rows: pa.Table | pa.RecordBatch) -> list[Clip]:
    columns = {name: rows.column(name).to_pylist() for name in FIELDS}
    for name in ("keyframes", "keyframe_frames"):
        columns[name] = list(map(tuple, columns[name]))
    return [Clip(*row) for row in zip(*columns.values(), strict=True)]


def _one_after_the_other(parts: Sequence[Clips], names: Sequence[str]) -> pa.Table:
    return pa.concat_tables([part.table(names) for part in parts])
