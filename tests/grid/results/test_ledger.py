"""The ledger: what is written comes back, what is wrong is refused, what is damaged is not done."""

import json
import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from grid.results.ledger import Ledger, write_atomically
from manifests.problem import ProblemError
from tests.grid.small_ledger import EXPECTED, finish_training, frames, small_plan, table_spec

PLAN = small_plan(table_spec())
UNIT = "generalization-DHF1K-UCFSports-0"
TRAINING, EVALUATION = PLAN.trainings[UNIT], PLAN.evaluations[f"on-{UNIT}"]
GOOD = {"NSS": [1.0, 2.0, math.nan, 4.0], "CC": [0.5, -1.0, math.nan, 1.0]}


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "out")


def evaluate(ledger, table=None, expected=EXPECTED):
    return ledger.write_evaluation(EVALUATION, table or frames(**GOOD), {"seconds": 2.0}, expected=expected)


def refused(ledger, table, expected=EXPECTED) -> str:
    with pytest.raises(ProblemError) as error:
        evaluate(ledger, table, expected)
    assert not ledger.evaluation_done(EVALUATION.id)
    assert not list(ledger.out.glob("results/*"))
    return str(error.value)


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


@pytest.mark.parametrize("checkpoint", [None, "checkpoints/nothing.pt", "../elsewhere.pt"])
def test_a_training_whose_checkpoint_is_not_in_the_folder_is_refused(ledger, checkpoint):
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


def test_scores_are_means_over_frames_and_per_video_over_clips(ledger):
    evaluate(ledger)
    result = ledger.read_evaluation(EVALUATION.id)
    assert result.metrics == ["NSS", "CC"]
    assert (result.n_frames, result.n_clips, result.summary) == (4, 2, {"seconds": 2.0})
    # Clip a: 1; clip b: 2 and 4, its frame between them has no score.
    assert result.scores == pytest.approx({"NSS": 7 / 3, "CC": 0.5 / 3})
    assert result.per_video == pytest.approx({"NSS": (1 + 3) / 2, "CC": (0.5 + 0.0) / 2})
    assert result.by_clip("NSS").to_pydict() == {"clip": ["clip a", "clip b"], "mean": [1.0, 3.0]}


def test_a_clip_without_any_score_is_left_out_of_the_mean_over_clips(ledger):
    evaluate(ledger, frames(NSS=[math.nan, 2.0, math.nan, 4.0]))
    assert ledger.read_evaluation(EVALUATION.id).per_video == {"NSS": 3.0}


def test_a_metric_without_any_score_is_nan(ledger):
    evaluate(ledger, frames(NSS=[math.nan] * 4))
    result = ledger.read_evaluation(EVALUATION.id)
    assert math.isnan(result.scores["NSS"])
    assert math.isnan(result.per_video["NSS"])


def test_rows_are_stored_in_one_order(ledger):
    shuffled = frames(**GOOD).take([2, 0, 3, 1])
    evaluate(ledger, shuffled)
    stored = ledger.read_evaluation(EVALUATION.id).frames
    assert stored["clip"].to_pylist() == ["clip a", "clip b", "clip b", "clip b"]
    assert stored["frame"].to_pylist() == [0, 0, 1, 2]
    assert stored["NSS"].to_pylist()[3] == 4.0


def test_frames_other_than_the_expected_are_refused(ledger):
    good = frames(**GOOD)
    assert "clip b: expected each of its 3 frames once, found 1 missing (first: 1)" in refused(
        ledger, good.take([0, 1, 3])
    )
    assert "found 1 repeated (first: 2)" in refused(ledger, good.take([0, 1, 2, 3, 3]))
    assert "2 that it does not have (first: 1)" in refused(ledger, good, {"clip a": 1, "clip b": 1})
    text = refused(ledger, good, {"clip b": 3, "clip c": 2})
    assert "clip a: expected each of its 0 frames once, found 1 that it does not have" in text
    assert "clip c: expected each of its 2 frames once, found 2 missing" in text
    assert "expected test clips, found none" in refused(ledger, good.slice(0, 0), {})


@pytest.mark.parametrize(
    ("metric", "value"),
    [("AUC_J", 1.1), ("s_AUC", -0.01), ("SIM", 1.001), ("CC", -1.1), ("KLD", -0.1), ("NSS", math.inf)],
)
def test_impossible_scores_are_refused(ledger, metric, value):
    text = refused(ledger, frames(**{metric: [0.5, value, math.nan, 0.5]}))
    assert metric.replace("_", "-") in text
    assert "1 others, the first" in text
    assert "frame 0 of clip b" in text


def test_rounding_past_a_bound_is_accepted(ledger):
    evaluate(ledger, frames(CC=[1.0000003, -1.0000003, math.nan, 0.0], SIM=[1.0000001, 0.0, 0.5, 1.0]))
    assert ledger.evaluation_done(EVALUATION.id)


def test_wrong_columns_are_refused_together(ledger):
    table = frames(NSS=[1.0] * 4, NNS=[1.0] * 4).drop_columns(["n_fixations"])
    table = table.set_column(1, "frame", pa.array([0, 0, 1, 2], pa.int64()))
    text = refused(ledger, table)
    assert "a column n_fixations of int32, found nothing" in text
    assert "a column frame of int32, found int64" in text
    assert "expected known metrics, found 'NNS'. Did you mean NSS?" in text
    assert "without nulls, found 1 nulls" in refused(ledger, frames(NSS=[1.0, None, 1.0, 1.0]))


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
