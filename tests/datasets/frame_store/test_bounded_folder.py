"""The frame store's bound: what goes, what stays, and what happens where there is no room."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from datasets.frame_store.bounded_folder import BoundedFolder, Estimate, NoRoomError, human
from datasets.frame_store.store import FrameStore
from datasets.indexing.index import index
from datasets.reading.video import read_frames
from tests.datasets.small_corpora import write_dhf1k
from tests.places import REPOSITORY

SIZE = (24, 32)
FRAMES = 20 * (24 * 32 * 3 + 4) + 4
"""Bytes of a clip's frames."""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """DHF1K with four training clips."""
    folder = tmp_path_factory.mktemp("room")
    for number in (1, 2, 3, 4):
        write_dhf1k(folder / "DHF1K", number, 20)
    return index("dhf1k", folder / "DHF1K", folder / "m")


def names(folder):
    """Return the entries, without what tells one state of a clip from another."""
    return sorted(re.sub(r"-\w{16}(?=\.\w+$)", "", path.name) for path in folder.glob("DHF1K*/*"))


def fill(folder, manifest, limit, numbers):
    """Store the frames of clips, each used an hour after the one before, and let go of the store."""
    store, clips = FrameStore(folder, manifest, SIZE, limit), manifest.clips()
    for hour, number in enumerate(numbers):
        store.read_frames(clips[number])
        path = next(folder.glob(f"DHF1K*/{clips[number].clip}-*.frames"))
        os.utime(path, (1e9 + 3600 * hour,) * 2)


def test_what_was_not_used_for_longest_goes_first(tmp_path, manifest):
    clips = manifest.clips()
    fill(tmp_path, manifest, None, [2, 0, 1])
    FrameStore(tmp_path, manifest, SIZE, 3 * FRAMES).read_frames(clips[3])
    assert names(tmp_path) == ["0001.frames", "0002.frames", "0004.frames"]
    FrameStore(tmp_path, manifest, SIZE, 3 * FRAMES).read_frames(clips[0], 0, 1)
    FrameStore(tmp_path, manifest, SIZE, 3 * FRAMES).read_frames(clips[2])
    assert names(tmp_path) == ["0001.frames", "0003.frames", "0004.frames"], "reading is using"


@pytest.mark.parametrize("left", [b"", b"\0\0\0\0", b"-5", b"notes"])
def test_what_a_failing_machine_has_left_of_the_count_is_counted_anew(tmp_path, left):
    """A training ended with a ValueError on such a file, in each further run."""
    folder = BoundedFolder(tmp_path, 250)
    for name in ("a/1", "a/2"):
        with folder.writing(name, 100) as file:
            file.write(bytes(100))
    (tmp_path / ".lock").write_bytes(left)
    with pytest.raises(NoRoomError), folder.hold(["a/1", "a/2"]), folder.writing("a/3", 100):
        pass
    with folder.writing("a/3", 50) as file:
        file.write(bytes(50))
    assert (tmp_path / ".lock").read_bytes() == b"250"


def test_a_build_makes_room_for_all_of_it_and_the_bound_holds(tmp_path, manifest):
    clips, limit = manifest.clips(), 3 * FRAMES + 100
    fill(tmp_path, manifest, limit, [0, 1, 2])
    store = FrameStore(tmp_path, manifest, SIZE, limit)
    (tmp_path / store.address / ".part-of-the-dead").write_bytes(bytes(99))
    left = store.build(clips[2:], labelled=False, workers=2)
    assert left.size == 0
    assert names(tmp_path) == ["0002.frames", "0003.frames", "0004.frames"]


def test_what_is_held_stays_and_nothing_is_made_in_its_place(tmp_path, manifest, caplog):
    clips, limit = manifest.clips(), 2 * FRAMES
    fill(tmp_path, manifest, limit, [0, 1])
    holder = FrameStore(tmp_path, manifest, SIZE, limit)
    holder.hold(clips[:2], labelled=False)
    other = FrameStore(tmp_path, manifest, SIZE, limit)
    estimate = other.estimate(clips[2:], labelled=False)
    assert (estimate.room, estimate.fits) == (0, False)
    for clip in clips[2:]:
        for start in (0, 7):
            window = other.read_frames(clip, start, 5)
            assert np.array_equal(window, read_frames(manifest.root, clip, SIZE, start, 5))
    assert names(tmp_path) == ["0001.frames", "0002.frames"]
    (text,) = caplog.messages
    assert (
        f"DHF1K: the frame store {tmp_path} cannot hold all: 46.2 kB needed, 92.3 kB in use of its bound of"
        in text
    )
    del holder
    FrameStore(tmp_path, manifest, SIZE, limit).read_frames(clips[2])
    assert names(tmp_path) == ["0002.frames", "0003.frames"]


def test_room_is_looked_for_again_a_minute_after_there_was_none(tmp_path, manifest, monkeypatch):
    clips, limit, now = manifest.clips(), FRAMES, [100.0]
    monkeypatch.setattr("datasets.frame_store.store.time", SimpleNamespace(monotonic=lambda: now[0]))
    holder, other = (FrameStore(tmp_path, manifest, SIZE, limit) for _ in range(2))
    holder.hold(clips[:1], labelled=False)
    holder.read_frames(clips[0])
    other.read_frames(clips[1])
    del holder
    for seconds, expected in ((59, "0001.frames"), (2, "0002.frames")):
        now[0] += seconds
        other.read_frames(clips[1])
        assert names(tmp_path) == [expected]


def test_a_set_larger_than_the_bound_does_not_evict_itself(tmp_path, manifest, caplog):
    clips, limit = manifest.clips(), 2 * FRAMES + 1000
    store = FrameStore(tmp_path, manifest, SIZE, limit)
    left = store.build(clips, labelled=False)
    assert (left.clips, left.size, left.room) == (2, 2 * FRAMES, 1000)
    assert [("4 clips to decode, 184.7 kB, with room for 93.3 kB" in text) for text in caplog.messages] == [
        True
    ]
    kept = {path: path.stat().st_ino for path in tmp_path.glob("DHF1K*/*")}
    for _ in range(2):
        for clip in clips:
            assert np.array_equal(store.read_frames(clip), read_frames(manifest.root, clip, SIZE))
    assert {path: path.stat().st_ino for path in tmp_path.glob("DHF1K*/*")} == kept


_CHILD = """
import resource, sys
from pathlib import Path
from datasets.frame_store.store import FrameStore
from manifests import open_manifest
manifest = open_manifest(sys.argv[1])
store = FrameStore(Path(sys.argv[2]), manifest, (24, 32), int(sys.argv[3]) or None)
{}
"""


def child(code, manifest, folder, limit=0, **options):
    command = [sys.executable, "-c", _CHILD.format(code), str(manifest.folder), str(folder), str(limit)]
    return subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, **options)


def test_the_hold_of_a_killed_process_ends(tmp_path, manifest):
    clips = manifest.clips()
    fill(tmp_path, manifest, FRAMES, [0])
    code = "store.hold(manifest.clips()[:1]); print(flush=True); sys.stdin.read()"
    process = child(code, manifest, tmp_path, stdin=subprocess.PIPE)
    process.stdout.readline()
    store = FrameStore(tmp_path, manifest, SIZE, FRAMES)
    store.read_frames(clips[1])
    assert names(tmp_path) == ["0001.frames"]
    process.kill()
    process.communicate()
    FrameStore(tmp_path, manifest, SIZE, FRAMES).read_frames(clips[1])
    assert names(tmp_path) == ["0002.frames"]
    assert list((tmp_path / ".in-use").iterdir()) == []


@pytest.mark.slow
def test_builders_at_once_stay_within_the_bound(tmp_path, manifest):
    limit = 3 * FRAMES
    code = "[store.read_frames(clip) for clip in manifest.clips()]"
    processes = [child(code, manifest, tmp_path, limit) for _ in range(3)]
    while any(process.poll() is None for process in processes):
        # A file that has gone since it was weighed may have made room for one that is weighed after it.
        assert min(weight(tmp_path), weight(tmp_path)) <= limit
    assert [process.wait() for process in processes] == [0, 0, 0]
    # Fewer than three where two of them made the same one at the end.
    assert 1 <= len(names(tmp_path)) <= 3
    assert not [name for name in names(tmp_path) if ".part-" in name]


def weight(place):
    # Listed first and weighed after, a file that was renamed meanwhile is not counted twice.
    return sum(size(path) for path in set(place.glob("DHF1K*/*")))


def size(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def test_a_file_that_cannot_be_written_is_decoded_instead(tmp_path, manifest):
    """The system refuses files as large as an entry."""
    code = """
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
for clip in manifest.clips():
    sys.stdout.write(store.read_frames(clip, 3, 4).tobytes().hex() + "\\n")
"""
    process = child(code, manifest, tmp_path, stderr=subprocess.PIPE)
    out, err = process.communicate()
    assert process.returncode == 0, err
    for clip, line in zip(manifest.clips(), out.splitlines(), strict=True):
        assert bytes.fromhex(line) == read_frames(manifest.root, clip, SIZE, 3, 4).tobytes()
    assert err.count("cannot hold all: File too large") == 1
    assert names(tmp_path) == []


@pytest.fixture
def small_disk(tiny_disk):
    """A disk of 120 kB, where one may be mounted."""
    return tiny_disk("120k")


def test_a_full_disk_is_decoded_around_with_numbers(small_disk, manifest, caplog):
    store, clips = FrameStore(small_disk, manifest, SIZE), manifest.clips()
    for clip in clips:
        assert np.array_equal(store.read_frames(clip), read_frames(manifest.root, clip, SIZE))
    assert names(small_disk) == ["0001.frames", "0002.frames"]
    (text,) = caplog.messages
    assert "46.2 kB needed" in text
    assert "to spare on its disk" in text


def test_a_disk_that_fills_while_it_is_written_to(small_disk):
    """Another program takes the room that there was."""
    room = BoundedFolder(small_disk / "store")
    with pytest.raises(NoRoomError, match="No space left on device"), room.writing("a/b", 90_000) as file:
        with pytest.raises(OSError, match="No space left"):
            (small_disk / "other").write_bytes(bytes(200_000))
        file.write(bytes(90_000))
    assert list((small_disk / "store" / "a").iterdir()) == []


def test_a_store_that_may_only_be_read_is_read(small_disk, manifest, caplog):
    clips = manifest.clips()
    fill(small_disk, manifest, None, [0])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    store = FrameStore(small_disk, manifest, SIZE)
    store.hold(clips[:1], labelled=False)
    assert np.array_equal(store.read_frames(clips[0]), read_frames(manifest.root, clips[0], SIZE))
    assert not caplog.messages
    assert np.array_equal(store.read_frames(clips[1]), read_frames(manifest.root, clips[1], SIZE))
    assert "Read-only file system" in caplog.text


def test_parts_of_the_dead_are_cleared_and_of_the_living_left(tmp_path):
    room = BoundedFolder(tmp_path)
    with room.writing("a/living", 10) as file:
        (tmp_path / "a" / ".part-dead").write_bytes(bytes(99))
        room.make(0)
        assert len(list((tmp_path / "a").iterdir())) == 1
        file.write(bytes(10))
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["living"]


def test_what_is_being_written_makes_no_room_for_others(tmp_path):
    room = BoundedFolder(tmp_path, 100)
    with room.writing("frames/first", 60) as file:
        file.write(bytes(60))
        told = pytest.raises(NoRoomError, match="60 bytes needed, 60 bytes in use of its bound of 100 bytes")
        with told, room.writing("frames/second", 60):
            pass
    assert [path.name for path in (tmp_path / "frames").iterdir()] == ["first"]


def test_bytes_for_people():
    assert [human(n) for n in (12, 3_400, 5_600_000, 7_890_000_000, 0)] == [
        "12 bytes",
        "3.4 kB",
        "5.6 MB",
        "7.9 GB",
        "0 bytes",
    ]


def test_little_is_decoded_by_one_process_and_more_by_all():
    assert Estimate(1, 100 * 2**20 - 1, 0).workers(8) == 1
    assert Estimate(1, 100 * 2**20, 0).workers(8) == 8
