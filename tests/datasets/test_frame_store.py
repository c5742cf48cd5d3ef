"""The frame store: decoded once, whole or not at all, the same from every process."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_corpora import HEIGHT, WIDTH, write_dhf1k, write_ledov, write_shot

from datasets.frame_store import FrameStore
from datasets.ground_truth import read_map
from datasets.index import index
from datasets.video import read_frames
from manifests import ProblemError

REPOSITORY = Path(__file__).parents[2]
SIZE = (24, 32)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """DHF1K with two training clips."""
    folder = tmp_path_factory.mktemp("store")
    for number in (1, 2):
        write_dhf1k(folder / "DHF1K", number, 20)
    return index("dhf1k", folder / "DHF1K", folder / "m")


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_arrays_are_the_resized_frames_and_maps(tmp_path, manifest):
    store, clip = FrameStore(tmp_path, manifest, SIZE), manifest.clips()[1]
    frames, maps = store.frames(clip), store.maps(clip)
    assert isinstance(frames, np.memmap)
    assert not frames.flags.writeable
    assert np.array_equal(frames, read_frames(manifest.root, clip, SIZE))
    assert np.array_equal(maps, np.stack([read_map(manifest.root, clip, i, SIZE) for i in range(20)]))
    assert (frames.dtype, maps.dtype) == (np.uint8, np.uint8)


def test_frames_of_a_folder_of_images(tmp_path):
    write_shot(tmp_path / "corpus", "training", "actioncliptrain00001_1", 3, 4)
    manifest = index("hollywood2", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips()[0]
    store = FrameStore(tmp_path / "store", manifest, (HEIGHT, WIDTH))
    assert np.array_equal(store.frames(clip), read_frames(manifest.root, clip))
    assert store.maps(clip)[:, 0, 0].tolist() == [10, 11, 12, 13]


def test_maps_are_made_from_fixations_where_none_are_shipped(tmp_path):
    write_ledov(tmp_path / "corpus", ["a", "b", "c"])
    manifest = index("ledov", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips("test")[0]
    maps = FrameStore(tmp_path / "store", manifest, SIZE).maps(clip)
    points = manifest.fixations("test").frame(clip.clip, 4)
    assert len(points) == 1
    assert np.array_equal(maps[4], read_map(manifest.root, clip, 4, SIZE, points))
    assert np.flatnonzero(maps.any(axis=(1, 2))).tolist() == [0, 4, 5, 6, 7, 8, 10, 11]


def test_the_corpus_is_read_once(tmp_path):
    write_dhf1k(tmp_path / "corpus", 1)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    clip = manifest.clips()[0]
    store = FrameStore(tmp_path / "store", manifest, SIZE)
    frames, maps = np.array(store.frames(clip)), np.array(store.maps(clip))
    shutil.rmtree(tmp_path / "corpus")
    again = FrameStore(tmp_path / "store", manifest, SIZE)
    assert np.array_equal(again.frames(clip), frames)
    assert np.array_equal(again.maps(clip), maps)


def test_frames_alone_need_no_annotations(tmp_path):
    write_dhf1k(tmp_path / "corpus", 1)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    shutil.rmtree(tmp_path / "corpus" / "annotation")
    assert len(FrameStore(tmp_path / "store", manifest, SIZE).frames(manifest.clips()[0])) == 12
    assert [name.rpartition("/")[2] for name in files(tmp_path / "store")] == ["frames.npy"]


def test_another_size_or_corpus_has_another_address(tmp_path, manifest):
    address = FrameStore(tmp_path, manifest, SIZE).address
    assert FrameStore(tmp_path, manifest, (32, 24)).address != address
    assert FrameStore(tmp_path, replace(manifest, digest="0" * 64), SIZE).address != address
    assert FrameStore(tmp_path, replace(manifest, root="elsewhere"), SIZE).address == address


def test_a_clip_that_cannot_be_read_leaves_nothing(tmp_path, manifest):
    longer = replace(manifest.clips()[0], n_frames=21)
    with pytest.raises(ProblemError, match="expected 21 frames, as indexed, found 20 frames"):
        FrameStore(tmp_path, manifest, SIZE).frames(longer)
    assert files(tmp_path) == []


_BUILDER = """
import sys
from datasets.frame_store import FrameStore
from manifests import open_manifest
manifest = open_manifest(sys.argv[1])
store = FrameStore(sys.argv[2], manifest, (240, 320))
sys.stdin.readline()
for clip in manifest.clips():
    store.frames(clip), store.maps(clip)
"""


def builder(manifest, folder):
    command = [sys.executable, "-c", _BUILDER, str(manifest.folder), str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=REPOSITORY)


def test_two_processes_build_the_same_clips_at_once(tmp_path, manifest):
    processes = [builder(manifest, tmp_path) for _ in range(2)]
    for process in processes:
        process.communicate(b"go\n", timeout=60)
        assert process.returncode == 0
    assert [name.partition("/")[2] for name in files(tmp_path)] == [
        f"{clip}/{kind}.npy" for clip in ("0001", "0002") for kind in ("frames", "maps")
    ]
    store = FrameStore(tmp_path, manifest, (240, 320))
    for clip in manifest.clips():
        assert np.array_equal(store.frames(clip), read_frames(manifest.root, clip, (240, 320)))


def test_a_killed_builder_leaves_no_part_that_passes_for_the_whole(tmp_path, manifest):
    process = builder(manifest, tmp_path)
    process.stdin.write(b"go\n")
    process.stdin.flush()
    while not files(tmp_path):
        assert process.poll() is None
    process.kill()
    process.communicate()
    store = FrameStore(tmp_path, manifest, (240, 320))
    for clip in manifest.clips():
        assert np.array_equal(store.frames(clip), read_frames(manifest.root, clip, (240, 320)))
