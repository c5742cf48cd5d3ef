"""Photographs as a corpus of one's own: single images, each a clip of one frame."""

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.indexing.index import index
from tests.datasets.small_corpora import points_of, scanned, write_fixations, write_png
from tests.datasets.small_photographs import FIXATED, photograph, write_own

OWN = FolderCorpus("Mine")


@pytest.mark.parametrize("folder", ["images", "photographs", "stimuli"])
def test_photographs_are_clips_of_one_frame(tmp_path, folder):
    for i, (name, suffix) in enumerate((("a b", "jpg"), ("c.d", "PNG"), ("e{0}", "webp"))):
        write_own(tmp_path, name, i, suffix)
    write_png(tmp_path / "images" / "bare.png", photograph())
    (tmp_path / "images").rename(tmp_path / folder)
    (tmp_path / "test.txt").write_text("c.d.PNG\nbare\n")
    listing = OWN.list(tmp_path)
    assert (listing.layout, {entry.media for entry in listing.entries}) == ("images", {"image"})
    readings = {reading.clip.clip: reading for reading in scanned(OWN, tmp_path)}
    assert {name: reading.clip.split for name, reading in readings.items()} == {
        "a b": "unlisted",
        "bare": "unannotated",
        "c.d": "test",
        "e{0}": "unlisted",
    }
    for name in ("a b", "c.d", "e{0}"):
        assert (readings[name].clip.media, readings[name].clip.n_frames) == ("image", 1)
        assert [tuple(row) for row in readings[name].rows.tolist()] == FIXATED
        assert all((tmp_path / path).is_file() for path in readings[name].clip.paths())


def test_photographs_below_the_folders_of_splits_and_their_damages(tmp_path):
    for part in ("train", "val", "test"):
        write_own(tmp_path / part, f"of {part}")
    (tmp_path / "train/maps/of train.png").unlink()
    write_png(tmp_path / "val/maps/of val.png", np.zeros((5, 6), np.uint8))
    write_fixations(tmp_path / "test/fixations", ["of test"], "mat")
    (tmp_path / "test/fixations/of test.png").unlink()
    readings = {reading.clip.split: reading for reading in scanned(OWN, tmp_path)}
    assert (readings["train"].clip.status, readings["train"].clip.map_pattern) == ("ok", "")
    assert "found 6x5" in readings["val"].clip.reason
    assert [(y, x) for _, y, x in readings["test"].rows.tolist()] == sorted(points_of(0))


def test_a_changed_photograph_alone_is_read_again(tmp_path):
    for i in range(4):
        write_own(tmp_path / "own", f"p{i}", i)
    index(OWN, tmp_path / "own", tmp_path / "m")
    write_own(tmp_path / "own", "p2", 9)
    read = []
    manifest = index(
        OWN, tmp_path / "own", tmp_path / "m", progress=lambda done, of, clip: read.append(clip.clip)
    )
    assert read == ["p2"]
    assert sum(manifest.counts.values()) == 4
