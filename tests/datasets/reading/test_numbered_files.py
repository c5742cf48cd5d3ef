"""Files named by numbers: one way of naming, one padding, no hole; and the fixated pixels in them."""

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpus import ClipError
from datasets.indexing.read_entry import read_entry
from datasets.reading.numbered_files import (
    Numbered,
    decoded,
    files_by_suffix,
    literal,
    numbered,
)
from tests.datasets.small_corpora import (
    write_frames,
    write_png,
)


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


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_files_are_found_with_their_numbers(tmp_path):
    touch(tmp_path / "f", "a_08.png", "a_09.PNG", "a_10.png", "notes.txt", ".a_11.png")
    with pytest.raises(ClipError, match=r"1 of a_<number>\.PNG"):
        numbered(tmp_path, "f", ("png",))
    (tmp_path / "f" / "a_09.PNG").rename(tmp_path / "f" / "a_09.png")
    found = numbered(tmp_path, "f", ("png",))
    assert found == Numbered("f", "f/a_{:02d}.png", 8, 3, others=("notes.txt",))
    assert [found.path(i) for i in range(3)] == ["f/a_08.png", "f/a_09.png", "f/a_10.png"]
    assert numbered(tmp_path, "f", ("mat",)) is None
    assert numbered(tmp_path, "gone", ("png",)) is None


@pytest.mark.parametrize(
    ("names", "kind", "text"),
    [
        (["1.png", "3.png"], "missing-number", "found 2 numbers from 1 to 3, without 2"),
        (["01.png", "2.png"], "mixed-padding", "found 01 and 2"),
        (["1.png", "x1.png"], "mixed-names", "found 1 of <number>.png and 1 of x<number>.png"),
        (["1.png", "2.jpg"], "mixed-names", "found 1 of <number>.png and 1 of <number>.jpg"),
    ],
)
def test_numbers_that_do_not_follow_each_other_are_refused(tmp_path, names, kind, text):
    touch(tmp_path / "f", *names)
    with pytest.raises(ClipError) as error:
        numbered(tmp_path, "f", ("png", "jpg"))
    assert (error.value.kind, error.value.path) == (kind, "f")
    assert text in str(error.value)


def test_files_of_another_prefix_are_refused(tmp_path):
    touch(tmp_path / "f", "b_1.png")
    assert numbered(tmp_path, "f", ("png",), "b_").first == 1
    with pytest.raises(ClipError, match=r"expected files a_<number>\.png, found b_<number>\.png"):
        numbered(tmp_path, "f", ("png",), "a_")


def test_files_without_a_number_are_strays_and_links_out_are_counted(tmp_path):
    touch(tmp_path / "root" / "f", "1.png", "cover.png")
    touch(tmp_path / "elsewhere", "2.png")
    (tmp_path / "root" / "f" / "2.png").symlink_to(tmp_path / "elsewhere" / "2.png")
    found = numbered(tmp_path / "root", "f", ("png",))
    assert (found.count, found.strays, found.links) == (2, ("cover.png",), 1)


def test_files_are_counted_by_their_suffix(tmp_path):
    touch(tmp_path / "f", "1.mat", "x.MAT", "2.png", "._3.mat")
    assert files_by_suffix(tmp_path, "f") == {"mat": 2, "png": 1}
    assert files_by_suffix(tmp_path, "gone") == {}


def test_everything_else_in_the_folder_is_named(tmp_path):
    touch(tmp_path / "f", "1.png", "notes.txt", ".hidden", "Thumbs.db")
    (tmp_path / "f" / "old").mkdir()
    assert sorted(numbered(tmp_path, "f", ("png",)).others) == ["notes.txt", "old"]


@pytest.mark.parametrize("path", ["a{b}/c", "{}", "plain"])
def test_a_literal_pattern_stands_for_itself(path):
    assert literal(path).format(7) == path


def test_images_are_decoded_in_order_of_their_numbers(tmp_path):
    for i in (9, 10, 11):
        write_png(tmp_path / "f" / f"{i}.png", np.full((2, 3), i, np.uint8))
    files = numbered(tmp_path, "f", ("png",))
    assert [np.asarray(image)[0, 0] for image in decoded(tmp_path, files)] == [9, 10, 11]
