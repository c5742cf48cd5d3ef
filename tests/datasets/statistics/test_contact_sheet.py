"""A corpus at a glance."""

import numpy as np
import pytest

from datasets.statistics.contact_sheet import contact_sheet, tiles
from manifests import open_manifest
from tests.datasets.scored_corpus import points_of, write_scored


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    lengths = {f"{n:04d}": 3 + n for n in range(1, 7)}
    return open_manifest(write_scored(tmp_path_factory.mktemp("corpus"), lengths, split="train"))


def test_tiles_are_the_middle_frames_of_clips_evenly_over_the_list(manifest):
    found = list(tiles(manifest, "train", 3))
    assert [(tile.clip, tile.frame) for tile in found] == [("0001", 2), ("0003", 3), ("0006", 4)]
    assert found[0].picture.shape == (135, 240, 3)


def test_fixations_are_marked_where_they_are(manifest):
    (tile,) = tiles(manifest, "train", 1)
    y, x = points_of("0001", 2, 4)[0]
    yellow = tile.picture[int((y + 0.5) * 135 / 36), int((x + 0.5) * 240 / 64)]
    assert np.array_equal(yellow, (255, 255, 0))


def test_a_sheet_has_four_columns(manifest):
    assert contact_sheet(manifest, "train").size == (960, 2 * 151)
    assert contact_sheet(manifest, "train", 2).size == (480, 151)
