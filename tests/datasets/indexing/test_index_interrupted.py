"""Indexes killed at any moment, two at a time, with a damaged cache, or with more fixations than memory."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest

from datasets.indexing.index import index
from datasets.indexing.read_cache import CACHE_FILE, LOCK_FILE
from manifests import ProblemError, open_manifest
from tests.datasets.text_corpus import TextCorpus, reads, write_clip, write_corpus
from tests.places import REPOSITORY

CORPUS = TextCorpus()


def rows_of(manifest, clip):
    return np.column_stack(manifest.fixations().of(clip)).tolist()


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
def test_a_damaged_or_foreign_journal_is_begun_afresh(tmp_path, damage, caplog):
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


def test_temporary_files_of_the_dead_are_removed_and_those_of_the_living_kept(tmp_path):
    write_corpus(tmp_path / "corpus")
    (tmp_path / "m").mkdir()
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    dead, living = (tmp_path / "m" / f".clips.parquet.{number}" for number in (process.pid, os.getppid()))
    for path in (dead, living):
        path.write_bytes(b"half")
    index(CORPUS, tmp_path / "corpus", tmp_path / "m")
    assert (dead.exists(), living.exists()) == (False, True)


_INDEX = """
import sys
from tests.datasets.text_corpus import TextCorpus
from datasets.indexing.index import index

def tell(done, total, clip):
    print(done, flush=True)

if __name__ == "__main__":
    index(TextCorpus(), sys.argv[1], sys.argv[2], workers=int(sys.argv[3]), progress=tell)
"""


def start_index(tmp_path, root, out, workers=1):
    script = tmp_path / "script.py"
    script.write_text(_INDEX)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, script, str(root), str(out), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def keys(out):
    """Return the key of each clip in the cache, changed by whatever its row is made from."""
    with closing(sqlite3.connect(out / CACHE_FILE)) as database:
        return dict(database.execute("SELECT clip, key FROM clips").fetchall())


@pytest.mark.slow
@pytest.mark.parametrize(("workers", "moments"), [(1, (0, 1, 3)), (2, (1, 3))])
def test_a_killed_index_goes_on_from_what_it_read(tmp_path, workers, moments):
    root, out = tmp_path / "corpus", tmp_path / "m"
    names = write_corpus(root, points=30)
    old = index(CORPUS, root, out).digest
    # All clips change, so that the old manifest differs from the new one in every clip.
    write_corpus(root, points=40, seconds=0.3)
    stale, finished = keys(out), 0
    for moment in moments:
        with start_index(tmp_path, root, out, workers) as process:
            for _ in range(moment):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
        assert open_manifest(out).digest == old
        kept = len(keys(out).items() - stale.items())
        # All but the last half second of what was told to be done.
        assert kept >= finished + moment - 2 * workers
        finished = kept
    assert finished > 0
    reads(root)
    told = []
    new = index(CORPUS, root, out, workers=workers, progress=lambda *args: told.append(args[0]))
    assert told == list(range(finished + 1, len(names) + 1))
    assert len(reads(root)) == len(told)
    assert new.digest != old
    assert new.digest == index(CORPUS, root, tmp_path / "undisturbed", workers=4).digest


def test_an_index_killed_while_writing_leaves_the_old_manifest_or_the_new_one(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root, points=30)
    old = index(CORPUS, root, out).digest
    write_corpus(root, points=150_000, frames=5000)
    new = index(CORPUS, root, tmp_path / "undisturbed").digest
    reads(root)
    for delay in (0.0, 0.05, 0.15, 0.3, 0.5):
        with start_index(tmp_path, root, out) as process:
            temporary = out / f".fixations.parquet.{process.pid}"
            while not temporary.exists() and process.poll() is None:
                time.sleep(0.001)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        found = open_manifest(out)
        assert found.digest in (old, new)
        assert len(rows_of(found, "train_0")) > 20
    first = reads(root)
    assert index(CORPUS, root, out).digest == new
    assert reads(root) == []
    assert len(first) == 8
    assert not list(out.glob(".*.parquet.*"))


_PEAK = """
import resource, sys
from tests.datasets.text_corpus import TextCorpus
from datasets.indexing.index import index

if __name__ == "__main__":
    index(TextCorpus(), sys.argv[1], sys.argv[2])
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def test_memory_does_not_grow_with_the_corpus(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(_PEAK)
    peak = []
    for n_clips in (20, 120):
        root = tmp_path / f"{n_clips}" / "corpus"
        for n in range(n_clips):
            write_clip(root, f"train_{n}", seed=n, points=100_000, frames=600)
        command = [sys.executable, script, str(root), str(tmp_path / f"{n_clips}" / "m")]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
        peak.append(float(done.stdout))
    # MiB; the fixations of 100 clips more are 100 MiB in memory.
    assert peak[1] - peak[0] < 30
