"""The two Parquet files of a manifest, seen from below: what they say of themselves, and runs of rows."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from manifests.problem import ExchangedError, Problem, ProblemError
from manifests.schema import ADDED, FIXATION_SCHEMA, SCHEMA_VERSION, in_memory

_METADATA, _CHECKSUM = b"manifest", b"crc32"
_INDEX = "Index the corpus: python -m datasets index CORPUS --root DIR."
_INDEX_AGAIN = "Index the corpus again."
_PIECE = 1 << 12  # rows; all columns of so many take about 2 MB


class ManifestError(ProblemError):
    """A manifest that cannot be written or read as it is."""


def pack(meta: dict) -> dict[bytes, bytes]:
    """Return what a manifest's file says of itself, as Parquet stores it; adds the schema version."""
    return seal(_METADATA, {"schema_version": SCHEMA_VERSION, **meta})


def seal(key: bytes, meta: dict) -> dict[bytes, bytes]:
    """Return metadata as Parquet stores it, with a checksum: of its own it has them for pages alone."""
    text = json.dumps(meta).encode()
    return {key: text, _CHECKSUM: _crc(text)}


def unseal(key: bytes, stored: Mapping[bytes, bytes]) -> dict:
    """Return sealed metadata; files of before there was a checksum are taken as they are.

    Raises:
        KeyError: there is none under this key.
        ValueError: it is damaged.
    """
    text = stored[key]
    if stored.get(_CHECKSUM, _crc(text)) != _crc(text):
        raise ValueError(f"{key.decode()} metadata that differ from their checksum")
    return json.loads(text)


def read_metadata(path: Path) -> dict:
    """Return what a manifest's file says of itself, read from the Parquet footer."""
    try:
        stored = pq.read_metadata(path).metadata or {}
    except FileNotFoundError as error:
        raise ManifestError(Problem(str(path), "a manifest's file", "nothing", _INDEX)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ManifestError(Problem(str(path), "a Parquet file", f"{error}", _INDEX)) from error
    if _METADATA not in stored:
        raise ManifestError(Problem(str(path), "a manifest of this project", "another Parquet file", _INDEX))
    with damage_named(path):
        meta = unseal(_METADATA, stored)
        version = meta["schema_version"]
    if version != SCHEMA_VERSION:
        found = f"version {version}"
        raise ManifestError(Problem(str(path), f"schema version {SCHEMA_VERSION}", found, _INDEX))
    return meta


def _crc(text: bytes) -> bytes:
    return f"{zlib.crc32(text):08x}".encode()


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn what reading a damaged file raises into a ManifestError that names it.

    Files are written with a checksum for each page, and read with these verified: a flipped bit is no other
    pixel, but an error.
    """
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        found = " ".join(str(error).split())
        raise ManifestError(Problem(str(path), "an undamaged file", found, _INDEX_AGAIN)) from error


def read_table(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    holding: Mapping[str, str] | None = None,
    digest: str = "",
) -> pa.Table:
    """Read a manifest's file of this schema, or some of it, with its checksums verified.

    Args:
        path: the file.
        schema: what it must have.
        columns: which; None for all.
        holding: column → what rows must hold in it, of columns of text; None for all rows.
        digest: the manifest's, that the file must say it is of; empty: any.

    Raises:
        ExchangedError: the file is of another manifest, such as a corpus indexed again meanwhile.
        ManifestError: it is damaged.
    """
    # Held open, it stays the same file whatever is put in its place. By Arrow: behind a file of Python's its
    # reading threads would wait for the interpreter, and abort a process that ends meanwhile.
    with damage_named(path), pa.OSFile(str(path)) as file:
        columns = schema.names if columns is None else list(columns)
        stored = pq.read_schema(file)
        if digest:
            require_digest(path, unseal(_METADATA, stored.metadata)["digest"], digest)
        there = stored.names
        known = [name for name in columns if name in there or name not in ADDED]
        _check_types(stored, known, schema)
        table = _read_rows_holding(file, in_memory(schema, known), holding or {})
        for field in in_memory(schema, columns):
            if field.name not in known:
                values = pa.repeat(pa.scalar(ADDED[field.name], field.type), len(table))
                table = table.append_column(field, values)
        return table.select(columns)


def _read_rows_holding(file: pa.NativeFile, kept: pa.Schema, holding: Mapping[str, str]) -> pa.Table:
    """Read columns piece by piece: what rows that are not wanted hold is never in memory together."""
    texts = [field.name for field in kept if pa.types.is_dictionary(field.type)]
    reading = {"page_checksum_verification": True, "read_dictionary": texts}
    with _plain_memory(), pq.ParquetFile(file, **reading) as stored:
        columns = [*dict.fromkeys((*kept.names, *holding))]
        groups = [n for n in range(stored.num_row_groups) if _may_hold(stored.metadata.row_group(n), holding)]
        pieces = []
        for read in stored.iter_batches(_PIECE, row_groups=groups, columns=columns, use_threads=False):
            wanted = read
            for name, value in holding.items():
                holds = pc.equal(wanted[name], value)
                wanted = wanted if pc.all(holds).as_py() else wanted.filter(holds)
            pieces.append(wanted.select(kept.names).cast(kept))
        return pa.Table.from_batches(pieces, kept)


@contextmanager
def _plain_memory() -> Iterator[None]:
    """Take memory from the system's own allocator: Arrow's keeps a third more for pieces that are gone."""
    before = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(before)


def _may_hold(group: pq.RowGroupMetaData, holding: Mapping[str, str]) -> bool:
    """Whether a row group can have such rows, by the least and the greatest value that it says it has."""
    columns = (group.column(n) for n in range(group.num_columns))
    said = {column.path_in_schema: column.statistics for column in columns}
    known = ((said[name], value) for name, value in holding.items() if said.get(name))
    return all(not found.has_min_max or found.min <= value <= found.max for found, value in known)


def require_digest(path: Path, found: str, wanted: str) -> None:
    """Require that a file is of the manifest that was opened.

    Raises:
        ExchangedError: the corpus was indexed again meanwhile.
    """
    if found != wanted:
        expected = f"the manifest that was opened, digest {wanted[:12]}"
        remedy = "It was indexed again meanwhile: run the same command again."
        raise ExchangedError(Problem(str(path), expected, f"digest {found[:12]}", remedy))


def _check_types(stored: pa.Schema, names: Sequence[str], schema: pa.Schema) -> None:
    """Raise a ValueError for a column of another type: its sound pages would be taken for other values."""
    for name in names:
        if (found := stored.field(name).type) != (expected := schema.field(name).type):
            raise ValueError(f"{name} as {found} instead of {expected}")


def read_rows(path: Path, start: int, stop: int, digest: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return frame int32 (N,) and yx int16 (N, 2) of the rows start … stop, reading only their row groups.

    Args:
        path: the file.
        start: first row.
        stop: the row after the last.
        digest: as for `read_table`.

    Raises:
        ExchangedError: the file is of another manifest than this digest's.
        ManifestError: it is damaged.
    """
    with damage_named(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        if digest:
            require_digest(path, unseal(_METADATA, file.metadata.metadata)["digest"], digest)
        ends = np.cumsum([file.metadata.row_group(g).num_rows for g in range(file.num_row_groups)])
        if stop > (ends[-1] if len(ends) else 0):
            found = f"{file.metadata.num_rows}"
            raise ManifestError(Problem(str(path), f"at least {stop} rows", found, _INDEX_AGAIN))
        wanted = np.flatnonzero((ends > start) & (np.r_[0, ends[:-1]] < stop)).tolist()
        columns = ["frame", "y", "x"]
        _check_types(file.schema_arrow, columns, FIXATION_SCHEMA)
        table = file.read_row_groups(wanted, columns=columns)
        before = int(ends[wanted[0] - 1]) if wanted and wanted[0] > 0 else 0
    table = table.slice(start - before, stop - start)
    yx = np.stack([table["y"].to_numpy(), table["x"].to_numpy()], axis=1)
    return table["frame"].to_numpy(), yx


def fixation_table(names: pa.Array, first: int, blocks: Sequence[np.ndarray]) -> pa.Table:
    """Return the rows of the clips ``first …`` as one arrow table."""
    rows = np.concatenate(blocks) if blocks else np.empty((0, 3), np.int32)
    indices = np.repeat(np.arange(first, first + len(blocks), dtype=np.int32), [len(b) for b in blocks])
    clip = pa.DictionaryArray.from_arrays(pa.array(indices), names)
    frame, y, x = rows[:, 0], rows[:, 1].astype(np.int16), rows[:, 2].astype(np.int16)
    return pa.table([clip, frame, y, x], schema=FIXATION_SCHEMA)
