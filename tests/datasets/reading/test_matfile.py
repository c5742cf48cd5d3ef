"""MATLAB files of both generations: the same values whatever wrote them, or an error that says why not."""

import struct

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from datasets.corpus import ClipError
from datasets.reading import matfile
from tests.datasets.one_clip import FIXATIONS, cut, empty, read, video_clip
from tests.datasets.small_corpora import expected_rows, fixated, four_digits, write_fixations


def write_73(path, **variables):
    """Write arrays, texts, structs and cells as MATLAB 7.3 does."""

    def put(group, name, value):
        if isinstance(value, dict):
            made = group.create_group(name)
            made.attrs["MATLAB_class"] = np.bytes_("struct")
            for key, item in value.items():
                put(made, key, item)
            return made
        if isinstance(value, list):
            cells = [put(file["#refs#"], f"{name}{i}", item).ref for i, item in enumerate(value)]
            made = group.create_dataset(name, data=np.array([cells], h5py.ref_dtype))
            made.attrs["MATLAB_class"] = np.bytes_("cell")
            return made
        if isinstance(value, str):
            codes = np.array([[ord(letter)] for letter in value], np.uint16)
            made = group.create_dataset(name, data=codes if value else np.zeros(2, np.uint64))
            made.attrs["MATLAB_class"] = np.bytes_("char")
            if not value:
                made.attrs["MATLAB_empty"] = 1
            return made
        made = group.create_dataset(name, data=np.atleast_2d(value).T)
        made.attrs["MATLAB_class"] = np.bytes_("double")
        return made

    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_group("#refs#")
        for name, value in variables.items():
            put(file, name, value)


VALUES = {
    "matrix": np.arange(6.0).reshape(2, 3),
    "row": np.arange(4.0),
    "number": 2.5,
    "text": "ünder",
    "nothing": "",
    "struct": {"a": np.arange(6.0).reshape(3, 2), "b": "x"},
    "cells": ["one", "two", "three"],
}


@pytest.mark.parametrize("key", VALUES)
def test_both_generations_give_what_was_written(tmp_path, key):
    cells = np.empty((3, 1), object)
    cells[:, 0] = VALUES["cells"]
    savemat(tmp_path / "5.mat", VALUES | {"cells": cells})
    write_73(tmp_path / "7.mat", **VALUES)
    for name in ("5.mat", "7.mat"):
        np.testing.assert_equal(matfile.load(tmp_path, name, key), VALUES[key])


@pytest.mark.parametrize("generation", [5, 7])
def test_a_missing_variable_is_told_with_those_there_are(tmp_path, generation):
    if generation == 5:
        savemat(tmp_path / "x.mat", {"a": 1.0, "b": 2.0})
    else:
        write_73(tmp_path / "x.mat", a=1.0, b=2.0)
    with pytest.raises(ClipError, match=r"expected Data in x\.mat, found only a, b") as error:
        matfile.load(tmp_path, "x.mat", "Data")
    assert (error.value.kind, error.value.path) == ("missing-key", "x.mat")


@pytest.mark.parametrize("order", "<>")
def test_an_element_of_an_unknown_kind_is_an_error_and_does_not_kill(tmp_path, order):
    savemat(tmp_path / "x.mat", {"Data": np.arange(3.0)})
    content = bytearray((tmp_path / "x.mat").read_bytes())
    content[126:128] = b"IM" if order == "<" else b"MI"
    struct.pack_into(f"{order}II", content, 128, 99, 8)
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ClipError, match="ValueError: an element of the unknown kind 99"):
        matfile.load(tmp_path, "x.mat", "Data")


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        ({"J": fixated(2)}, "missing-key", "expected I in annotation/0001/fixation/0003.mat, found only J"),
        ({"I": fixated(2)[:-1]}, "size-mismatch", "expected 48x64 values, found 47x64"),
        ({"I": 3.0}, "size-mismatch", "found a number"),
        (None, "unreadable-mat", "expected a MATLAB file"),
    ],
)
def test_damaged_mat_files(tmp_path, content, kind, found):
    video_clip(tmp_path)
    empty(tmp_path / FIXATIONS)
    write_fixations(tmp_path / FIXATIONS, four_digits(6), "mat")
    path = tmp_path / FIXATIONS / "0003.mat"
    cut(path) if content is None else savemat(path, content)
    reading = read(tmp_path)
    assert (reading.findings[0].kind, reading.findings[0].path) == (kind, f"{FIXATIONS}/0003.mat")
    assert found in reading.clip.reason


def test_a_sparse_mat_file(tmp_path):
    video_clip(tmp_path)
    empty(tmp_path / FIXATIONS)
    for i, name in enumerate(four_digits(6)):
        savemat(tmp_path / FIXATIONS / f"{name}.mat", {"I": csc_matrix(fixated(i).astype(float))})
    assert sorted(map(tuple, read(tmp_path).rows.tolist())) == expected_rows(6)


def test_a_file_that_is_no_matlab_file(tmp_path):
    (tmp_path / "x.mat").write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(ClipError, match="expected a MATLAB file, found ") as error:
        matfile.load(tmp_path, "x.mat", "Data")
    assert (error.value.kind, error.value.path) == ("unreadable-mat", "x.mat")
    with pytest.raises(ClipError, match=r"the file y\.mat"):
        matfile.load(tmp_path, "y.mat", "Data")
