"""A corpus whose annotations say nothing is told, once for all of its clips."""

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from tests.datasets.small_corpora import four_digits, write_fixations, write_frames, write_png

EMPTY = np.zeros((48, 64), np.uint8)
MARKED = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64).astype(np.uint8)


def corpus(root, *maps, fixated=True):
    for clip, image in zip("abcdefgh", maps, strict=False):
        names = four_digits(3)
        write_frames(root / "frames" / clip, names)
        write_fixations(root / "fixations" / clip, names)
        for name in names:
            write_png(root / "maps" / clip / f"{name}.png", image)
            if not fixated:
                write_png(root / "fixations" / clip / f"{name}.png", EMPTY)


def warnings(root):
    problems = index(FolderCorpus("Mine"), root, root.with_name("m")).problems()
    return [(f.level, f.kind) for f in problems if f.kind in ("empty-fixations", "constant-maps")]


@pytest.mark.parametrize("value", [0, 7, 255])
def test_maps_of_one_value_everywhere(tmp_path, value):
    corpus(tmp_path / "c", EMPTY + value, EMPTY)
    assert warnings(tmp_path / "c") == [("warning", "constant-maps")]


def test_one_map_that_marks_something_is_enough(tmp_path):
    corpus(tmp_path / "c", EMPTY, EMPTY + 255, MARKED)
    assert warnings(tmp_path / "c") == []


def test_no_fixated_pixel_in_any_clip(tmp_path):
    corpus(tmp_path / "c", MARKED, MARKED, fixated=False)
    assert warnings(tmp_path / "c") == [("warning", "empty-fixations")]
