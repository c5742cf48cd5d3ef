"""What a split's predictions are scored on, read from a manifest and its maps."""

import numpy as np
import pytest

from datasets.corpora.dhf1k import CORPUS as DHF1K
from datasets.corpus import ClipError
from datasets.loading.scored_split import ScoredSplit
from datasets.reading.ground_truth import fixations_to_map
from manifests import ManifestError
from tests.datasets.scored_corpus import LENGTHS, SIZE, map_of, points_of, write_scored

FRAMES = [(name, i) for name, n in LENGTHS.items() for i in range(n)]


@pytest.fixture
def split(tmp_path):
    return ScoredSplit.open(str(write_scored(tmp_path)), "val")


def test_the_pool_holds_every_frame_of_every_clip_in_order(split):
    assert list(split.clips) == list(LENGTHS)
    assert split.sizes == [SIZE] * len(FRAMES)
    for points, (name, i) in zip(split.points, FRAMES, strict=True):
        assert sorted(map(tuple, points)) == sorted(set(map(tuple, points_of(name, i, LENGTHS[name]))))
    assert [len(points) for points in split.points].count(0) == 2, "frames without fixations count as well"


def test_a_frame_comes_with_its_map_its_points_the_pool_and_its_key(split):
    for at, (name, i) in enumerate(FRAMES):
        frame = split.frame(name, i)
        np.testing.assert_array_equal(frame.truth, map_of(name, i, LENGTHS[name]))
        assert frame.truth.dtype == np.uint8
        np.testing.assert_array_equal(frame.points, split.points[at])
        assert frame.pool[0] is split.points
        assert frame.pool[1] is split.sizes
        assert frame.key == ("DHF1K", name, i)


def test_a_map_that_is_not_shipped_is_made_from_the_points(tmp_path):
    split = ScoredSplit.open(str(write_scored(tmp_path, maps=False)), "val")
    frame = split.frame("0602", 1)
    made = fixations_to_map(points_of("0602", 1, 3), *SIZE, DHF1K.map_rule)
    np.testing.assert_array_equal(frame.truth, np.rint(made * 255))
    assert not split.frame("0602", 2).truth.any(), "nobody looked anywhere"


def test_maps_may_lie_elsewhere(split, tmp_path):
    moved = tmp_path / "elsewhere"
    (tmp_path / "corpus").rename(moved)
    with pytest.raises(ClipError, match=r"maps/0601/0002\.png"):
        split.frame("0601", 1)
    np.testing.assert_array_equal(split.frame("0601", 1, moved).truth, map_of("0601", 1, 5))


def test_a_process_reads_a_split_once(split, tmp_path):
    assert ScoredSplit.open(str(tmp_path / "manifest"), "val") is split


def test_a_folder_without_a_manifest_is_told(tmp_path):
    with pytest.raises(ManifestError, match="nowhere"):
        ScoredSplit.open(str(tmp_path / "nowhere"), "val")


def test_clips_with_too_few_frames_are_as_if_the_split_had_none_of_them(split, tmp_path):
    """Neither are they scored, nor are other frames' s-AUC drawn from their fixations."""
    lengths = {name: clip.n_frames for name, clip in split.clips.items()}
    least = max(lengths.values())
    kept = ScoredSplit.open(str(tmp_path / "manifest"), "val", min_frames=least)
    assert kept.clips.keys() == {name for name, n in lengths.items() if n == least}
    assert kept.shorter == lengths.keys() - kept.clips.keys() != set()
    assert len(kept.points) == len(kept.sizes) == least * len(kept.clips)
    assert split.shorter == frozenset()
