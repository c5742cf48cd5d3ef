"""Saved states: whole or not there, and a damaged last one costs no more than what follows the one before."""

import io
import os
import pickle
import re
import zipfile
from pathlib import Path

import pytest
import torch

from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.training.loop import TrainingError, fit
from grid.training.states import KEPT, SavedStates, tensor_bytes
from manifests.problem import ProblemError
from tests.grid.grids import Context, job_of, prepare_small


@pytest.fixture
def states(tmp_path):
    return states_in(tmp_path / "out")


def states_in(out):
    return SavedStates(Storage(folder=str(out)), "t")


def files_of(out):
    """The files of the states in an output folder, the oldest first."""
    return sorted((out / "resume" / "t").glob("checkpoint_*/state.pt"))


MB = 1_000_000


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
def test_a_damaged_last_state_falls_back_to_the_one_before(states, tmp_path, damage, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    for step in (9, 10):
        states.save(step, state_at(step))
    assert states.newest()["step"] == 10
    damage(files_of(tmp_path / "out")[-1])
    found = states.newest()
    assert found["step"] == 9
    assert torch.equal(found["weights"], state_at(9)["weights"])
    assert not Path("code-ran").exists()
    assert ("is damaged" in caplog.text) == (damage is not os.unlink)


def test_without_a_sound_state_a_training_starts_afresh(states, tmp_path):
    assert states.newest() is None
    cut(tmp_path / "out" / states.save(1, state_at(1)))
    assert states.newest() is None


def test_a_training_that_has_started_afresh_goes_on_from_its_own_states(states, tmp_path):
    """Those that it could not go on from were later ones, and what it saved was removed at once."""
    for step in (8, 9):
        states.save(step, state_at(step))
    for step in (1, 2, 3):
        states.save(step, state_at(step))
        assert states.newest()["step"] == step
    assert len(files_of(tmp_path / "out")) == KEPT


def test_trainings_of_one_folder_have_states_of_their_own(states, tmp_path):
    states.save(1, state_at(1))
    other = SavedStates(Storage(folder=str(tmp_path / "out")), "t2")
    assert other.newest() is None
    other.save(5, state_at(5))
    other.make_ready()
    assert states.newest()["step"] == 1


def test_a_folder_is_made_ready_whatever_a_kill_has_left_in_it(states, tmp_path):
    states.make_ready()
    for step in (1, 2, 3):
        states.save(step, state_at(step))
    folder = tmp_path / "out" / "resume" / "t"
    (folder / "checkpoint_manager_snapshot.json").write_text('{"checkpoint_res')
    (folder / "checkpoint_00000004_half").mkdir()
    (folder / "checkpoint_00000004_half" / ".state.pt.123").write_bytes(b"half")
    states.make_ready()
    left = sorted(path.name[:19] for path in folder.iterdir())
    assert left == ["checkpoint_00000002", "checkpoint_00000003"]
    assert states.newest()["step"] == 3


def test_states_that_were_copied_from_another_training_are_not_gone_on_from(states, tmp_path, caplog):
    """They were: seed 1's in seed 0's folder gave seed 0 another number."""
    states.save(1, state_at(1))
    other = SavedStates(Storage(folder=str(tmp_path / "out")), "t2")
    for step in (8, 9):
        (tmp_path / "out" / other.save(step, state_at(step))).parent.rename(
            tmp_path / f"out/resume/t/checkpoint_{step:08d}_copied"
        )
    assert [problem.found for problem in Ledger(tmp_path / "out").problems()] == ["those of t2"] * 2
    assert states.newest()["step"] == 1
    assert "is a state of t2, and is removed" in caplog.text
    assert [path.parent.name[:19] for path in files_of(tmp_path / "out")] == ["checkpoint_00000001"]


def test_a_state_whose_tensors_are_not_those_that_were_written_is_damaged(states, tmp_path, caplog):
    for step in (1, 2):
        states.save(step, state_at(step))
    newest = files_of(tmp_path / "out")[-1]
    content = torch.load(newest, weights_only=True)
    content["weights"][7] += 1
    torch.save(content, newest)
    assert states.newest()["step"] == 1
    assert "have another digest" in caplog.text


def test_bytes_are_those_of_tensors_however_deep():
    assert tensor_bytes(torch.zeros(3, dtype=torch.float64)) == 24
    assert tensor_bytes({"a": [torch.zeros(2), (torch.zeros(1, dtype=torch.uint8), "text")], "step": 7}) == 9


def test_tensors_that_several_names_share_are_counted_once_as_they_are_written(tmp_path):
    weights = torch.zeros(1 << 16)
    content = {"source": weights, "target": {"the same": weights, "a part": weights[:8]}}
    assert tensor_bytes(content) == 4 << 16
    torch.save(content, tmp_path / "state.pt")
    assert (tmp_path / "state.pt").stat().st_size < 1.1 * tensor_bytes(content)


def test_states_are_gone_on_from_on_another_machine(url, node):
    storage, folder = Storage(url), "resume/t"
    states = SavedStates(storage, "t")
    for step in (1, 2, 3):
        states.save(step, state_at(step))
    assert not list(storage.local.rglob("state.pt")), "nothing of it stays on a machine"
    node("second")
    kept = sorted(storage.files(folder))
    assert [name[: len("resume/t/checkpoint_00000002")] for name in kept] == [
        "resume/t/checkpoint_00000002",
        "resume/t/checkpoint_00000003",
    ]
    assert torch.equal(states.newest()["weights"], state_at(3)["weights"])
    damaged = storage.path("cut")
    damaged.parent.mkdir(parents=True, exist_ok=True)
    damaged.write_bytes(b"PK\x03\x04 cut short")
    storage.publish(kept[-1], damaged)
    assert states.newest()["step"] == 2
    assert not list(storage.local.rglob("state.pt"))
    states.make_ready()
    assert len(storage.files(folder)) == KEPT
    assert SavedStates(storage, "other").newest() is None


def test_a_state_without_room_says_how_much_is_missing_and_the_one_before_stays(tiny_disk):
    disk = tiny_disk(16 * MB)
    states = SavedStates(Storage(folder=str(disk)), "t")
    sound = states.save(1, {"step": 1, "weights": torch.zeros(MB)})
    with pytest.raises(ProblemError) as caught:
        states.save(2, {"step": 2, "weights": {"deep": [torch.zeros(6 * MB)]}})
    told = (
        r"state\.pt: expected room for 24\.0 MB, found 1[12]\.\d MB free\. Free 1[123]\.\d MB at least, then"
    )
    assert re.search(told, str(caught.value)), str(caught.value)
    assert [path.relative_to(disk).as_posix() for path in files_of(disk)] == [sound]
    assert states.newest()["step"] == 1


class KeepingContext(Context):
    """Keeps states in files, as the one under Ray does."""

    def __init__(self, out, die_at=None):
        super().__init__(die_at=die_at)
        self.states = states_in(out)

    def latest(self):
        return self.states.newest()

    def report(self, rows, state):
        if state:
            self.states.save(state["progress"]["step"], state)
        super().report(rows, None)


@pytest.mark.slow
def test_a_training_goes_on_exactly_from_the_state_before_a_damaged_one(small_demo, tmp_path, few):
    job = job_of(prepare_small(small_demo, *few, "train.checkpoint_every=1"), "adaptation")
    undisturbed = fit(job, Context())["curve"]
    weights = Path(job.weights).read_bytes()
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        fit(job, KeepingContext(run, die_at=3))
    cut(files_of(run)[-1])
    assert states_in(run).newest()["progress"]["step"] == 2
    resumed = fit(job, KeepingContext(run))
    assert (resumed["curve"], resumed["resumed"], resumed["resumed_at"]) == (undisturbed, 1, [2])
    kept = [
        torch.load(io.BytesIO(file), weights_only=True)["state"]
        for file in (weights, Path(job.weights).read_bytes())
    ]
    assert all(torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


@pytest.mark.slow
def test_a_state_of_another_model_is_refused_with_what_to_do(small_demo, tmp_path, few):
    grid = prepare_small(small_demo, *few, "train.checkpoint_every=1")
    with pytest.raises(KeyboardInterrupt):
        fit(job_of(grid, "adaptation"), KeepingContext(tmp_path, die_at=1))
    with pytest.raises(TrainingError, match=r"another model's.*Delete resume/.*--retry-failed"):
        fit(job_of(grid, "generalization"), KeepingContext(tmp_path))


@pytest.mark.parametrize(
    "changed",
    [
        {"learner": {}},
        {"learner": None},
        {"optimiser": {"state": {}, "param_groups": []}},
        {"progress": {"step": 1, "of_another_version": 2}},
    ],
    ids=["no weights", "no learner", "another optimiser", "another version"],
)
@pytest.mark.slow
def test_a_state_that_is_not_whole_in_itself_is_refused_with_what_to_do(small_demo, changed, few):
    grid = prepare_small(small_demo, *few, "train.checkpoint_every=1", "train.iterations=2")
    job, context = job_of(grid, "generalization"), Context(die_at=1)
    with pytest.raises(KeyboardInterrupt):
        fit(job, context)
    state = {**context.state, **changed}
    with pytest.raises(TrainingError, match=rf"another version's.*Delete resume/{job.id} .*--retry-failed"):
        fit(job, Context({name: value for name, value in state.items() if value is not None}))
