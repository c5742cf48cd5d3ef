"""The frame store: decoded once, whole or not at all, the same from every process."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from datasets.corpora.saliency_maps import read_map
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.reading.video import read_frames
from datasets.resizing import RESIZINGS, resize
from manifests import ProblemError
from tests.datasets.small_corpora import (
    HEIGHT,
    WIDTH,
    moving_square,
    write_dhf1k,
    write_ledov,
    write_shot,
    write_video,
)
from tests.places import REPOSITORY

SIZE = (24, 32)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """DHF1K with two training clips."""
    folder = tmp_path_factory.mktemp("store")
    for number in (1, 2):
        write_dhf1k(folder / "DHF1K", number, 20)
    return index("dhf1k", folder / "DHF1K", folder / "m")


def paths(folder):
    """Return what lies in a store, or in part, without its lock and its lists of what is in use."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.relative_to(folder).parts[0].startswith("."))


def files(folder):
    """Return their names without what tells one state of a clip from another: ``0001.frames``."""
    return [re.sub(r"-\w{16}(?=\.\w+$)", "", str(path.relative_to(folder))) for path in paths(folder)]


def test_arrays_are_the_resized_frames_and_maps(tmp_path, manifest):
    store, clip = FrameStore(tmp_path, manifest, SIZE), manifest.clips()[1]
    frames, maps = store.read_frames(clip), store.read_maps(clip)
    assert np.array_equal(frames, read_frames(manifest.root, clip, SIZE))
    assert np.array_equal(maps, np.stack([read_map(manifest.root, clip, i, SIZE) for i in range(20)]))
    assert (frames.dtype, maps.dtype) == (np.uint8, np.uint8)
    assert np.array_equal(store.read_frames(clip, 7, 5), frames[7:12])
    out = np.zeros((6, *SIZE, 3), np.uint8)
    assert store.read_frames(clip, 14, 6, out) is out
    assert np.array_equal(out, frames[14:])
    for start, count in ((-1, 3), (18, 3), (21, None), (5, -1)):
        with pytest.raises(IndexError, match="of 20"):
            store.read_maps(clip, start, count)


def test_maps_may_have_another_size_and_are_shared_with_who_has_frames_of_it(tmp_path, manifest):
    store, clip = FrameStore(tmp_path, manifest, SIZE, map_size=(HEIGHT, WIDTH)), manifest.clips()[0]
    others = FrameStore(tmp_path, manifest, (HEIGHT, WIDTH))
    kept = others.read_maps(clip)
    missing = store.estimate([clip]).size
    assert missing == FrameStore(tmp_path, manifest, SIZE).estimate([clip], labelled=False).size > 0
    store.build([clip])
    assert store.read_frames(clip).shape == (20, *SIZE, 3)
    assert np.array_equal(store.read_maps(clip), kept)
    assert np.array_equal(kept, np.stack([read_map(manifest.root, clip, i) for i in range(20)]))
    assert len(paths(tmp_path)) == 2, "the frames, and the maps of both"


@pytest.mark.parametrize("limit", [None, 1000])
def test_frames_and_maps_are_resized_by_the_rule_asked_for(tmp_path, manifest, limit):
    clip = manifest.clips()[1]
    native = FrameStore(tmp_path, manifest, (HEIGHT, WIDTH), limit)
    frames, maps = native.read_frames(clip, 3, 2), native.read_maps(clip, 3, 2)
    seen = set()
    for rule in RESIZINGS:
        store = FrameStore(tmp_path, manifest, SIZE, limit, rule)
        assert np.array_equal(store.read_frames(clip, 3, 2), [resize(frame, SIZE, rule) for frame in frames])
        assert np.array_equal(store.read_maps(clip, 3, 2), [resize(image, SIZE, rule) for image in maps])
        seen.add(store.read_frames(clip).tobytes())
    assert len(seen) == len(RESIZINGS)


@pytest.mark.parametrize("limit", [None, 1000])
def test_every_nth_frame_is_read_whether_it_is_stored_or_not(tmp_path, manifest, limit):
    store, clip = FrameStore(tmp_path, manifest, SIZE, limit), manifest.clips()[1]
    frames, maps = store.read_frames(clip), store.read_maps(clip)
    assert np.array_equal(store.read_frames(clip, 2, 4, step=5), frames[[2, 7, 12, 17]])
    assert np.array_equal(store.read_maps(clip, 1, step=6), maps[[1, 7, 13, 19]])
    out = np.zeros((3, *SIZE), np.uint8)
    assert store.read_maps(clip, 5, 3, out, step=7) is out
    assert np.array_equal(out, maps[[5, 12, 19]])
    assert store.read_frames(clip, 20, 0, step=9).shape == (0, *SIZE, 3)
    with pytest.raises(IndexError, match="DHF1K/0002: frames 5 to 21 of 20"):
        store.read_maps(clip, 5, 4, step=5)


@pytest.mark.parametrize("limit", [None, 1000])
def test_a_window_of_a_clip_that_is_another_than_was_indexed_is_refused(tmp_path, limit):
    """Where nothing had room it was read as it was now, under the name of what had been indexed."""
    write_dhf1k(tmp_path / "corpus", 1, 20)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    write_video(tmp_path / "corpus" / "video" / "001.AVI", moving_square(20)[::-1], g="5", qscale="2")
    store, (clip,) = FrameStore(tmp_path / "store", manifest, SIZE, limit), manifest.clips()
    for read in (store.read_frames, store.read_maps):
        with pytest.raises(ProblemError, match=r"DHF1K/0001 .*as indexed, found other contents"):
            read(clip, 3, 2)


def test_what_is_ensured_is_there_and_nothing_else(tmp_path, manifest):
    store, (clip, other) = FrameStore(tmp_path, manifest, SIZE), manifest.clips()
    store.ensure(clip, ["maps"])
    assert [name.rpartition("/")[2] for name in files(tmp_path)] == ["0001.maps"]
    (made,) = paths(tmp_path)
    inode = made.stat().st_ino
    store.ensure(clip, ["frames", "maps"], threads=0)
    assert [name.rpartition("/")[2] for name in files(tmp_path)] == ["0001.frames", "0001.maps"]
    assert made.stat().st_ino == inode
    with pytest.raises(ProblemError, match="expected 21 frames, as indexed, found 20 frames"):
        store.ensure(replace(other, n_frames=21), ["frames"])
    nowhere = FrameStore(tmp_path / "nowhere", manifest, SIZE, limit=1000)
    nowhere.ensure(other, ["frames"])
    assert files(tmp_path / "nowhere") == []


def test_frames_of_a_folder_of_images(tmp_path):
    write_shot(tmp_path / "corpus", "training", "actioncliptrain00001_1", 3, 4)
    manifest = index("hollywood2", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips()[0]
    store = FrameStore(tmp_path / "store", manifest, (HEIGHT, WIDTH))
    assert np.array_equal(store.read_frames(clip), read_frames(manifest.root, clip))
    assert store.read_maps(clip)[:, 0, 0].tolist() == [10, 11, 12, 13]


def test_maps_are_made_from_fixations_where_none_are_shipped(tmp_path):
    write_ledov(tmp_path / "corpus", ["a", "b", "c"])
    manifest = index("ledov", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips("test")[0]
    maps = FrameStore(tmp_path / "store", manifest, SIZE).read_maps(clip)
    points = manifest.fixations("test").frame(clip.clip, 4)
    assert len(points) == 1
    assert np.array_equal(maps[4], read_map(manifest.root, clip, 4, SIZE, points))
    assert np.flatnonzero(maps.any(axis=(1, 2))).tolist() == [0, 4, 5, 6, 7, 8, 10, 11]


def test_the_corpus_is_read_once(tmp_path):
    write_dhf1k(tmp_path / "corpus", 1)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips()[0]
    store = FrameStore(tmp_path / "store", manifest, SIZE)
    frames, maps = store.read_frames(clip), store.read_maps(clip)
    shutil.rmtree(tmp_path / "corpus")
    again = FrameStore(tmp_path / "store", manifest, SIZE)
    assert np.array_equal(again.read_frames(clip), frames)
    assert np.array_equal(again.read_maps(clip), maps)


def test_frames_alone_need_no_annotations(tmp_path):
    write_dhf1k(tmp_path / "corpus", 1)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    shutil.rmtree(tmp_path / "corpus" / "annotation")
    assert len(FrameStore(tmp_path / "store", manifest, SIZE).read_frames(manifest.clips()[0])) == 12
    assert [name.rpartition("/")[2] for name in files(tmp_path / "store")] == ["0001.frames"]


def test_a_clip_is_kept_until_it_or_the_size_changes(tmp_path, manifest):
    clip, other = manifest.clips()
    FrameStore(tmp_path, manifest, SIZE).build([clip])

    def missing(clip, manifest=manifest, size=SIZE):
        return FrameStore(tmp_path, manifest, size).estimate([clip]).clips

    assert missing(clip) == missing(clip, replace(manifest, root="elsewhere")) == 0
    assert missing(clip, replace(manifest, digest="0" * 64)) == 0, "another clip has changed"
    assert missing(replace(clip, mtime_ns=1)) == 0
    assert missing(replace(clip, content="another")) == 1
    assert missing(replace(clip, size_bytes=1)) == 0, "a note was left beside its frames"
    assert missing(replace(clip, split="val")) == 0, "it moved to another split"
    assert missing(clip, size=(32, 24)) == missing(other) == 1


def test_a_clip_that_cannot_be_read_leaves_nothing(tmp_path, manifest):
    longer = replace(manifest.clips()[0], n_frames=21)
    with pytest.raises(ProblemError, match="expected 21 frames, as indexed, found 20 frames"):
        FrameStore(tmp_path, manifest, SIZE).read_frames(longer)
    assert files(tmp_path) == []


_BUILDER = """
import sys
from pathlib import Path
from datasets.frame_store.store import FrameStore
from manifests import open_manifest
manifest = open_manifest(sys.argv[1])
store = FrameStore(Path(sys.argv[2]), manifest, (240, 320))
sys.stdin.readline()
for clip in manifest.clips():
    store.read_frames(clip), store.read_maps(clip)
"""


def builder(manifest, folder):
    command = [sys.executable, "-c", _BUILDER, str(manifest.folder), str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=REPOSITORY)


@pytest.mark.slow
def test_two_processes_build_the_same_clips_at_once(tmp_path, manifest):
    processes = [builder(manifest, tmp_path) for _ in range(2)]
    for process in processes:
        process.communicate(b"go\n", timeout=60)
        assert process.returncode == 0
    assert [name.partition("/")[2] for name in files(tmp_path)] == [
        f"{clip}.{kind}" for clip in ("0001", "0002") for kind in ("frames", "maps")
    ]
    store = FrameStore(tmp_path, manifest, (240, 320))
    for clip in manifest.clips():
        assert np.array_equal(store.read_frames(clip), read_frames(manifest.root, clip, (240, 320)))


@pytest.mark.slow
def test_a_killed_build_is_resumed(tmp_path, manifest):
    process = builder(manifest, tmp_path)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    while not any(name.endswith("1.frames") for name in files(tmp_path)):
        assert process.poll() is None
    while not any(".part-" in name for name in files(tmp_path)):
        assert process.poll() is None
    process.kill()
    process.communicate()
    left = paths(tmp_path)
    assert any(".part-" in path.name for path in left)
    made = {path: path.stat().st_ino for path in left if ".part-" not in path.name}
    store, told = FrameStore(tmp_path, manifest, (240, 320)), []
    before = store.estimate(manifest.clips())
    after = store.build(manifest.clips(), workers=2, progress=lambda *done: told.append(done))
    assert sorted((n, total) for n, total, _ in told) == [(n + 1, before.clips) for n in range(before.clips)]
    assert (after.clips, after.size) == (0, 0) < (before.clips, before.size)
    assert len(files(tmp_path)) == 4
    for path, inode in made.items():
        assert path.stat().st_ino == inode, "what was whole is not made again"
    for clip in manifest.clips():
        assert np.array_equal(store.read_frames(clip), read_frames(manifest.root, clip, (240, 320)))


def test_an_estimate_is_what_a_build_writes(tmp_path, manifest):
    store, clips = FrameStore(tmp_path, manifest, SIZE), manifest.clips()
    estimate = store.estimate(clips)
    assert estimate.clips == 2
    assert estimate.fits
    assert not (tmp_path / store.address).exists()
    (tmp_path / store.address).mkdir()  # from here on each clip is looked for
    assert store.estimate(clips).size == store.estimate(list(clips)).size == estimate.size
    assert store.estimate(clips, labelled=False).size < estimate.size
    store.build(clips)
    assert sum(path.stat().st_size for path in paths(tmp_path)) == estimate.size
    assert str(estimate).startswith("2 clips to decode, 123.2 kB, with room for ")


def test_a_build_names_every_clip_that_is_not_as_indexed(tmp_path):
    for number in (1, 2, 3):
        write_dhf1k(tmp_path / "corpus", number)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    write_dhf1k(tmp_path / "corpus", 1, 9)
    (tmp_path / "corpus" / "annotation" / "0002" / "maps" / "0005.png").unlink()
    store = FrameStore(tmp_path / "store", manifest, SIZE)
    with pytest.raises(ProblemError) as raised:
        store.build(manifest.clips())
    first, second = map(str, raised.value.problems)
    assert "DHF1K/0001" in first
    assert "expected 12 frames, as indexed, found 9 frames" in first
    assert "DHF1K/0002" in second
    assert "0005.png" in second
    assert store.estimate(manifest.clips()[2:]).clips == 0


@pytest.mark.parametrize(("kind", "place"), [("frames", "images"), ("maps", "maps")])
def test_other_pictures_than_were_indexed_are_not_kept_under_the_address_of_those(tmp_path, kind, place):
    write_shot(tmp_path / "corpus", "training", "actioncliptrain00001_1", 3, 4)
    manifest = index("hollywood2", tmp_path / "corpus", tmp_path / "m")
    clip, store = manifest.clips()[0], FrameStore(tmp_path / "store", manifest, SIZE)
    folder = tmp_path / "corpus" / "training" / clip.clip / place
    first, second = sorted(folder.iterdir())[:2]
    shutil.copyfile(first, second)
    with pytest.raises(ProblemError, match=r"00001_1 .*expected the files, as indexed, found other contents"):
        store.ensure(clip, [kind])
    assert files(tmp_path / "store") == []


def flip_bit(path):
    data = bytearray(path.read_bytes())
    data[5 * SIZE[0] * SIZE[1] * 3 + 100] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "a bit of frame 5": flip_bit,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
    "empty": lambda path: path.write_bytes(b""),
    "a checksum": lambda path: path.write_bytes(path.read_bytes()[:-7] + b"1234567"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_made_again_and_the_log_says_so(tmp_path, manifest, damage, caplog):
    clip = manifest.clips()[0]
    sound = FrameStore(tmp_path, manifest, SIZE).read_frames(clip)
    (path,) = tmp_path.glob("DHF1K*/0001-*.frames")
    whole = path.read_bytes()
    DAMAGE[damage](path)
    store = FrameStore(tmp_path, manifest, SIZE)
    if damage == "a bit of frame 5":
        assert np.array_equal(store.read_frames(clip, 0, 5), sound[:5])
        assert not caplog.messages, "what is not read is not verified"
    assert np.array_equal(store.read_frames(clip, 3, 10), sound[3:13])
    assert path.read_bytes() == whole
    assert [f"DHF1K/0001: {path} is damaged" in text for text in caplog.messages] == [True]


def test_an_entry_that_is_damaged_again_is_a_problem(tmp_path, manifest):
    store, clip = FrameStore(tmp_path, manifest, SIZE), manifest.clips()[0]
    store.read_frames(clip)
    (path,) = tmp_path.glob("DHF1K*/0001-*.frames")
    flip_bit(path)
    store.read_frames(clip)
    flip_bit(path)
    with pytest.raises(ProblemError, match=r"0001.*sound entry after it was made anew, found frame 5"):
        store.read_frames(clip)


def test_a_process_that_still_has_a_damaged_file_open_takes_the_new_one(tmp_path, manifest):
    clip = manifest.clips()[0]
    one, other = (FrameStore(tmp_path, manifest, SIZE) for _ in range(2))
    sound = one.read_frames(clip)
    (path,) = tmp_path.glob("DHF1K*/0001-*.frames")
    flip_bit(path)
    other.read_frames(clip, 0, 1)
    assert np.array_equal(one.read_frames(clip), sound)
    inode = path.stat().st_ino
    assert np.array_equal(other.read_frames(clip), sound)
    assert path.stat().st_ino == inode, "made anew once"
