"""Corpora indexed once and again, by one process and by several: what is read, and what the manifest says."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from datasets.corpora.own_folder import FolderCorpus
from datasets.frame_store.store import FrameStore
from datasets.indexing import index as index_module
from datasets.indexing.index import index
from datasets.indexing.read_cache import CACHE_FILE, _checksum
from datasets.reading.ground_truth import shipped_map
from datasets.reading.video import read_frames
from manifests import ManifestError, ProblemError, open_manifest
from manifests.clips import FIELDS
from tests.datasets.small_corpora import (
    expected_rows,
    four_digits,
    moving_square,
    write_dhf1k,
    write_fixations,
    write_frames,
    write_maps,
    write_ucf,
    write_video,
)
from tests.datasets.text_corpus import TextCorpus, reads, write_clip, write_corpus
from tests.places import REPOSITORY

CORPUS = TextCorpus()
MINE = FolderCorpus("Mine")


def rows_of(manifest, clip):
    return np.column_stack(manifest.fixations().of(clip)).tolist()


def test_a_second_run_reads_only_what_has_changed_or_is_new(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    names = write_corpus(root)
    first = index(CORPUS, root, out)
    assert sorted(reads(root)) == sorted(names)
    before = {name: rows_of(first, name) for name in ("train_0", "train_1")}
    told = []
    assert index(CORPUS, root, out, progress=lambda *args: told.append(args)).digest == first.digest
    assert (reads(root), told) == ([], [])

    write_clip(root, "train_1", seed=1, points=90)
    write_clip(root, "train_7")
    (root / "test_0.json").unlink()
    second = index(CORPUS, root, out, progress=lambda *args: told.append(args))
    assert sorted(reads(root)) == ["train_1", "train_7"]
    assert [(done, total, clip.clip) for done, total, clip in told] == [(7, 8, "train_1"), (8, 8, "train_7")]
    assert (second.counts["train"], second.counts["test"]) == (7, 1)
    assert len(keys(out)) == 8, "what is gone is forgotten"
    assert second.digest == index(CORPUS, root, tmp_path / "fresh").digest
    assert rows_of(second, "train_0") == before["train_0"]
    assert len(rows_of(second, "train_1")) > len(before["train_1"]) > 20


def test_a_clip_changed_within_its_time_or_its_size_is_read_again(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root, points=30)
    index(CORPUS, root, out)
    reads(root)
    path = root / "train_0.json"
    before = path.stat()
    write_clip(root, "train_0", seed=0, points=31)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert path.stat().st_size == before.st_size
    write_clip(root, "train_1", seed=1, points=300)
    os.utime(root / "train_1.json", ns=(before.st_atime_ns, before.st_mtime_ns))
    index(CORPUS, root, out)
    assert sorted(reads(root)) == ["train_0", "train_1"]


@pytest.mark.parametrize("changed", [{"split": "val"}, {"source_video": "another"}])
def test_a_clip_that_is_listed_otherwise_is_read_again(tmp_path, changed):
    class Otherwise(TextCorpus):
        def _entry(self, name):
            entry = super()._entry(name)
            return replace(entry, **changed) if entry.clip == "train_0" else entry

    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    index(CORPUS, root, out)
    reads(root)
    index(Otherwise(), root, out)
    assert reads(root) == ["train_0"]


def test_another_reader_version_reads_everything_again(tmp_path, monkeypatch):
    root, out = tmp_path / "corpus", tmp_path / "m"
    names = write_corpus(root)
    index(CORPUS, root, out)
    reads(root)
    monkeypatch.setattr(index_module, "READER_VERSION", index_module.READER_VERSION + 1)
    index(CORPUS, root, out)
    assert sorted(reads(root)) == sorted(names)


def test_processes_give_what_one_gives(tmp_path):
    write_corpus(tmp_path / "corpus")
    write_clip(tmp_path / "corpus", "train_9", damaged=True)
    alone = index(CORPUS, tmp_path / "corpus", tmp_path / "alone")
    told = []
    together = index(
        CORPUS, tmp_path / "corpus", tmp_path / "m", workers=3, progress=lambda *args: told.append(args)
    )
    assert together.digest == alone.digest
    assert together.problems() == alone.problems()
    assert [done for done, *_ in told] == list(range(1, 10))


def test_a_real_corpus_in_processes(tmp_path):
    for number in range(1, 5):
        write_ucf(tmp_path / "corpus", "training", f"Diving-Side-{number:03d}", 4 + number)
    write_ucf(tmp_path / "corpus", "testing", "Lifting-001", 3)
    alone = index("ucf_sports", tmp_path / "corpus", tmp_path / "alone")
    assert (sum(alone.counts.values()), alone.quarantined) == (5, 0)
    assert index("ucf_sports", tmp_path / "corpus", tmp_path / "m", workers=2).digest == alone.digest


@pytest.mark.slow
def test_a_clip_that_kills_its_reader_is_quarantined_and_tried_again_next_time(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    names = write_corpus(root)
    write_clip(root, "train_3", kill=True)
    manifest = index(CORPUS, root, out, workers=2)
    (clip,) = manifest.clips(status="quarantined")
    reason = "expected a clip that can be read, found its process was killed by SIGKILL (Killed)"
    assert (clip.clip, clip.reason) == ("train_3", reason)
    (finding,) = [f for f in manifest.problems() if f.level == "error"]
    assert (finding.kind, finding.clip, finding.path) == ("unreadable-crash", "train_3", "train_3.json")
    assert "fewer --workers" in finding.remedy
    assert len(manifest.clips()) == len(names) - 1
    reads(root)
    assert index(CORPUS, root, out, workers=2).digest == manifest.digest
    assert set(reads(root)) == {"train_3"}


def test_a_clip_that_could_not_be_read_is_tried_again_though_its_files_are_the_same(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    write_clip(root, "train_4", damaged=True)
    # Its reader fails with a TypeError, as it would for want of rights or memory.
    write_clip(root, "train_3", seconds="now")
    index(CORPUS, root, out)
    reads(root)
    index(CORPUS, root, out)
    assert reads(root) == ["train_3"]


def test_a_clip_that_vanishes_after_listing_is_quarantined(tmp_path):
    class Vanishing(TextCorpus):
        def list(self, root, layout=None):
            listing = super().list(root, layout)
            (root / "train_2.json").unlink()
            return listing

    write_corpus(tmp_path / "corpus")
    manifest = index(Vanishing(), tmp_path / "corpus", tmp_path / "m")
    (clip,) = manifest.clips(status="quarantined")
    assert clip.clip == "train_2"
    assert "FileNotFoundError" in clip.reason
    assert str(tmp_path) not in clip.reason


def test_clips_missing_or_more_than_published_are_said(tmp_path):
    write_corpus(tmp_path / "corpus")
    for name in ("train_0", "train_1"):
        (tmp_path / "corpus" / f"{name}.json").unlink()
    write_clip(tmp_path / "corpus", "test_8")
    findings = index(CORPUS, tmp_path / "corpus", tmp_path / "m").problems()
    assert [(f.level, f.kind, f.expected, f.found) for f in findings] == [
        ("warning", "missing-clip", "the 6 published clips of train", "4"),
        ("warning", "additional-clip", "the 2 published clips of test", "3"),
    ]


def test_validation_drawn_by_source_video(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root)
    paper = index(CORPUS, root, out)
    reads(root)
    grouped = index(CORPUS, root, out, split="grouped", seed=3)
    assert reads(root) == []
    assert paper.counts["val"] == 0
    assert (grouped.counts["train"], grouped.counts["val"], grouped.counts["test"]) == (4, 2, 2)
    held = {clip.source_video for clip in grouped.clips("val")}
    assert held.isdisjoint(clip.source_video for clip in grouped.clips("train"))
    (note,) = grouped.problems()
    assert (note.level, note.kind) == ("note", "split-redrawn")
    assert "2 clips for validation beside 4 for training, drawn by source video with seed 3" in note.found
    assert index(CORPUS, root, out).digest == paper.digest


def test_without_a_usable_clip_there_is_no_manifest(tmp_path):
    for n in range(5):
        write_clip(tmp_path / "corpus", f"train_{n}", damaged=True)
    with pytest.raises(
        ProblemError, match="5 clips, all quarantined, the first because of train_0: expected"
    ):
        index(CORPUS, tmp_path / "corpus", tmp_path / "m")
    with pytest.raises(ManifestError):
        open_manifest(tmp_path / "m")


def test_without_a_usable_clip_what_lies_beside_them_is_told_as_well(tmp_path):
    root = tmp_path / "corpus"
    write_dhf1k(root, 1, 3)
    (root / "annotation").rename(root / "once")
    (root / "annotation").mkdir()
    (root / "once").rename(root / "annotation/annotation")
    with pytest.raises(ProblemError) as error:
        index("dhf1k", root, tmp_path / "m")
    told = str(error.value)
    assert "expected usable clips, found 1 clips, all quarantined" in told
    assert f"{root}/annotation: expected folders of the layout, found another name with annotation." in told


def test_a_folder_with_the_manifest_of_another_corpus_is_left_alone(tmp_path):
    class Other(TextCorpus):
        name = "Other"

    write_corpus(tmp_path / "corpus")
    digest = index(CORPUS, tmp_path / "corpus", tmp_path / "m").digest
    with pytest.raises(ProblemError, match="a manifest of Other, or none, found that of Text"):
        index(Other(), tmp_path / "corpus", tmp_path / "m")
    assert open_manifest(tmp_path / "m").digest == digest


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
from datasets.indexing.read_cache import CACHE_FILE, _checksum
from datasets.reading.ground_truth import shipped_map
from datasets.reading.video import read_frames

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


@pytest.mark.slow
def test_an_index_killed_while_writing_leaves_the_old_manifest_or_the_new_one(tmp_path):
    root, out = tmp_path / "corpus", tmp_path / "m"
    write_corpus(root, points=30)
    old = index(CORPUS, root, out).digest
    write_corpus(root, points=150_000, frames=5000)
    new = index(CORPUS, root, tmp_path / "undisturbed").digest
    reads(root)
    for delay in (0.0, 0.1, 0.4):
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


def test_the_digest_does_not_depend_on_where_the_corpus_lies(tmp_path):
    for number in (1, 2):
        write_dhf1k(tmp_path / "here", number, 3)
    (tmp_path / "here/annotation/0002/fixation/0002.png").write_bytes(b"")
    here = index("dhf1k", tmp_path / "here", tmp_path / "m1")
    (tmp_path / "link").symlink_to(tmp_path / "here")
    assert index("DHF1K", tmp_path / "link", tmp_path / "m2").digest == here.digest
    (tmp_path / "here").rename(tmp_path / "elsewhere")
    assert index("dhf1k", tmp_path / "elsewhere", tmp_path / "m3").digest == here.digest
    assert here.quarantined == 1


def test_a_file_exchanged_within_its_size_and_time_is_read_again_and_one_only_touched_is_not(tmp_path):
    root = tmp_path / "c"
    write_corpus(root)
    before = index(CORPUS, root, tmp_path / "m")
    reads(root)
    for name in ("train_0", "train_1"):
        path = root / f"{name}.json"
        state, content = path.stat(), path.read_bytes()
        path.write_bytes(content + b" " if name == "train_1" else content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    (root / "train_1.json").chmod(0o600)
    content = (root / "train_1.json").read_bytes()
    (root / "train_1.json").write_bytes(content[:-1].replace(b": ", b":\t", 1))
    os.utime(root / "train_1.json", ns=(state.st_atime_ns, state.st_mtime_ns))
    after = index(CORPUS, root, tmp_path / "m")
    assert reads(root) == ["train_1"]
    assert after.digest != before.digest
    index(CORPUS, root, tmp_path / "m")
    assert reads(root) == []


def test_what_was_read_before_files_had_states_of_their_own_gets_them_without_being_read_again(tmp_path):
    root, out = tmp_path / "c", tmp_path / "m"
    write_corpus(root)
    states = [clip.states for clip in index(CORPUS, root, out).clips()]
    with closing(sqlite3.connect(out / CACHE_FILE)) as cache:
        for clip, columns, *rest in cache.execute(
            "SELECT clip, columns, findings, fixations FROM clips"
        ).fetchall():
            before = json.dumps(json.loads(columns)[: FIELDS.index("states")])
            changed = "UPDATE clips SET columns = ?, checksum = ? WHERE clip = ?"
            cache.execute(changed, (before, _checksum(before, *rest), clip))
        cache.commit()
    reads(root)
    assert [clip.states for clip in index(CORPUS, root, out).clips()] == states
    assert reads(root) == []
    assert all(states)


def test_a_quarantined_clip_exchanged_for_a_good_one_of_its_size_and_time_is_read_again(tmp_path):
    root = tmp_path / "c"
    write_corpus(root)
    path = root / "train_0.json"
    good = path.read_bytes()
    damaged = good.rstrip(b"}").rstrip() + b', "damaged": true}'
    path.write_bytes(damaged)
    state = path.stat()
    assert index(CORPUS, root, tmp_path / "m").quarantined == 1
    path.write_bytes(good.ljust(len(damaged)))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    reads(root)
    assert index(CORPUS, root, tmp_path / "m").quarantined == 0
    assert reads(root) == ["train_0"]


@pytest.mark.parametrize("media", ["video", "frames"])
def test_frames_whose_annotations_are_missing_at_the_end_are_left_out_where_that_is_tolerated(
    tmp_path, media
):
    """Of 12 frames the last has no map, and the last two no fixations."""
    root, names = tmp_path / "c", four_digits(12)
    if media == "video":
        write_video(root / "videos" / "a.avi", moving_square(12), g="5", qscale="2")
    else:
        write_frames(root / "frames" / "a", names)
    write_maps(root / "maps" / "a", names[:-1])
    write_fixations(root / "fixations" / "a", names[:-2])
    with pytest.raises(ProblemError, match="12 frames, 11 maps, 10 fixation files"):
        index(MINE, root, tmp_path / "m", tolerate=1)
    manifest = index(MINE, root, tmp_path / "m", tolerate=2)
    (clip,) = manifest.clips("train")
    assert (clip.n_frames, clip.left_out, manifest.options["tolerate"]) == (10, 2, 2)
    assert rows_of(manifest, "a") == [list(row) for row in expected_rows(10)]
    (told,) = (finding for finding in manifest.problems() if finding.kind == "frames-left-out")
    assert (told.level, told.found) == ("warning", "11 maps, 10 fixation files")
    assert told.remedy.startswith("The last 2 frames are left out")
    store = FrameStore(tmp_path / "s", manifest, (48, 64))
    store.build([clip], workers=1)
    assert len(store.read_frames(clip, 0, 10)) == 10
    assert index(MINE, root, tmp_path / "m", tolerate=2).digest == manifest.digest
    with pytest.raises(ProblemError, match="12 frames"):
        index(MINE, root, tmp_path / "m")


@pytest.mark.parametrize(("media", "first"), [("video", 1), ("frames", 1), ("frames", 0)])
def test_frames_whose_annotations_are_missing_at_the_beginning_are_left_out_likewise(tmp_path, media, first):
    """Of 12 frames the first two have no map, the first and the last no fixations; frames may count from 0.

    What is left is read from the frames that the annotations are of, also after a seek.
    """
    root, numbers = tmp_path / "c", four_digits(12)
    if media == "video":
        write_video(root / "videos" / "a.avi", moving_square(12), g="3", qscale="2")
    else:
        write_frames(root / "frames" / "a", four_digits(12, first))
    write_maps(root / "maps" / "a", numbers[2:])
    write_fixations(root / "fixations" / "a", numbers[1:-1])
    with pytest.raises(ProblemError, match="12 frames, 10 maps, 10 fixation files"):
        index(MINE, root, tmp_path / "m", tolerate=2)
    manifest = index(MINE, root, tmp_path / "m", tolerate=3)
    (clip,) = manifest.clips("train")
    assert (clip.n_frames, clip.left_out, clip.first_frame, clip.first_annotation) == (9, 3, 2 + first, 3)
    (told,) = (finding for finding in manifest.problems() if finding.kind == "frames-left-out")
    assert told.found == "10 maps from 3, 10 fixation files from 2"
    assert told.remedy.startswith("The first 2 and the last 1 frames are left out")
    # The fixation files are written as of frames 0 to 9, of which the second is the first that counts.
    assert rows_of(manifest, "a") == [[i - 1, y, x] for i, y, x in expected_rows(10) if i > 0]
    assert shipped_map(manifest.root, clip, 0)[0, 0] == 10
    whole = read_frames(manifest.root, replace(clip, first_frame=first, n_frames=12, left_out=0))[2:11]
    np.testing.assert_array_equal(read_frames(manifest.root, clip), whole)
    np.testing.assert_array_equal(read_frames(manifest.root, clip, None, 5, 3), whole[5:8])
