"""Machines that share no disk: what one writes, another finds, in a folder or on an S3-compatible server."""

import os
import shutil

import pytest

from datasets.remote import copy_in
from grid.results.files import upload_atomically
from grid.results.storage import Storage, answering
from grid.results.storage import storage as storage_module
from manifests.problem import ProblemError
from tests.grid.grids import prepare_small


def test_a_file_goes_by_the_url_from_one_machine_to_another(url, node):
    storage = Storage(url)
    written = storage.path("checkpoints/a.pt")
    written.parent.mkdir(parents=True)
    written.write_bytes(bytes(range(256)) * 1000)
    storage.publish("checkpoints/a.pt")
    node("second")
    storage = Storage(url)
    assert storage.exists("checkpoints/a.pt")
    assert not storage.exists("checkpoints/b.pt")
    with pytest.raises(FileNotFoundError, match=r"b\.pt"):
        storage.fetch("checkpoints/b.pt")
    found = storage.fetch("checkpoints/a.pt")
    assert found != written
    assert found.read_bytes() == written.read_bytes()
    assert set(storage.files("checkpoints")) == {"checkpoints/a.pt"}
    storage.delete("checkpoints")
    assert not found.exists()
    assert not Storage(url).exists("checkpoints/a.pt")
    assert Storage(url).files("checkpoints") == {}
    storage.delete("checkpoints")


def test_what_is_there_is_not_brought_again_unless_the_url_has_another_version(url, node, monkeypatch):
    """A copy of before would be tested in place of the weights that a unit made again has come to."""
    storage, brought = Storage(url), []
    mine = storage.path("results/a.parquet")
    mine.parent.mkdir(parents=True)
    mine.write_text("first")
    storage.publish("results/a.parquet")
    monkeypatch.setattr(
        "grid.results.storage.storage.copy_in", lambda *call: (brought.append(call[1]), copy_in(*call))
    )
    assert storage.fetch("results/a.parquet").read_text() == "first"
    assert brought == []
    node("second")
    Storage(url).fetch("results/a.parquet")
    assert len(brought) == 1
    node("first")
    mine.write_text("another")
    storage.publish("results/a.parquet")
    node("second")
    assert Storage(url).fetch("results/a.parquet").read_text() == "another"
    Storage(url).fetch("results/a.parquet")
    assert len(brought) == 2
    Storage(url).path("results/mine").write_text("of this machine alone")
    assert Storage(url).fetch("results/mine").read_text() == "of this machine alone"
    with pytest.raises(FileNotFoundError):
        Storage(url).fetch("results/mine", anew=True)


def test_a_folder_is_brought_with_all_that_lies_below_it(url, node, tmp_path):
    storage, source = Storage(url), tmp_path / "source"
    for name in ("plugins/1/own/a.py", "plugins/1/own/deep/b.py", "plugins/1/owner/c.py"):
        source.write_text(name)
        storage.publish(name, source)
    node("second")
    storage = Storage(url)
    found = storage.fetch_folder("plugins/1/own")
    assert found == storage.local / "plugins/1/own"
    assert {path.relative_to(found).as_posix(): path.read_text() for path in found.rglob("*.py")} == {
        "a.py": "plugins/1/own/a.py",
        "deep/b.py": "plugins/1/own/deep/b.py",
    }
    elsewhere = tmp_path / "every machine has it"
    assert storage.fetch_folder(elsewhere) == elsewhere


def test_a_file_is_whole_at_the_url_or_not_there(url, node):
    storage = Storage(url)
    with pytest.raises(FileNotFoundError):
        storage.publish("checkpoints/absent.pt")
    assert storage.files("checkpoints") == {}


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(5, "Input/output error")])
def test_of_an_upload_that_breaks_off_nothing_is_there(url, node, monkeypatch, error):
    """Half of it was, under its name: what stood there already, such as initial weights, never came again."""

    def break_off(source, stream, size):
        stream.write(source.read(3))
        raise error

    storage = Storage(url)
    place = storage.path("weights/a.pt")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"weights")
    with monkeypatch.context() as patched, pytest.raises((KeyboardInterrupt, OSError)):
        patched.setattr("grid.results.files.shutil.copyfileobj", break_off)
        storage.publish("weights/a.pt")
    assert Storage(url).files("weights") == {}
    storage.publish("weights/a.pt")
    assert Storage(url).files("weights")["weights/a.pt"].size == 7


def test_a_file_of_which_a_part_arrived_is_told(url, node, monkeypatch):
    def cut(system, source, target):
        upload_atomically(system, source.with_name("part"), target)

    monkeypatch.setattr("grid.results.storage.storage.upload_atomically", cut)
    storage = Storage(url)
    place = storage.path("checkpoints/a.pt")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"weights")
    place.with_name("part").write_bytes(b"wei")
    with pytest.raises(OSError, match=r"a\.pt: 3 of 7 bytes arrived"):
        storage.publish("checkpoints/a.pt")


def test_where_things_lie_changes_no_id(small_demo, url):
    here, there = prepare_small(small_demo), prepare_small(small_demo, f"storage.url={url}")
    assert here.plan == there.plan


def test_a_folder_and_a_url_each_get_what_the_other_has_and_the_urls_version_counts(url, tmp_path):
    here, there = (Storage(url, str(tmp_path / name)) for name in ("here", "there"))
    for storage, names in ((here, ("both", "mine")), (there, ("both", "yours"))):
        for name in (*names, ".half"):
            path = storage.path(f"results/{name}.parquet")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} in {storage.local.name}")
        storage.agree("results", ".parquet")
    here.agree("results", ".parquet")
    found, theirs = (
        {path.name: path.read_text() for path in sorted((each.local / "results").glob("[!.]*"))}
        for each in (here, there)
    )
    assert theirs["both.parquet"] == "both in here", "the url's, which was there first"
    assert found == {
        "both.parquet": "both in here",
        "mine.parquet": "mine in here",
        "yours.parquet": "yours in there",
    }
    assert set(Storage(url).files("results")) == {f"results/{name}" for name in found}


def test_without_a_url_a_folder_is_the_storage(tmp_path):
    storage = Storage(folder=str(tmp_path))
    path = storage.path("parts/u/0.parquet")
    path.parent.mkdir(parents=True)
    path.write_text("rows")
    storage.publish("parts/u/0.parquet", keep=False)
    assert storage.place("parts/u/0.parquet") == str(path)
    assert storage.name(path) == "parts/u/0.parquet"
    assert storage.fetch("parts/u/0.parquet", anew=True).read_text() == "rows"
    assert storage.fetch_folder("parts/u") == path.parent
    assert set(storage.files("parts")) == {"parts/u/0.parquet"}
    storage.delete("parts/u")
    assert not path.parent.exists()


def test_what_is_removed_while_files_are_looked_for_is_left_out(tmp_path, monkeypatch):
    """Who waited after Ctrl-C for a state to be saved ended in a traceback as an older one was removed."""
    for name in ("first/state.pt", "second/state.pt", "second/note"):
        (tmp_path / "t" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "t" / name).write_text("whole")
    before = os.scandir

    def scandir(folder):
        if str(folder).endswith("/first"):
            shutil.rmtree(folder)
        return before(folder)

    def mark(path):
        path.with_name("note").unlink(missing_ok=True)
        return marked(path)

    marked = storage_module._mark
    monkeypatch.setattr(os, "scandir", scandir)
    monkeypatch.setattr(storage_module, "_mark", mark)
    assert {*Storage(folder=str(tmp_path)).files("t")} <= {"t/second/state.pt"}


def test_a_storage_that_no_longer_answers_is_told_with_what_to_do():
    told = pytest.raises(ProblemError, match="storage that answers at s3://bucket/x, found it is gone")
    with told, answering("s3://bucket/x"):
        raise OSError("it is \n gone")
