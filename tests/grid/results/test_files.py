"""Files that are whole or not there; of a disk that will not take them it is said what is missing."""

import errno
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow.fs import FileSystem

from grid.results.files import explained, mask, upload_atomically, write_atomically, write_text
from grid.results.ledger import Ledger
from grid.training.loop import fit
from manifests.problem import ProblemError
from tests.grid.grids import TINY, Context, job_of, prepare_small
from tests.places import REPOSITORY

MB = 1_000_000


@pytest.fixture
def small_disk(tiny_disk):
    """A disk of 16 MB, where one may be mounted."""
    return tiny_disk(16 * MB)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_an_interrupted_write_leaves_what_was_there(tmp_path):
    path = tmp_path / "folder" / "file"
    write_atomically(path, lambda temporary: temporary.write_text("old"))

    def break_off(temporary):
        temporary.write_text("half of the n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, break_off)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_appears_whole_or_not_at_all(tmp_path, there):
    folder = tmp_path / "export"
    if there:
        folder.mkdir()

    def fill(part, *, fails):
        (part / "deep").mkdir(parents=True)
        (part / "deep" / "file").write_text("content")
        if fails:
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        write_atomically(folder, lambda part: fill(part, fails=True))
    assert list(tmp_path.rglob("*")) == [folder] * there
    write_atomically(folder, lambda part: fill(part, fails=False))
    assert files(tmp_path) == ["export/deep/file"]
    assert list(tmp_path.iterdir()) == [folder]


def test_no_two_writes_share_a_temporary_file(tmp_path):
    seen = []
    for _ in range(3):
        write_atomically(tmp_path / "file", lambda part: (seen.append(part), part.touch()))
    assert len(set(seen)) == 3
    assert {part.parent for part in seen} == {tmp_path}
    assert all(part.name.startswith(".file.") for part in seen)


def test_an_upload_is_whole_or_not_there(tmp_path):
    system, root = FileSystem.from_uri(f"file://{tmp_path}/store")
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * 100)
    upload_atomically(system, source, f"{root}/checkpoints/a.pt")
    assert Path(root, "checkpoints", "a.pt").read_bytes() == source.read_bytes()
    with pytest.raises(IsADirectoryError):
        upload_atomically(system, tmp_path, f"{root}/checkpoints/b.pt")
    assert files(Path(root)) == ["checkpoints/a.pt"]


@pytest.mark.slow
def test_a_trainings_weights_without_room_are_its_error_and_leave_no_part(small_demo, small_disk):
    job = replace(
        job_of(prepare_small(small_demo, *TINY), "generalization"), weights=str(small_disk / "weights.pt")
    )
    with pytest.raises(
        ProblemError, match=r"weights\.pt: expected room for 46\.\d MB, found 1\d\.\d MB free"
    ):
        fit(job, Context())
    assert files(small_disk) == []


def test_a_result_without_room_leaves_the_others(small_disk):
    ledger = Ledger(small_disk)
    first = ledger.write_failure("before", "of an earlier run")
    (small_disk / "filler").write_bytes(bytes(shutil.disk_usage(small_disk).free))
    with pytest.raises(ProblemError, match=r"after\.error\.txt: expected room on the disk, found none"):
        ledger.write_failure("after", "x" * 100_000)
    assert files(small_disk) == ["filler", "logs/before.error.txt"]
    assert first.read_text() == "of an earlier run"


def test_what_only_another_user_may_read_is_left_to_them(tmp_path, monkeypatch):
    """As in a folder that a group shares: logs are their owners' alone."""
    log = tmp_path / "of-a-colleague.log"
    log.write_text("words")

    def refuse(path, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_text", refuse)
    mask(log)
    assert log.read_bytes() == b"words"


def test_an_error_that_tells_a_name_in_no_utf_8_can_be_written_down(tmp_path):
    """It ended the whole run in another error, instead of the one training."""
    name = os.fsdecode(b"caf\xe9/model.py")
    write_text(tmp_path / "told", f'File "{name}", line 3, in größe')
    assert (tmp_path / "told").read_text("utf-8") == 'File "caf\\udce9/model.py", line 3, in größe'


def test_other_errors_stay_what_they_are(tmp_path):
    def fail(part):
        part.write_bytes(b"half")
        raise RuntimeError("no room is not the reason")

    with pytest.raises(RuntimeError, match="is not the reason"):
        write_atomically(tmp_path / "file", fail, 10)
    assert files(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_a_place_that_may_not_be_written_to_is_told_with_what_to_do(tmp_path, number):
    told = pytest.raises(ProblemError, match=r"file: expected a place to write to, found .*Make it writable")
    with told, explained(tmp_path / "file", 0):
        raise OSError(number, os.strerror(number))


_LIMITED = """
import resource, torch
from pathlib import Path
from functools import partial
from grid.results.files import write_atomically, write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
tensors = {"w": torch.zeros(10**6)}
for write in (
    lambda: write_text(Path("text"), 10**6 * "a"),
    lambda: write_atomically(Path("weights"), partial(torch.save, tensors), 4 * 10**6),
):
    try:
        write()
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
"""


def test_a_file_that_is_larger_than_a_shell_allows_is_told_with_the_limit(tmp_path):
    """PyTorch tells of it as of a full disk; tables ended in a traceback."""
    command, environment = [sys.executable, "-c", _LIMITED], os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment, check=True)
    text, weights = done.stdout.splitlines()
    limit = "found a limit of 100.0 kB (ulimit -f). Raise it"
    assert text.startswith("ProblemError: text: expected a file of its size to be allowed")
    assert weights.startswith("ProblemError: weights: expected a file of 4.0 MB to be allowed")
    assert all(limit in told for told in (text, weights))
    assert files(tmp_path) == []


def test_of_a_full_disk_it_is_said_how_much_is_missing(tmp_path):
    size = 2 * shutil.disk_usage(tmp_path).total
    with (
        pytest.raises(ProblemError, match=r"expected room for .*B, found .*B free\. Free .*B at least"),
        explained(tmp_path / "not" / "there" / "file", size),
    ):
        # As PyTorch tells it.
        raise RuntimeError("unexpected pos 64 vs 0")
