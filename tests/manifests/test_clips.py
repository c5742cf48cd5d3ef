"""Clips as columns: the same clips as objects would be, made when asked for."""

import pickle
from dataclasses import fields

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.loading.windows import WindowShape, draw_half, draw_window, eligible, validation_windows
from manifests import Clip, open_manifest, write
from manifests.clips import Clips, equal, filling, lengths, long_enough, stills, take
from tests.manifests.small_manifest import clip

NAMES = [field.name for field in fields(Clip)]
STILL = {"media": "image", "keyframes": (), "keyframe_frames": ()}


@pytest.fixture
def manifest(tmp_path):
    """Return a manifest of 60 clips of three splits, in row groups of seven."""
    rows = [
        clip(
            f"c{i}", split=("train", "val", "test")[i % 3], n_frames=1 + 7 * i % 40, map_pattern="m"[i % 2 :]
        )
        for i in range(59)
    ]
    rows.append(clip("bad", split="train", status="quarantined", reason="torn"))
    write(tmp_path, "DHF1K", tmp_path, rows, {})
    path = tmp_path / "clips.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=7, write_page_checksum=True)
    return open_manifest(tmp_path)


def as_objects(manifest, split):
    """Return the usable clips of a split, made from whole rows one by one."""
    rows = pq.read_table(manifest.folder / "clips.parquet").to_pylist()
    wanted = [row for row in rows if row["split"] == split and row["status"] == "ok"]
    for row in wanted:
        row |= {name: tuple(row[name]) for name in ("keyframes", "keyframe_frames")}
    return [Clip(**{name: row[name] for name in NAMES}) for row in wanted]


@pytest.mark.parametrize("split", ["train", "val", "test", "unlisted"])
def test_columns_hold_the_clips_that_objects_are(manifest, split):
    found, expected = manifest.clips(split), as_objects(manifest, split)
    assert found == expected
    assert list(found) == [found[i] for i in range(len(found))] == expected
    assert found[-3:] == expected[-3:]
    assert found[1::4] == expected[1::4]
    assert found[::-1] == expected[::-1]
    places = np.arange(len(expected))[::-2]
    assert take(found, places) == take(expected, places)
    assert take(found, places)[1:3] == take(expected, places)[1:3]
    assert pickle.loads(pickle.dumps(found)) == expected


def test_what_is_drawn_and_counted_is_the_same_of_columns_and_of_objects(manifest):
    columns, objects = manifest.clips("train"), as_objects(manifest, "train")
    for read in (
        lengths,
        stills,
        lambda clips: filling(clips, 9),
        lambda clips: equal(clips, "map_pattern", ""),
    ):
        assert read(columns).tolist() == read(objects).tolist()
        assert read(columns[3:8]).tolist() == read(objects[3:8]).tolist()
    shape = WindowShape(5, 2)
    assert shape.places(columns).tolist() == [shape.fits(each) for each in objects]
    assert eligible(columns, 9) == eligible(objects, 9)
    assert long_enough(columns, 9) == [each for each in objects if each.fills(9)]
    assert draw_half(columns, 3, "DHF1K", 7) == draw_half(objects, 3, "DHF1K", 7)
    for per_clip in (1, 4):
        assert validation_windows(columns, 9, per_clip) == validation_windows(objects, 9, per_clip)
    draws = [
        [draw_window(0, "DHF1K", 2, slot, lengths=lengths(clips), span=9) for slot in range(30)]
        for clips in (columns, objects)
    ]
    assert draws[0] == draws[1]


def test_clips_of_two_splits_follow_each_other(manifest):
    both = manifest.clips("val") + manifest.clips("train")
    expected = as_objects(manifest, "val") + as_objects(manifest, "train")
    assert both == expected
    assert both[25:31] == expected[25:31]
    assert lengths(both).tolist() == lengths(expected).tolist()


def test_nothing_but_two_columns_is_read_before_a_clip_is_asked_for(manifest):
    asked = []

    def source(names):
        asked.append(tuple(names))
        return manifest._clip_table(names, "train", "ok")

    clips = Clips(source)
    kept, _ = eligible(clips, 9)
    WindowShape(9).showing(kept, "alone")
    validation_windows(draw_half(kept, 0, "DHF1K", 0), 9, 3)
    assert asked == [("media", "n_frames")]
    assert kept[0] in [*kept]
    assert asked == [("media", "n_frames"), tuple(NAMES)]


def test_photographs_are_known_by_their_column(tmp_path):
    rows = [clip("a", n_frames=4), clip("b", n_frames=1, **STILL), clip("c", n_frames=9)]
    clips = write(tmp_path, "DHF1K", tmp_path, rows, {}).clips("train")
    assert stills(clips).tolist() == [False, True, False]
    assert [each.clip for each in long_enough(clips, 5)] == ["b", "c"]
    assert WindowShape(5).places(clips).tolist() == [0, 1, 5]
