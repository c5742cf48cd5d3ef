"""MATLAB files of both generations: version 5, and 7.3, which is HDF5."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import scipy.io

from datasets.corpus import ClipError


def load(path: Path, key: str) -> object:
    """Return one variable of a .mat file as Python sees it.

    Numeric arrays keep MATLAB's shape where they have one of two or more dimensions above 1, structs become
    dictionaries, cell arrays lists, and text str; both generations give the same.

    Raises:
        ClipError: the file has no such variable, or is no MATLAB file.
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no file {path.name}")
    if h5py.is_hdf5(path):
        with h5py.File(path) as file:
            names = [n for n in file if not n.startswith("#")]
            if key in names:
                return _from_hdf5(file, file[key])
    else:
        try:
            variables = scipy.io.loadmat(path, simplify_cells=True)
        except (ValueError, NotImplementedError) as error:
            raise ClipError(f"{path.name} is no MATLAB file: {error}") from error
        if key in variables:
            return _plain(variables[key])
        names = [n for n in variables if not n.startswith("__")]
    raise ClipError(f"{path.name} has no {key}, only {', '.join(names) or 'nothing'}")


def _plain(value: object) -> object:
    """Turn what scipy gives for a cell array into a list."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [_plain(item) for item in value.ravel().tolist()]
    return value


def _from_hdf5(file: h5py.File, node: h5py.Group | h5py.Dataset) -> object:
    """Read one MATLAB 7.3 value: HDF5 holds its arrays transposed and its cells as references."""
    if isinstance(node, h5py.Group):
        return {name: _from_hdf5(file, item) for name, item in node.items()}
    kind = node.attrs.get("MATLAB_class", b"double")
    if node.attrs.get("MATLAB_empty", 0):
        return "" if kind == b"char" else np.empty((0, 0))
    value = node[()]
    if h5py.check_ref_dtype(node.dtype) is not None:
        return [_from_hdf5(file, file[reference]) for reference in value.T.ravel()]
    if kind == b"char":
        return "".join(map(chr, value.ravel()))
    value = np.squeeze(value.T)
    return value.item() if value.ndim == 0 else value
