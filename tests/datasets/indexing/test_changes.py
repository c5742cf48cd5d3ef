"""Whether a corpus still is what its manifest says: by sizes and times, without opening a file."""

import os
from dataclasses import replace

import pytest

from datasets.corpora.registry import get
from datasets.indexing.changes import changes, other_contents
from datasets.indexing.index import index
from datasets.listing.layouts import require
from tests.datasets.small_corpora import write_dhf1k
from tests.datasets.text_corpus import TextCorpus, reads, write_clip, write_corpus

CORPUS = TextCorpus()


@pytest.fixture
def indexed(tmp_path):
    """A root, and the manifest of its eight clips, of which one is quarantined."""
    root = tmp_path / "corpus"
    write_corpus(root)
    write_clip(root, "train_3", damaged=True)
    manifest = index(CORPUS, root, tmp_path / "m")
    reads(root)
    return root, manifest


def found(manifest, **options):
    return [(f.level, f.kind, f.clip) for f in changes(CORPUS, manifest, **options)]


def test_nothing_is_said_of_what_is_as_it_was_and_nothing_is_read(indexed):
    root, manifest = indexed
    assert found(manifest) == []
    assert reads(root) == []


def test_files_of_another_size_or_time_are_told_with_both(indexed):
    root, manifest = indexed
    before = (root / "train_0.json").stat().st_size
    write_clip(root, "train_0", seed=0, points=123456)
    (size,) = changes(CORPUS, manifest, times=False)
    now = (root / "train_0.json").stat().st_size
    assert (size.level, size.kind, size.clip) == ("error", "changed-files", "train_0")
    assert size.found == f"{now} bytes instead of {before}"
    os.utime(root / "train_1.json", ns=(0, 10**9))
    _, time = changes(CORPUS, manifest)
    assert (time.kind, time.clip) == ("changed-files", "train_1")
    assert time.found.startswith("one modified at 1970-01-01 ")
    assert " instead of 2" in time.found


def test_files_that_have_changed_places_are_told(tmp_path):
    write_dhf1k(tmp_path / "corpus", 1)
    manifest = index("dhf1k", tmp_path / "corpus", tmp_path / "m")
    maps = tmp_path / "corpus" / "annotation" / "0001" / "maps"
    for before, after in (("0001", "aside"), ("0002", "0001"), ("aside", "0002")):
        (maps / f"{before}.png").rename(maps / f"{after}.png")
    (told,) = changes(get("dhf1k"), manifest)
    assert (told.level, told.kind, told.clip) == ("error", "changed-files", "0001")
    assert told.found == "as many bytes, and single files of other names, sizes or times"
    assert list(changes(get("dhf1k"), manifest, times=False)) == []


def test_a_copy_may_have_other_times(indexed):
    root, manifest = indexed
    os.utime(root / "train_1.json", ns=(0, 10**9))
    assert found(manifest, times=False) == []


def test_a_clip_that_is_gone_is_an_error_and_a_new_one_a_warning(indexed):
    root, manifest = indexed
    (root / "test_1.json").unlink()
    write_clip(root, "train_9")
    told = [("error", "vanished-clip", "test_1"), ("warning", "new-clip", "train_9")]
    assert sorted(found(manifest)) == told


def test_a_quarantined_clip_may_have_been_mended_or_removed(indexed):
    root, manifest = indexed
    write_clip(root, "train_3", seed=3)
    assert found(manifest) == [("note", "changed-files", "train_3")]
    (root / "train_3.json").unlink()
    assert found(manifest) == [("note", "vanished-clip", "train_3")]


def test_a_root_that_holds_the_corpus_no_more_is_one_error(indexed, tmp_path):
    _, manifest = indexed

    class Strict(TextCorpus):
        def list(self, root, layout=None):
            require(self.name, root, root.is_dir(), "text files")
            return super().list(root, layout)

    (error,) = changes(Strict(), replace(manifest, root=str(tmp_path / "gone")))
    assert (error.level, error.kind, error.expected, error.found) == (
        "error",
        "root-changed",
        "text files",
        "no such folder",
    )


def exchange(path):
    """Put other content of the same size into a file, and its old modification time."""
    state, content = path.stat(), path.read_bytes()
    path.write_bytes(content[::-1] if content != content[::-1] else bytes(len(content)))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)


def test_a_file_exchanged_for_one_of_the_same_size_and_time_is_found_by_its_content(indexed):
    root, manifest = indexed
    assert list(other_contents(manifest, ())) == []
    exchange(root / "train_0.json")
    assert found(manifest) == []
    told = [(f.level, f.kind, f.clip) for f in other_contents(manifest, ())]
    assert told == [("error", "changed-files", "train_0")]
    assert list(other_contents(manifest, {"train_0"})) == []
    assert reads(root) == []


def test_each_clip_is_reported_and_one_that_is_gone_is_an_error(indexed):
    root, manifest = indexed
    (root / "train_1.json").unlink()
    seen = []
    told = list(other_contents(manifest, (), lambda *numbers: seen.append(numbers)))
    assert [f.clip for f in told] == ["train_1"]
    assert seen == [(done, 7) for done in range(1, 8)]
