"""The ledger: what is written comes back, what is wrong is refused, what is damaged is not done."""

import json
import math
import os
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from grid.results.checks import require_weights, require_whole_weights
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.results.unit_results import Stopped
from hd2s import build_model, save_weights
from hd2s.metrics.definitions import Metric, known_metrics, register
from hd2s.weights.origin import origin_of
from manifests.problem import ExchangedError, ProblemError
from tests.grid.small_ledger import (
    EXPECTED,
    finish,
    finish_training,
    frames,
    small_plan,
    sweep_plan,
    table_spec,
)
from tests.plugged import for_a_while

PLAN = small_plan(table_spec())
UNIT = "generalization-DHF1K-UCFSports-0"
TRAINING, EVALUATION = PLAN.trainings[UNIT], PLAN.evaluations[f"on-{UNIT}"]
GOOD = {"NSS": [1.0, 2.0, math.nan, 4.0], "CC": [0.5, -1.0, math.nan, 1.0]}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "out")


def evaluate(ledger, table=None, expected=EXPECTED):
    return ledger.write_evaluation(EVALUATION, table or frames(**GOOD), {"seconds": 2.0}, expected=expected)


def test_an_empty_folder_holds_nothing(ledger):
    assert ledger.read_training(UNIT) is None
    assert ledger.read_evaluation(EVALUATION.id) is None
    assert ledger.status(UNIT, "training") == ledger.status(EVALUATION.id, "evaluation") == "todo"
    assert ledger.problems() == []


def test_a_training_comes_back(ledger):
    path = finish_training(ledger, TRAINING)
    assert path == ledger.out / "results" / f"training-{UNIT}.parquet"
    result = ledger.read_training(UNIT)
    assert result.curve[1] == {"step": 2, "name": "val/kld", "value": 1.25}
    assert result.summary["best_kld"] == 1.25
    assert (ledger.out / result.summary["checkpoint"]).read_bytes() == b"weights"
    assert ledger.status(UNIT, "training") == "done"
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_training_without_its_checkpoint_is_not_done(ledger):
    finish_training(ledger, TRAINING)
    (ledger.out / "checkpoints" / UNIT / "best.pt").unlink()
    assert ledger.read_training(UNIT) is not None
    assert not ledger.training_done(UNIT)
    (problem,) = ledger.problems()
    assert problem.where == UNIT
    assert f"checkpoints/{UNIT}/best.pt" in problem.found


def test_a_training_in_whose_place_another_checkpoint_lies_is_not_done(ledger):
    """Seed 1's file over seed 0's was tested without a word, and gave both rows one score."""
    model = build_model("centre_prior", seed=0)
    place = f"checkpoints/{UNIT}.pt"
    digest = save_weights(model, ledger.out / place, training=UNIT)
    ledger.write_training(TRAINING, [], {"best_kld": 1.0, "checkpoint": place, "weights": digest})
    assert ledger.training_done(UNIT)
    assert ledger.digest_of_weights(UNIT, place) == digest
    assert ledger.digest_of_weights(UNIT, "checkpoints/other.pt") == ""
    save_weights(model, ledger.out / place, training="of-seed-1")
    assert not ledger.training_done(UNIT)
    (problem,) = ledger.problems()
    assert (problem.expected, problem.found) == (f"the weights of {UNIT}", "those of of-seed-1")
    next(iter(model.state_dict().values())).view(-1)[0] += 1
    save_weights(model, ledger.out / place, training=UNIT)
    assert not ledger.training_done(UNIT)
    (problem,) = ledger.problems()
    assert problem.expected == f"the weights that the result of {UNIT} is of"


@pytest.mark.parametrize("left", ["nothing", "half", "other"])
def test_a_training_whose_checkpoint_is_cut_off_or_something_else_is_not_done(ledger, left):
    """It counted as done, so that no run trained it again and each test of it failed anew."""
    place = ledger.out / (name := f"checkpoints/{UNIT}.pt")
    digest = save_weights(build_model("centre_prior", seed=0), place, training=UNIT)
    ledger.write_training(TRAINING, [], {"best_kld": 1.0, "checkpoint": name, "weights": digest})
    if left == "other":
        torch.save({"w": torch.zeros(2)}, place)
    else:
        os.truncate(place, 0 if left == "nothing" else place.stat().st_size // 2)
    assert not ledger.training_done(UNIT)
    (problem,) = ledger.problems()
    assert (problem.where, problem.found) == (str(place), "a file that is cut off, or holds something else")
    with pytest.raises(ExchangedError, match="run the grid again: the training counts as not done"):
        require_weights(place, UNIT, digest)


def test_weights_of_which_a_tensor_is_damaged_are_refused_with_what_to_do(ledger):
    """Each run again ended with the same test failed, and nothing said how to come by whole ones."""
    place = ledger.out / f"checkpoints/{UNIT}.pt"
    digest = save_weights(build_model("hd2s", seed=0, clip_length=8), place, training=UNIT)
    require_whole_weights(place, UNIT, digest)
    with place.open("r+b") as file:
        file.seek(place.stat().st_size // 2)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
    told = r"undamaged, found .* in it is damaged\. .*remove it and run the grid again"
    with pytest.raises(ExchangedError, match=told):
        require_whole_weights(place, UNIT, digest)


def test_weights_on_a_disk_that_does_not_answer_are_not_taken_for_lost(ledger, monkeypatch):
    place = ledger.out / (name := f"checkpoints/{UNIT}.pt")
    digest = save_weights(build_model("centre_prior", seed=0), place, training=UNIT)
    ledger.write_training(TRAINING, [], {"best_kld": 1.0, "checkpoint": name, "weights": digest})

    def silent(*given):
        raise OSError("no answer")

    with monkeypatch.context() as patched:
        patched.setattr("zipfile.ZipFile", silent)
        assert ledger.training_done(UNIT)


def test_weights_that_a_user_keeps_on_another_disk_behind_a_link_are_there(ledger, tmp_path):
    elsewhere, place = tmp_path / "elsewhere", f"checkpoints/{UNIT}.pt"
    elsewhere.mkdir()
    ledger.out.mkdir(exist_ok=True)
    (ledger.out / "checkpoints").symlink_to(elsewhere)
    save_weights(build_model("centre_prior", seed=0), ledger.out / place, training=UNIT)
    ledger.write_training(TRAINING, [], {"best_kld": 1.0, "checkpoint": place})
    assert ledger.training_done(UNIT)
    assert not ledger.problems()


@pytest.mark.parametrize("checkpoint", [None, "checkpoints/nothing.pt", "../elsewhere.pt"])
def test_a_training_whose_checkpoint_is_not_in_the_folder_is_refused(ledger, checkpoint):
    ledger.out.mkdir()
    (ledger.out.parent / "elsewhere.pt").write_bytes(b"weights")
    summary = {"best_kld": 1.0, **({"checkpoint": checkpoint} if checkpoint else {})}
    with pytest.raises(ProblemError, match="best checkpoint inside the output folder"):
        ledger.write_training(TRAINING, [], summary)
    assert ledger.read_training(UNIT) is None


@pytest.mark.parametrize("kld", [math.nan, math.inf, None])
def test_a_training_that_diverged_is_refused(ledger, kld):
    ledger.out.mkdir()
    (ledger.out / "best.pt").write_bytes(b"weights")
    with pytest.raises(ProblemError, match="finite best_kld"):
        ledger.write_training(TRAINING, [], {"best_kld": kld, "checkpoint": "best.pt"})


def test_rows_are_stored_in_one_order(ledger):
    shuffled = frames(**GOOD).take([2, 0, 3, 1])
    evaluate(ledger, shuffled)
    stored = ledger.read_evaluation(EVALUATION.id).frames
    assert stored["clip"].to_pylist() == ["clip a", "clip b", "clip b", "clip b"]
    assert stored["frame"].to_pylist() == [0, 0, 1, 2]
    assert stored["NSS"].to_pylist()[3] == 4.0


def test_an_evaluation_that_is_not_what_it_must_be_is_refused_and_leaves_nothing(ledger):
    wrong = {
        "without nulls, found 1 nulls": frames(NSS=[1.0, None, 1.0, 1.0]),
        "clip b: expected each of its 3 frames once": frames(**GOOD).take([0, 1, 3]),
        "CC finite and in": frames(CC=[2.0, 0.5, 0.5, 0.5]),
        "known metrics": frames(NSS=[1.0] * 4, theirs=[0.5] * 4),
    }
    for told, table in wrong.items():
        with pytest.raises(ProblemError, match=told):
            evaluate(ledger, table)
        assert not ledger.evaluation_done(EVALUATION.id)
        assert not list(ledger.out.glob("results/*"))
    both = frames(CC=[2.0, 0.5, 0.5, 0.5]).take([0, 1, 3])
    with pytest.raises(ProblemError) as caught:
        evaluate(ledger, both)
    assert len(caught.value.problems) == 2, "frames and scores are told together"


def test_scores_by_a_plug_ins_metric_are_read_where_it_is_not_loaded(ledger):
    with for_a_while():
        register(Metric("theirs", 0.0, 1.0, larger_is_better=True, of_frame=lambda frame: 0.5))
        evaluate(ledger, frames(NSS=[1.0] * 4, theirs=[0.5] * 4))
    assert "theirs" not in known_metrics()
    assert ledger.status(EVALUATION.id, "evaluation") == "done"
    assert ledger.read_evaluation(EVALUATION.id).scores == {"NSS": 1.0, "theirs": 0.5}
    assert ledger.problems() == []


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def damage_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 10] ^= 0x40
    path.write_bytes(content)


def damage_text(path):
    path.write_text("this is no Parquet file")


def damage_empty(path):
    path.write_bytes(b"")


def damage_foreign(path):
    pq.write_table(pa.table({"x": [1]}), path)


def damage_version(path):
    table = pq.read_table(path)
    note = json.loads(table.schema.metadata[b"grid"])
    note["schema"] += 1
    pq.write_table(table.replace_schema_metadata({b"grid": json.dumps(note).encode()}), path)


def damage_column(path):
    table = pq.read_table(path)
    pq.write_table(table.drop_columns([table.column_names[0]]), path)


DAMAGES = [damage_cut, damage_bit, damage_text, damage_empty, damage_foreign, damage_version, damage_column]


@pytest.mark.parametrize("kind", ["training", "evaluation"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__.removeprefix("damage_"))
def test_a_damaged_result_is_not_done_and_reported(ledger, damage, kind):
    finish_training(ledger, TRAINING)
    evaluate(ledger)
    unit = TRAINING.id if kind == "training" else EVALUATION.id
    path = ledger.path(kind, unit)
    damage(path)
    assert ledger.status(unit, kind) == "todo"
    assert (ledger.read_training(unit) if kind == "training" else ledger.read_evaluation(unit)) is None
    (problem,) = ledger.problems()
    assert problem.where == str(path)
    assert "run the grid again" in problem.remedy
    # Doing the unit again mends it.
    finish_training(ledger, TRAINING) if kind == "training" else evaluate(ledger)
    assert ledger.status(unit, kind) == "done"
    assert ledger.problems() == []


def test_a_result_under_another_units_name_is_not_its_result(ledger):
    path = evaluate(ledger)
    path.rename(ledger.path("evaluation", "other"))
    assert not ledger.evaluation_done("other")
    (problem,) = ledger.problems()
    assert (problem.expected, problem.found) == ("evaluation other", f"evaluation {EVALUATION.id}")


def test_a_failure_is_kept_until_the_unit_finishes(ledger):
    file = ledger.write_failure(EVALUATION.id, "Traceback …")
    assert file == ledger.out / "logs" / f"{EVALUATION.id}.error.txt"
    assert file.read_text(encoding="utf-8") == "Traceback …"
    assert ledger.failure(EVALUATION.id) == file
    assert ledger.status(EVALUATION.id, "evaluation") == "failed"
    evaluate(ledger)
    assert ledger.failure(EVALUATION.id) is None
    assert ledger.status(EVALUATION.id, "evaluation") == "done"
    ledger.write_failure(UNIT, "x")
    ledger.clear_failure(UNIT)
    ledger.clear_failure(UNIT)
    assert ledger.status(UNIT, "training") == "todo"


def test_a_new_output_folder_finds_what_is_done_and_what_failed(url, tmp_path):
    plan = PLAN
    first, second, *_ = plan.trainings
    one = Ledger(tmp_path / "one", Storage(url, str(tmp_path / "one")))
    finish(one, plan, first, NSS=2.5, CC=0.5)
    Path(one.out / "checkpoints" / first / "best.pt").rename(one.out / "checkpoints" / f"{first}.pt")
    one.write_failure(second, "it would not")
    one.agree()
    checkpoint = f"checkpoints/{first}/best.pt"
    source = one.out / "checkpoints" / f"{first}.pt"
    one.storage.publish(checkpoint, source)

    other = Ledger(tmp_path / "other", Storage(url, str(tmp_path / "other")))
    other.agree()
    assert other.training_done(first)
    assert other.read_evaluation(f"on-{first}").scores == one.read_evaluation(f"on-{first}").scores
    assert other.status(second, "training") == "failed"
    assert not list((other.out / "checkpoints").glob("*")), "weights stay where they are"

    other.clear_failure(second)
    other.remove_evaluation(f"on-{first}")
    third = Ledger(tmp_path / "third", Storage(url, str(tmp_path / "third")))
    third.agree()
    assert third.status(second, "training") == "todo"
    assert not third.evaluation_done(f"on-{first}")


def test_a_result_that_was_made_again_elsewhere_counts(url, tmp_path):
    plan = PLAN
    unit = next(iter(plan.trainings))
    one, other = (Ledger(tmp_path / name, Storage(url, str(tmp_path / name))) for name in ("one", "other"))
    finish(one, plan, unit, NSS=1.0)
    other.agree()
    finish(other, plan, unit, NSS=2.0, CC=0.5)
    one.agree()
    assert one.read_evaluation(f"on-{unit}").metrics == ["NSS", "CC"]
    before = one.path("evaluation", f"on-{unit}").stat().st_mtime_ns
    one.agree()
    assert one.path("evaluation", f"on-{unit}").stat().st_mtime_ns == before, "it is not brought twice"


def test_weights_that_were_made_again_elsewhere_count_before_a_copy_of_the_earlier_ones(url, node, tmp_path):
    """A node that had tested the earlier ones tested them again, and its scores stood as the new ones'."""
    driver, place = Ledger(tmp_path / "out", Storage(url, str(tmp_path / "out"))), f"checkpoints/{UNIT}.pt"
    model = build_model("centre_prior", seed=0)

    def train(value):
        node("first")
        storage = Storage(url)
        for tensor in model.state_dict().values():
            tensor.fill_(value)
        digest = save_weights(model, storage.path(place), training=UNIT)
        storage.publish(place)
        driver.write_training(TRAINING, [], {"best_kld": 1.0, "checkpoint": place, "weights": digest})
        node("second")
        assert Ledger(Storage(url).local, Storage(url)).digest_of_weights(UNIT, place) == digest
        assert origin_of(Storage(url).fetch(place)).digest == digest
        assert driver.training_done(UNIT)
        return digest

    before = train(1.0)
    driver.storage.fetch(place)
    driver.remove_training(UNIT)
    time.sleep(1.1)  # Servers tell times in seconds.
    assert train(2.0) != before


def test_results_of_before_there_was_a_storage_are_taken_along(url, tmp_path):
    plan = PLAN
    unit = next(iter(plan.trainings))
    finish(Ledger(tmp_path / "one"), plan, unit, NSS=1.0)
    Ledger(tmp_path / "one", Storage(url, str(tmp_path / "one"))).agree()
    other = Ledger(tmp_path / "other", Storage(url, str(tmp_path / "other")))
    other.agree()
    assert other.evaluation_done(f"on-{unit}")


def test_a_point_that_was_stopped_is_neither_done_nor_failed_and_lacks_nothing(tmp_path):
    plan = sweep_plan()
    ledger = Ledger(tmp_path, may_stop=plan.may_stop)
    good, bad = plan.trainings
    finish(ledger, plan, good, NSS=1.0, CC=0.5)
    assert [cell.training for cell in ledger.cells_without_values(plan)] == [bad]
    ledger.stops.write(bad, Stopped(3, 40, 2.5))
    assert ledger.status(bad, "training") == ledger.status(f"on-{bad}", "evaluation") == "stopped"
    assert ledger.cells_without_values(plan) == []
    assert Ledger(tmp_path).status(bad, "training") == "todo", "the wish is withdrawn"
    finish(ledger, plan, bad, NSS=1.0, CC=0.5)
    assert ledger.status(bad, "training") == "done", "a result outweighs it"
