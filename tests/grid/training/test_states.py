"""Saved states: whole or not there, and a damaged last one costs no more than what follows the one before."""

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from grid.training import states
from grid.training.loop import TrainingError, fit
from tests.grid.grids import Context, job_of, prepare_small


def state_at(step):
    return {"step": step, "weights": torch.full((50_000,), float(step))}


def cut(file):
    os.truncate(file, file.stat().st_size // 2)


def empty(file):
    os.truncate(file, 0)


def flip_a_bit(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


class _Code:
    """Unpickled by a careless reader, this would make a file."""

    def __reduce__(self):
        return Path.touch, (Path("code-ran"),)


def code(file):
    torch.save({"step": _Code()}, file)


def bare_code(file):
    file.write_bytes(pickle.dumps(_Code()))


def another_archive(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("note.txt", "not a state")


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit, code, bare_code, another_archive, os.unlink])
def test_a_damaged_last_state_falls_back_to_the_one_before(tmp_path, damage, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    for step in (9, 10):
        states.save(tmp_path, step, state_at(step))
    assert states.newest(tmp_path)["step"] == 10
    (last,) = tmp_path.glob("checkpoint_00000010_*/state.pt")
    damage(last)
    found = states.newest(tmp_path)
    assert found["step"] == 9
    assert torch.equal(found["weights"], state_at(9)["weights"])
    assert not Path("code-ran").exists()
    assert ("is damaged" in caplog.text) == (damage is not os.unlink)


def test_without_a_sound_state_a_training_starts_afresh(tmp_path):
    assert states.newest(tmp_path / "never") is None
    cut(states.save(tmp_path, 1, state_at(1)) / "state.pt")
    assert states.newest(tmp_path) is None


def test_a_folder_is_made_ready_for_ray_whatever_a_kill_has_left_in_it(tmp_path):
    for step in (1, 2, 3):
        states.save(tmp_path, step, state_at(step))
    (tmp_path / "checkpoint_manager_snapshot.json").write_text('{"checkpoint_res')
    (tmp_path / "checkpoint_00000004_half").mkdir()
    (tmp_path / "checkpoint_00000004_half" / ".state.pt.123").write_bytes(b"half")
    states.make_ready(tmp_path)
    left = sorted(path.name[:19] for path in tmp_path.iterdir())
    assert left == ["checkpoint_00000002", "checkpoint_00000003"]
    assert states.newest(tmp_path)["step"] == 3


class KeepingContext(Context):
    """Keeps states in files, as the one under Ray does."""

    def __init__(self, run, die_at=None):
        super().__init__(die_at=die_at)
        self.run = run

    def latest(self):
        return states.newest(self.run)

    def report(self, rows, state):
        if state:
            states.save(self.run, state["progress"]["step"], state)
        super().report(rows, None)


def test_a_training_goes_on_exactly_from_the_state_before_a_damaged_one(small_demo, tmp_path):
    job = job_of(prepare_small(small_demo, "train.checkpoint_every=1"), "adaptation")
    undisturbed = fit(job, Context())["curve"]
    weights = Path(job.weights).read_bytes()
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(job, KeepingContext(run, die_at=3))
    cut(sorted(run.glob("checkpoint_*/state.pt"))[-1])
    assert states.newest(run)["progress"]["step"] == 2
    resumed = fit(job, KeepingContext(run))
    assert (resumed["curve"], resumed["resumed"]) == (undisturbed, 1)
    kept = [
        torch.load(io.BytesIO(file), weights_only=True)["state"]
        for file in (weights, Path(job.weights).read_bytes())
    ]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_a_state_of_another_model_is_refused_with_what_to_do(small_demo, tmp_path):
    grid = prepare_small(small_demo, "train.checkpoint_every=1")
    with pytest.raises(KeyboardInterrupt):
        fit(job_of(grid, "adaptation"), KeepingContext(tmp_path, die_at=1))
    with pytest.raises(TrainingError, match=r"another model's.*Delete resume/.*--retry-failed"):
        fit(job_of(grid, "generalization"), KeepingContext(tmp_path))
