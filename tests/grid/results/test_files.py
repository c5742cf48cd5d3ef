"""A disk that is full or may not be written to: what is missing is said, and what was there stays."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from grid.results import cleanup
from grid.results.files import write_atomically
from grid.results.ledger import Ledger
from grid.training import states
from grid.training.loop import fit
from manifests.problem import ProblemError
from tests.grid.grids import Context, job_of, prepare_small
from tests.places import REPOSITORY

MB = 1_000_000


@pytest.fixture
def small_disk(tiny_disk):
    """A disk of 16 MB, where one may be mounted."""
    return tiny_disk(16 * MB)


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_state_without_room_says_how_much_is_missing_and_the_one_before_stays(small_disk):
    sound = states.save(small_disk, 1, {"step": 1, "weights": torch.zeros(MB)})
    with pytest.raises(ProblemError) as caught:
        states.save(small_disk, 2, {"step": 2, "weights": {"deep": [torch.zeros(6 * MB)]}})
    told = (
        r"state\.pt: expected room for 24\.0 MB, found 1[12]\.\d MB free\. Free 1[123]\.\d MB at least, then"
    )
    assert re.search(told, str(caught.value)), str(caught.value)
    assert files(small_disk) == [f"{sound.name}/state.pt"]
    assert states.newest(small_disk)["step"] == 1


def test_a_trainings_weights_without_room_are_its_error_and_leave_no_part(small_demo, small_disk):
    job = replace(job_of(prepare_small(small_demo), "generalization"), weights=str(small_disk / "weights.pt"))
    with pytest.raises(
        ProblemError, match=r"weights\.pt: expected room for 119\.\d MB, found 1\d\.\d MB free"
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


def test_other_errors_stay_what_they_are(tmp_path):
    def fail(part):
        part.write_bytes(b"half")
        raise RuntimeError("no room is not the reason")

    with pytest.raises(RuntimeError, match="is not the reason"):
        write_atomically(tmp_path / "file", fail, 10)
    assert files(tmp_path) == []


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_may_only_be_read_is_told_at_once(demo_out, small_disk, there):
    out = small_disk / "out"
    if there:
        out.mkdir()
        for name in ("corpora", "manifests"):
            (out / name).symlink_to(demo_out / name)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    script = [
        sys.executable,
        str(REPOSITORY / "run_grid.py"),
        "--grid",
        "domain_shift",
        "--demo",
        "--out",
        str(out),
    ]
    answer = subprocess.run(script, capture_output=True, text=True, timeout=200, check=False)
    assert answer.returncode == 2, answer.stderr
    assert "Read-only file system" in answer.stderr
    assert "Give a folder that can be written to: --out DIR" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_what_killed_runs_have_left_is_removed_and_nothing_else(tmp_path):
    ledger = Ledger(tmp_path)
    kept = [
        "results/training-a.parquet",
        "logs/a.error.txt",
        "checkpoints/a.pt",
        "resume/a/checkpoint_1/state.pt",
        ".lock",
    ]
    gone = [
        "results/.training-a.parquet.77",
        "logs/.a.error.txt.8",
        "checkpoints/.a.pt.123.partial",
        "tables/.t.tex.9",
    ]
    for name in kept + gone:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    cleanup.clear(ledger)
    assert files(tmp_path) == sorted(kept), (
        "a result that cannot be read is not done, and its states are needed"
    )
