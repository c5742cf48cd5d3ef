"""What killed runs have left goes when the next one begins, and nothing else does."""

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from grid.results import output_folder
from grid.results.cleanup import clear, scratch
from grid.results.files import write_atomically
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from manifests.problem import ProblemError
from tests.grid.small_ledger import finish, small_plan, table_spec

PLAN = small_plan(table_spec())
DONE, TODO, *_ = PLAN.trainings


def write(out, *names):
    for name in names:
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_killed_runs_have_left_is_removed_and_nothing_else(tmp_path):
    ledger = Ledger(tmp_path)
    kept = [
        "results/training-a.parquet",
        "logs/a.error.txt",
        "checkpoints/a.pt",
        "resume/a/checkpoint_1/state.pt",
        ".lock",
        ".notes.2",
    ]
    gone = [
        "results/.training-a.parquet.4417968912345678901234",
        "logs/.a.error.txt.4417968912345678901234",
        "checkpoints/.a.pt.4417968912345678901234",
        "tables/.t.tex.4417968912345678901234",
        "figures/.t-curves.pdf.287711795987151243110410",
        "reports/.t.html.4417968912345678901234",
        "grids/.t.json.4417968912345678901234",
        ".mlflow.db.4417968912345678901234",
        ".mlflow.db.4417968912345678901234-journal",
    ]
    write(tmp_path, *kept, *gone)
    clear(ledger)
    assert files(tmp_path) == sorted(kept), (
        "a result that cannot be read is not done, and its states are needed"
    )


def killed(part):
    """Write half of a file, and end as a process does that is killed: without tidying up."""
    part.write_text("half")
    raise KeyboardInterrupt


@pytest.mark.parametrize("folder", ["results", "checkpoints", "tables", "logs", "."])
def test_half_a_file_is_known_by_the_name_that_its_writer_gives_it(tmp_path, folder, monkeypatch):
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "unlink", lambda *_, **__: None)
        write_atomically(tmp_path / folder / "unit.part", killed)
    assert len(files(tmp_path)) == 1
    clear(Ledger(tmp_path))
    assert files(tmp_path) == []


def test_half_an_export_goes_and_a_users_own_folder_stays(tmp_path):
    """Of a folder each later run ended in a traceback."""

    def killed_in_a_folder(part):
        part.mkdir()
        killed(part / "README.md")

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        write_atomically(tmp_path / "paper", killed_in_a_folder)
    assert len(files(tmp_path)) == 1
    (tmp_path / ".venv3.11").mkdir()
    clear(Ledger(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [".venv3.11"]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_states_and_parts_go_when_their_results_are_there(tmp_path, elsewhere):
    storage = Storage(f"file://{tmp_path}/store", str(tmp_path / "out")) if elsewhere else None
    ledger = Ledger(tmp_path / "out", storage)
    finish(ledger, PLAN, DONE, NSS=1.0)
    names = [
        name
        for unit in (DONE, TODO)
        for name in (output_folder.state(unit, 1, "a"), output_folder.part(f"on-{unit}", 0))
    ]
    write(ledger.out, *names)
    if elsewhere:
        for name in names:
            ledger.storage.publish(name)
    clear(ledger)
    left = [name for folder in ("resume", "parts") for name in ledger.storage.files(folder)]
    assert left == [output_folder.state(TODO, 1, "a"), output_folder.part(f"on-{TODO}", 0)]


@pytest.mark.parametrize("name", [output_folder.result("training", DONE), output_folder.failure(TODO)])
def test_half_an_upload_goes_from_a_store_that_shows_it_when_it_is_a_day_old(tmp_path, monkeypatch, name):
    """A killed process left it there for good."""
    ledger = Ledger(tmp_path / "out", Storage(f"file://{tmp_path}/store", str(tmp_path / "out")))
    finish(ledger, PLAN, DONE, NSS=1.0)
    ledger.write_failure(TODO, "out of memory")
    whole = sorted(files(tmp_path / "store"))
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(shutil, "copyfileobj", lambda *_: killed(tmp_path / "any"))
        patched.setattr("grid.results.files.FileType", SimpleNamespace(File=None))
        ledger.storage.publish(name)
    (half,) = set(files(tmp_path / "store")) - {*whole}
    clear(ledger)
    assert half in files(tmp_path / "store"), "another machine may be at it"
    os.utime(tmp_path / "store" / half, (0, 0))
    with monkeypatch.context() as patched:
        patched.setattr("grid.results.files._ATOMIC_BY_ITSELF", ("local",))
        clear(ledger)
    assert half in files(tmp_path / "store"), "where no upload is seen before its end none is looked for"
    clear(ledger)
    assert sorted(files(tmp_path / "store")) == whole


def test_a_storage_that_does_not_answer_is_a_problem(tmp_path, monkeypatch):
    def gone(*_):
        raise OSError("no route to it")

    monkeypatch.setattr(Storage, "files", gone)
    with pytest.raises(ProblemError, match=r"a storage that answers at .*, found no route to it"):
        clear(Ledger(tmp_path, Storage("s3://bucket/x", str(tmp_path))))


def test_what_a_killed_run_of_another_user_has_left_stops_nobody(tmp_path, monkeypatch):
    left = f"{output_folder.SCRATCH}/of another user"
    write(tmp_path, left)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)
    with scratch(tmp_path), tempfile.NamedTemporaryFile() as file:
        assert Path(file.name).is_relative_to(tmp_path / output_folder.SCRATCH)
    assert files(tmp_path) == [left]


def test_temporary_files_lie_in_the_output_folder_and_go_with_the_run(tmp_path):
    before = tempfile.gettempdir()
    write(tmp_path, f"{output_folder.SCRATCH}/of a killed run")
    with scratch(tmp_path):
        assert files(tmp_path) == []
        with tempfile.NamedTemporaryFile(delete=False) as file:
            assert Path(file.name).is_relative_to(tmp_path / output_folder.SCRATCH)
    assert tempfile.gettempdir() == before
    assert not (tmp_path / output_folder.SCRATCH).exists()
