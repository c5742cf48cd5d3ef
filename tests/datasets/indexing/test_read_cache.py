"""What was read is kept clip by clip: nothing is read twice, nothing damaged is taken, nobody else writes."""

import os
import sqlite3
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from datasets.corpus import Reading
from datasets.indexing.index import index
from datasets.indexing.read_cache import CACHE_FILE, LOCK_FILE, ReadCache, only_index_in, pack
from manifests import Finding, ProblemError
from tests.datasets.small_corpora import a_clip
from tests.datasets.text_corpus import TextCorpus, reads, write_clip, write_corpus
from tests.places import REPOSITORY

CORPUS = TextCorpus()
FINDING = Finding("warning", "kind", "x", "p", "this", "that", "do")
ROWS = np.array([[0, 1, 2], [5, 70_000, 3]], np.int32)


def reading_of(clip, rows=ROWS, findings=(FINDING,)):
    return Reading(a_clip(clip=clip, keyframes=(0, 512), keyframe_frames=(0, 10)), rows, findings)


def test_what_is_put_comes_back_by_its_key(tmp_path):
    with ReadCache(tmp_path) as cache:
        cache.put("key x", pack(reading_of("x")))
        cache.put("key y", pack(reading_of("y", np.empty((0, 3), np.int32), ())))
    with ReadCache(tmp_path) as cache:
        known = cache.recall({"x": "key x", "y": "key y", "z": "key z"})
        assert known == {"x": (reading_of("x").clip, (FINDING,)), "y": (reading_of("y").clip, ())}
        assert np.array_equal(cache.get("x"), ROWS)
        assert cache.get("y") is None
        assert cache.get("z") is None
        assert cache.recall({"x": "another key"}) == {}


def test_a_clip_put_again_is_replaced_and_others_are_forgotten(tmp_path):
    with ReadCache(tmp_path) as cache:
        for clip in "xy":
            cache.put("old", pack(reading_of(clip)))
        changed = replace(reading_of("x").clip, n_frames=99)
        cache.put("new", pack(Reading(changed, ROWS[:1])))
        cache.keep_only({"x": "new"})
        assert cache.recall({"x": "new", "y": "old"}) == {"x": (changed, ())}
        assert np.array_equal(cache.get("x"), ROWS[:1])


def test_fixations_are_packed_column_by_column():
    packed = pack(reading_of("x", np.tile(ROWS, (1000, 1))))
    assert len(packed.fixations) < 1000
    assert pack(reading_of("x", np.empty((0, 3), np.int32))).fixations == b""


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3 :] = b"\xff" * (len(content) - len(content) // 3)
    path.write_bytes(content)


def not_sqlite(path):
    path.write_text("notes to myself")


def foreign(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE clips (x)")


@pytest.mark.parametrize("damage", [damage_middle, not_sqlite, foreign])
def test_a_damaged_or_foreign_cache_is_begun_afresh(tmp_path, damage, caplog):
    root, out = tmp_path / "corpus", tmp_path / "m"
    names = write_corpus(root, points=2000)
    digest = index(CORPUS, root, out).digest
    reads(root)
    damage(out / CACHE_FILE)
    assert index(CORPUS, root, out).digest == digest
    assert "all clips are read again" in caplog.text
    assert sorted(reads(root)) == sorted(names)
    index(CORPUS, root, out)
    assert reads(root) == []


def test_one_damaged_row_is_read_again(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    digest = index(CORPUS, root, out).digest
    reads(root)
    with sqlite3.connect(out / CACHE_FILE) as database:
        database.execute("UPDATE clips SET fixations = x'00' WHERE clip = 'train_5'")
    assert index(CORPUS, root, out).digest == digest
    assert reads(root) == ["train_5"]


def test_pages_that_clips_are_found_by_are_not_trusted_when_damaged(tmp_path):
    """The rows had checksums: of a clip that SQLite did not find any more, fixations were left out."""
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    digest = index(CORPUS, root, out).digest
    with sqlite3.connect(out / CACHE_FILE) as database:
        pages = database.execute("PRAGMA page_size").fetchone()[0]
        first = database.execute("SELECT rootpage FROM sqlite_master WHERE type = 'index'").fetchone()[0]
    sound = (out / CACHE_FILE).read_bytes()
    end = first * pages
    places = [place for place in range(end - pages, end) if sound[place] or place > end - 200]
    assert len(places) > 100
    for place in places:
        content = bytearray(sound)
        content[place] ^= 1
        (out / CACHE_FILE).write_bytes(content)
        assert index(CORPUS, root, out).digest == digest


def test_a_value_of_another_kind_than_was_put_is_read_again(tmp_path, caplog):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    digest = index(CORPUS, root, out).digest
    with sqlite3.connect(out / CACHE_FILE) as database:
        database.execute("UPDATE clips SET fixations = 'text' WHERE clip = 'train_5'")
    assert index(CORPUS, root, out).digest == digest
    assert "all clips are read again" in caplog.text


def test_a_second_index_into_the_folder_is_refused_and_names_the_first(tmp_path):
    write_corpus(tmp_path / "corpus")
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / LOCK_FILE).write_text("process 1 on elsewhere, long dead\n")
    told = []

    def again(*_):
        with pytest.raises(ProblemError, match=f"no other index .*, found process {os.getpid()} on"):
            index(CORPUS, tmp_path / "corpus", tmp_path / "m")
        told.append(1)

    index(CORPUS, tmp_path / "corpus", tmp_path / "m", progress=again)
    assert told
    assert index(CORPUS, tmp_path / "corpus", tmp_path / "m").counts["train"] == 6


def test_the_lock_ends_with_its_holder(tmp_path):
    with only_index_in(tmp_path):
        with pytest.raises(ProblemError, match="no other index at work here"), only_index_in(tmp_path):
            pass
        assert f"process {os.getpid()} on" in (tmp_path / LOCK_FILE).read_text()
    with only_index_in(tmp_path):
        pass


def test_a_folder_that_takes_no_more_is_told_with_what_to_do(tiny_disk):
    folder = tiny_disk("64k")
    with ReadCache(folder) as cache:
        (folder / "other").write_bytes(bytes(20_000))
        with pytest.raises(ProblemError, match="Make room if the disk is full, and give the same command"):
            for n in range(100):
                cache.put("key", pack(reading_of(str(n), np.random.default_rng(n).integers(0, 99, (900, 3)))))
                cache.keep_only({str(k): "" for k in range(100)})
        (folder / "other").unlink()


_PEAK = """
import sys
from tests.datasets.text_corpus import TextCorpus
from datasets.indexing.index import index

if __name__ == "__main__":
    index(TextCorpus(), sys.argv[1], sys.argv[2])
    # Of this program alone: what getrusage tells begins at the size of the process that started it.
    print(next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_corpus(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_PEAK)
    peak = []
    for n_clips in (20, 50):
        root = tmp_path / f"{n_clips}" / "corpus"
        for n in range(n_clips):
            write_clip(root, f"train_{n}", seed=n, points=100_000, frames=600)
        command = [sys.executable, script, str(root), str(tmp_path / f"{n_clips}" / "m")]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        peak.append(float(done.stdout))
    # MiB; the fixations of 30 clips more are 30 MiB in memory.
    assert peak[1] - peak[0] < 12
