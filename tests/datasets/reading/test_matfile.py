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


def put(group, name, data, kind="double", **attributes):
    made = group.create_dataset(name, data=data)
    made.attrs["MATLAB_class"] = np.bytes_(kind)
    for key, value in attributes.items():
        made.attrs[key] = value
    return made


def put_sparse(file, name, matrix, kind="double"):
    group = file.create_group(name)
    group.attrs["MATLAB_class"], group.attrs["MATLAB_sparse"] = np.bytes_(kind), np.uint64(matrix.shape[0])
    group.create_dataset("jc", data=matrix.indptr.astype(np.uint64))
    if matrix.nnz:  # MATLAB leaves both out of an empty one
        group.create_dataset("data", data=matrix.data)
        group.create_dataset("ir", data=matrix.indices.astype(np.uint64))


FIXATED = np.zeros((48, 64))
FIXATED[10, 20], FIXATED[30, 40], FIXATED[30, 2] = 1, 2, 3


@pytest.mark.parametrize(
    "matrix",
    [FIXATED, FIXATED > 0, np.zeros((3, 4)), np.array([[0.0, 2, 0]]), np.array([[1 + 2j, 0], [0, 0]])],
    ids=["double", "logical", "empty", "row", "complex"],
)
def test_a_sparse_matrix_is_the_same_from_both_generations(tmp_path, matrix):
    sparse = csc_matrix(matrix)
    savemat(tmp_path / "5.mat", {"I": sparse})
    with h5py.File(tmp_path / "7.mat", "w", userblock_size=512) as file:
        put_sparse(file, "I", csc_matrix(matrix.astype(np.uint8)) if matrix.dtype == bool else sparse)
    found = [matfile.load(tmp_path, name, "I") for name in ("5.mat", "7.mat")]
    for value in found:
        np.testing.assert_array_equal(value, np.squeeze(matrix))
    assert np.asarray(found[0]).dtype == np.asarray(found[1]).dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint16, np.float32])
def test_numbers_keep_their_kind_and_shape(tmp_path, dtype):
    matrix = np.arange(6).reshape(2, 3).astype(dtype)
    savemat(tmp_path / "5.mat", {"I": matrix})
    with h5py.File(tmp_path / "7.mat", "w", userblock_size=512) as file:
        put(file, "I", matrix.T, np.dtype(dtype).name)
    for name in ("5.mat", "7.mat"):
        found = matfile.load(tmp_path, name, "I")
        assert (found.dtype, found.tolist()) == (dtype, matrix.tolist())


def test_logical_empty_and_lines_of_text_and_structs_in_an_array(tmp_path):
    structs = np.zeros(2, [("a", object), ("b", object)])
    structs[0], structs[1] = (1.0, "x"), (2.0, "y")
    cells = np.empty((0, 0), object)
    values = {"yes": np.array([[True, False], [True, True]]), "none": np.zeros((0, 5)), "cells": cells}
    savemat(tmp_path / "5.mat", values | {"lines": np.array(["ab ", "cde"]), "structs": structs, "text": ""})
    with h5py.File(tmp_path / "7.mat", "w", userblock_size=512) as file:
        put(file, "yes", values["yes"].T.astype(np.uint8), "logical", MATLAB_int_decode=1)
        put(file, "none", np.array([0, 5], np.uint64), MATLAB_empty=1)
        put(file, "cells", np.array([0, 0], np.uint64), "cell", MATLAB_empty=1)
        put(file, "text", np.array([0, 0], np.uint64), "char", MATLAB_empty=1)
        lines = np.array([[ord(letter) for letter in line] for line in ("ab ", "cde")], np.uint16)
        put(file, "lines", lines.T, "char")
        group = file.create_group("structs")
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        refs = file.create_group("#refs#")
        for field, items in (("a", (1.0, 2.0)), ("b", ("x", "y"))):
            nodes = [
                put(refs, f"{field}{i}", [[ord(item)]], "char")
                if isinstance(item, str)
                else put(refs, f"{field}{i}", [[item]])
                for i, item in enumerate(items)
            ]
            group.create_dataset(field, data=np.array([[node.ref for node in nodes]], h5py.ref_dtype))
    for name in ("5.mat", "7.mat"):
        yes, none = (matfile.load(tmp_path, name, key) for key in ("yes", "none"))
        assert (yes.dtype, yes.tolist(), none.size) == (np.uint8, [[1, 0], [1, 1]], 0)
        assert list(matfile.load(tmp_path, name, "lines")) == ["ab ", "cde"]
        assert (matfile.load(tmp_path, name, "cells"), matfile.load(tmp_path, name, "text")) == ([], "")
        assert matfile.load(tmp_path, name, "structs") == [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}]
