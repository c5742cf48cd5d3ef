"""Cross-validation in a grid: a corpus' photographs are each tested on once, and a table has their mean."""

import pytest

from grid.evaluation.evaluate import evaluate_part
from grid.outputs.tables import values
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job, training_job
from grid.specs.tables.shown import Tables
from grid.training.loop import fit
from manifests.problem import ProblemError
from tests.grid.grids import ONE, Context

SPEC = """
name: crossed
title: Cross-validation
metrics: [NSS, CC]
models: [centre_prior]
approaches: [generalization]
"""
STYLE = Style(Tables(paper="none"), "python run_grid.py --grid crossed --tables")
SIZE = ["model.height=24", "model.width=32", "test.eight_bit=false"]


def grid_of(out, spec, *more):
    path = out / "crossed.yaml"
    path.write_text(SPEC + spec)
    return prepare(str(path), [*SIZE, *more], out, demo=True, tell=lambda text: None)


def test_every_photograph_is_tested_on_once_by_a_model_that_has_not_seen_it(small_demo):
    grid = grid_of(small_demo, "sources: [MIT1003]\nfolds: {MIT1003: 5}\n")
    assert len(grid.plan.trainings) == len(grid.plan.evaluations) == len(grid.plan.cells) == 5
    assert [cell.fold for cell in grid.plan.cells] == [1, 2, 3, 4, 5]
    tested = []
    for unit in grid.plan.evaluations.values():
        training = grid.plan.trainings[unit.training]
        reading = training_job(grid, training).manifests["MIT1003"].open()
        sets = [{clip.clip for clip in reading.clips(split)} for split in ("train", "val", "test")]
        assert [len(clips) for clips in sets] == [12, 4, 4]
        assert not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
        assert set(evaluation_job(grid, unit, ONE).expected) == sets[2]
        tested += sets[2]
        assert f"fold {unit.spec.test.fold.number} of 5" in training.label
        assert f"-fold{unit.spec.test.fold.number}-" in training.id
    assert len(tested) == len(set(tested)) == 20


@pytest.mark.slow
def test_what_reads_nothing_in_folds_is_shared_by_them_all(small_demo):
    spec = "sources: [SALICON]\ntests: [source, MIT1003]\nfolds: {MIT1003: {of: 4, seed: 27}}\n"
    grid = grid_of(small_demo, spec)
    without = grid_of(small_demo, "sources: [SALICON]\ntests: [source]\n")
    assert len(grid.plan.trainings) == 1
    assert [cell.fold for cell in grid.plan.cells if cell.test == "MIT1003"] == [1, 2, 3, 4]
    assert [cell.fold for cell in grid.plan.cells if cell.test == "SALICON"] == [0]
    assert without.plan.trainings.keys() == grid.plan.trainings.keys(), (
        "folds of another corpus rename nothing"
    )
    assert without.plan.evaluations.keys() <= grid.plan.evaluations.keys()
    other = grid_of(small_demo, spec.replace("27", "28"))
    assert len(other.plan.evaluations.keys() & grid.plan.evaluations.keys()) == 1


@pytest.mark.slow
def test_a_table_has_the_mean_over_folds_and_says_so(small_demo):
    grid = grid_of(small_demo, "sources: [MIT1003]\nfolds: {MIT1003: 5}\n")
    for unit in grid.plan.trainings.values():
        summary = fit(training_job(grid, unit), Context())
        curve = summary.pop("curve")
        grid.ledger.write_training(unit, curve, summary | {"checkpoint": f"checkpoints/{unit.id}.pt"})
    scores, clips = [], set()
    for unit in grid.plan.evaluations.values():
        job = evaluation_job(grid, unit, ONE)
        frames, told, expected = job.gather([evaluate_part(job, 0)])
        grid.ledger.write_evaluation(unit, frames, told, expected=expected)
        scores.append(sum(frames["CC"].to_pylist()) / len(frames))
        clips |= set(frames["clip"].to_pylist())
    (spec,) = grid.plan.tables
    table = values.build(spec, Results(grid.plan, grid.ledger), STYLE)
    (record,) = [each for each in table.records if each["metric"] == "CC"]
    assert record["mean"] == pytest.approx(sum(scores) / 5)
    assert (record["n_seeds"], record["of_seeds"], record["n_clips"]) == (5, 5, 20)
    assert len(clips) == 20
    notes = " ".join(table.notes)
    assert "standard deviation over the 5 folds of MIT1003" in notes
    assert "MIT1003 (20 clips, 20 frames)" in notes


@pytest.mark.parametrize(
    ("folds", "told"),
    [
        ("{MIT1003: 2}", "folds: for MIT1003 a number from 3 on, or of: NUMBER and seed: NUMBER, found 2"),
        ("{MIT1003: {of: 4, sed: 1}}", "folds: for MIT1003 a number from 3 on"),
        ("[MIT1003]", "folds: corpora, each with a number of folds"),
        ("{DHF1K: 4}", "a known corpus of the table in folds, found 'DHF1K'"),
        ("{MIT1003: 4, SALICON: 5}", "folds: as many of each corpus"),
    ],
)
def test_folds_that_cannot_be_are_told(small_demo, folds, told):
    with pytest.raises(ProblemError) as error:
        grid_of(small_demo, f"sources: [MIT1003]\nfolds: {folds}\n")
    assert told in str(error.value)


def test_more_folds_than_clips_are_told(small_demo):
    with pytest.raises(ProblemError, match=r"MIT1003, split (test|val)"):
        grid_of(small_demo, "sources: [MIT1003]\nfolds: {MIT1003: 40}\n")
