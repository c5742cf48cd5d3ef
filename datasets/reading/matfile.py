"""MATLAB files of both generations: version 5, and 7.3, which is HDF5."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import scipy.io
import scipy.sparse

from datasets.corpus import ClipError
from datasets.damaged import said

# Version 5: bytes of its header; kinds of elements, one of which holds others, and one has a checksum.
_HEADER, _KINDS, _MATRIX, _COMPRESSED = 128, {*range(1, 8), 9, *range(12, 19)}, 14, 15


def load(root: Path, path: str, key: str) -> object:
    """Return one variable of a .mat file as Python sees it.

    Numeric arrays keep MATLAB's shape where they have one of two or more dimensions above 1, structs become
    dictionaries, arrays of them and cell arrays lists, text str, logical values uint8, and sparse matrices
    full; both generations give the same.

    Args:
        root: the corpus root.
        path: of the file, relative to it.
        key: name of the variable.

    Raises:
        ClipError: there is no such file, it is no MATLAB file, or it has no such variable.
    """
    file = Path(root) / path
    if not file.is_file():
        raise ClipError("missing-file", f"the file {path}", "none", path=path)
    try:
        value, names = _from_73(file, key) if h5py.is_hdf5(file) else _from_5(file, key)
    except Exception as error:
        raise ClipError("unreadable-mat", "a MATLAB file", said(error, root), path=path) from error
    if key not in names:
        found = f"only {', '.join(names) or 'nothing'}"
        raise ClipError("missing-key", f"{key} in {path}", found, path=path)
    return value


def _from_5(path: Path, key: str) -> tuple[object, list[str]]:
    """Return a variable, or None, and the names of all."""
    content = path.read_bytes()
    if order := {b"IM": "<", b"MI": ">"}.get(content[_HEADER - 2 : _HEADER]):
        _check_elements(content, _HEADER, len(content), f"{order}II")
    variables = scipy.io.loadmat(path, simplify_cells=True)
    return _plain(variables.get(key)), [n for n in variables if not n.startswith("__")]


def _check_elements(content: bytes, start: int, stop: int, tag: str) -> None:
    """Raise a ValueError for an element of an unknown kind, of which scipy dies together with its process."""
    while start + 8 <= stop:
        kind, size = struct.unpack_from(tag, content, start)
        short = kind >> 16  # the bytes of one that has its content in its tag
        kind, size = (kind & 0xFFFF, 0) if short else (kind, size)
        if kind not in _KINDS:
            raise ValueError(f"an element of the unknown kind {kind}")
        start += 8
        if kind == _MATRIX:
            _check_elements(content, start, min(start + size, stop), tag)
        start += size if kind == _COMPRESSED else -(-size // 8) * 8


def _from_73(path: Path, key: str) -> tuple[object, list[str]]:
    with h5py.File(path) as file:
        names = [n for n in file if not n.startswith("#")]
        return _plain(_from_hdf5(file, file[key])) if key in names else None, names


def _plain(value: Any) -> object:
    """Bring what scipy gives, and what is read from HDF5, into the one form that `load` promises."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if scipy.sparse.issparse(value):
        value = value.toarray()
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype == object:
        return [_plain(item) for item in value.ravel().tolist()]
    if value.dtype.kind == "U" and value.size == 0:
        return ""
    value = np.squeeze(value)
    value = value.astype(np.uint8) if value.dtype == bool else value
    return value.item() if value.ndim == 0 else value


def _from_hdf5(file: h5py.File, node: h5py.Group | h5py.Dataset) -> object:
    """Read one MATLAB 7.3 value: HDF5 holds its arrays transposed and its cells as references."""
    kind = node.attrs.get("MATLAB_class", b"double")
    if isinstance(node, h5py.Group):
        if "MATLAB_sparse" in node.attrs:
            return _sparse(node, int(node.attrs["MATLAB_sparse"]))
        return _structs({name: _from_hdf5(file, item) for name, item in node.items()}, list(node.values()))
    if node.attrs.get("MATLAB_empty", 0):
        # The value is the shape of what is not there.
        empty = np.empty([int(side) for side in node[()]]).squeeze()
        return {b"char": "", b"cell": []}.get(kind, empty)
    value = node[()]
    if h5py.check_ref_dtype(node.dtype) is not None:
        return [_from_hdf5(file, file[reference]) for reference in value.T.ravel()]
    if kind == b"char":
        rows = ["".join(map(chr, row)) for row in np.atleast_2d(value.T)]
        return rows[0] if len(rows) == 1 else np.array(rows)
    if value.dtype.names == ("real", "imag"):
        value = value["real"] + 1j * value["imag"]
    return value.T


def _sparse(node: h5py.Group, n_rows: int) -> np.ndarray:
    """Return a sparse matrix in full, from values, their rows and the ends of the columns."""
    ends = node["jc"][()].astype(np.int64)
    rows = node["ir"][()].astype(np.int64) if "ir" in node else np.empty(0, np.int64)
    values: Any = node["data"][()] if "data" in node else np.empty(0)
    if values.dtype.names == ("real", "imag"):
        values = values["real"] + 1j * values["imag"]
    full = np.zeros((n_rows, len(ends) - 1), values.dtype)
    full[rows, np.repeat(np.arange(len(ends) - 1), np.diff(ends))] = values
    return full


def _structs(fields: dict[str, object], nodes: list[h5py.Group | h5py.Dataset]) -> object:
    """Return a struct, or a list of structs where each field is a dataset of references without a class."""
    if not nodes or any(
        isinstance(n, h5py.Group) or "MATLAB_class" in n.attrs or h5py.check_ref_dtype(n.dtype) is None
        for n in nodes
    ):
        return fields
    columns = [value for value in fields.values() if isinstance(value, list)]
    return [dict(zip(fields, row, strict=True)) for row in zip(*columns, strict=True)]
