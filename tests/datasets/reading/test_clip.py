"""What is read of a clip's files: pixels, names, formats, and what is noted and stops nothing."""

import pickle

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError, Entry
from datasets.indexing.read_entry import read_entry
from datasets.reading import matfile
from manifests import Finding
from tests.datasets.one_clip import DHF1K, FIXATIONS, FRAMES, MAPS, cut, empty, frame_clip, read, video_clip
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    expected_rows,
    fixated,
    four_digits,
    scanned,
    write_annotations,
    write_dhf1k,
    write_fixations,
    write_frames,
    write_png,
)


@pytest.mark.parametrize("place", [FIXATIONS, f"{FIXATIONS}/maps"])
def test_fixations_from_mat_files_when_there_are_no_images(tmp_path, place):
    video_clip(tmp_path)
    from_images = read(tmp_path)
    empty(tmp_path / FIXATIONS)
    write_fixations(tmp_path / place, four_digits(6), "mat")
    reading = read(tmp_path)
    assert sorted(map(tuple, reading.rows.tolist())) == expected_rows(6)
    assert np.array_equal(reading.rows, from_images.rows)
    assert (reading.clip.fixation_path(5), reading.clip.n_fixated_frames) == (f"{place}/0006.mat", 5)
    assert reading.findings == ()


def test_images_go_before_mat_files(tmp_path):
    video_clip(tmp_path)
    (tmp_path / FIXATIONS / "maps").mkdir()
    (tmp_path / FIXATIONS / "maps" / "0001.mat").write_bytes(b"never opened")
    assert read(tmp_path).clip.fixation_pattern == f"{FIXATIONS}/{{:04d}}.png"


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


def test_maps_that_are_zero_are_noted_and_counted(tmp_path):
    video_clip(tmp_path)
    for name in ("0002", "0005"):
        write_png(tmp_path / MAPS / f"{name}.png", np.zeros((HEIGHT, WIDTH), np.uint8))
    # A colour image in grey is none of them.
    write_png(tmp_path / MAPS / "0003.png", np.full((HEIGHT, WIDTH, 3), 9, np.uint8))
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    (finding,) = reading.findings
    assert (finding.level, finding.kind, finding.path) == ("note", "zero-maps", MAPS)
    assert finding.found == "2 of 6 all zero"


def test_fixation_images_of_other_modes_give_the_same_pixels(tmp_path):
    video_clip(tmp_path)
    expected = read(tmp_path).rows
    for name, mode in (("0001", "1"), ("0002", "RGB"), ("0003", "P"), ("0004", "RGBA")):
        path = tmp_path / FIXATIONS / f"{name}.png"
        with Image.open(path) as image:
            image.convert(mode).save(path)
    assert np.array_equal(read(tmp_path).rows, expected)


def test_numberless_images_and_other_files_are_left_aside(tmp_path):
    frame_clip(tmp_path)
    (tmp_path / FRAMES / "._0003.png").write_bytes(b"")
    (tmp_path / FRAMES / "notes.txt").write_bytes(b"")
    (tmp_path / FRAMES / "cover.png").write_bytes(b"")
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    assert [(f.level, f.kind, f.found) for f in reading.findings] == [
        ("warning", "stray-file", "1 more: cover.png")
    ]


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ([f"{i}" for i in range(8, 12)], "{:d}.png"),
        ([f"{i:02d}" for i in range(8, 12)], "{:02d}.png"),
        ([f"{i:05d}" for i in range(99998, 100002)], "{:05d}.png"),
        ([f"img-{i:03d}_left" for i in range(1, 5)], "img-{:03d}_left.png"),
        ([f"a{{b}}2_{i}" for i in range(1, 5)], "a{{b}}2_{:d}.png"),
    ],
)
def test_numbers_are_parsed_from_names(tmp_path, names, pattern):
    write_frames(tmp_path / "frames" / "x", names)
    corpus = FolderCorpus("Mine")
    (entry,) = corpus.list(tmp_path).entries
    clip = read_entry(corpus, tmp_path, entry).clip
    assert (clip.status, clip.frame_pattern) == ("ok", f"frames/x/{pattern}")
    assert [clip.frame_path(i) for i in range(4)] == [f"frames/x/{name}.png" for name in names]


def test_other_image_formats(tmp_path):
    write_frames(tmp_path / "frames" / "x", ["1", "2"], "JPG")
    write_frames(tmp_path / "frames" / "y", ["1", "2"], "bmp")
    corpus = FolderCorpus("Mine")
    clips = [reading.clip for reading in scanned(corpus, tmp_path)]
    assert [(clip.status, clip.codec) for clip in clips] == [("ok", "jpeg"), ("ok", "bmp")]
    assert clips[0].frame_path(1) == "frames/x/2.JPG"


def test_keyframes_and_their_frames(tmp_path):
    write_dhf1k(tmp_path, 1, 12)
    clip = read(tmp_path).clip
    assert clip.keyframe_frames == (0, 5, 10)
    assert len(clip.keyframes) == 3


def test_a_clip_with_a_fault_is_not_opened(tmp_path):
    fault = Finding("error", "two-splits", "x", "x.avi", "one", "two", "Remove one.")
    entry = Entry("x", "train", "x", "video", "x.avi", fault=fault)
    reading = read_entry(DHF1K, tmp_path, entry)
    assert (reading.clip.reason, reading.findings) == ("expected one, found two", (fault,))


def test_adapters_entries_and_readings_travel_between_processes(tmp_path):
    video_clip(tmp_path)
    for corpus in (DHF1K, FolderCorpus("Mine", seed=3)):
        assert pickle.loads(pickle.dumps(corpus)).name == corpus.name
    reading = read(tmp_path)
    again = pickle.loads(pickle.dumps(reading))
    assert (again.clip, again.findings) == (reading.clip, reading.findings)
    error = ClipError("kind", "this", "that", path="p", remedy="r")
    assert str(pickle.loads(pickle.dumps(error))) == "expected this, found that"


def test_a_file_that_is_no_matlab_file(tmp_path):
    (tmp_path / "x.mat").write_bytes(b"nothing of the kind" * 20)
    with pytest.raises(ClipError, match="expected a MATLAB file, found ") as error:
        matfile.load(tmp_path, "x.mat", "Data")
    assert (error.value.kind, error.value.path) == ("unreadable-mat", "x.mat")
    with pytest.raises(ClipError, match=r"the file y\.mat"):
        matfile.load(tmp_path, "y.mat", "Data")


def test_annotations_without_frames_read_alone(tmp_path):
    write_annotations(tmp_path / "annotation" / "0001", four_digits(3))
    write_dhf1k(tmp_path, 2, 3)
    assert read(tmp_path).findings[0].kind == "missing-clip"


def test_mat_files_beside_images_and_not_as_many(tmp_path):
    video_clip(tmp_path)
    write_fixations(tmp_path / FIXATIONS / "maps", four_digits(6), "mat")
    assert read(tmp_path).findings == ()
    (tmp_path / FIXATIONS / "maps" / "0006.mat").unlink()
    reading = read(tmp_path)
    assert reading.clip.status == "ok"
    assert [(f.level, f.kind, f.found) for f in reading.findings] == [("warning", "two-fixations", "5")]


def test_fixation_images_in_jpeg_are_told_apart_from_none(tmp_path):
    video_clip(tmp_path)
    for file in list((tmp_path / FIXATIONS).iterdir()):
        file.rename(file.with_suffix(".jpg"))
    (finding,) = read(tmp_path).findings
    assert (finding.kind, finding.found) == ("no-fixations", "6 images that are no PNG")
