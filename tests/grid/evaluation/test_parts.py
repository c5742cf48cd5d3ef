"""Parts of an evaluation as files: done once, and made one result of."""

from dataclasses import replace

from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.parts import do_part, gather
from grid.results import cleanup, output_folder
from tests.grid.grids import evaluation_job_of, few_clips_of


def test_parts_that_are_there_are_not_done_again(trained_grid, monkeypatch):
    grid = trained_grid
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization")), grid.storage
    (evaluation,) = grid.plan.evaluations.values()
    whole = replace(job, parts=(job.parts[0] + job.parts[1],))
    expected, _, _ = whole.gather([evaluate_part(whole, 0)])

    first = do_part(job, 0, storage)
    scored = []

    def score(job, part):
        scored.append(part)
        return evaluate_part(job, part)

    monkeypatch.setattr("grid.evaluation.parts.evaluate_part", score)
    assert do_part(job, 0, storage) == first
    assert scored == [], "it was there"
    do_part(replace(job, parts=(job.parts[1], job.parts[0])), 0, storage)
    assert scored == [0], "other clips are another part"
    do_part(job, 0, storage)
    do_part(job, 1, storage)
    assert scored == [0, 0, 1]
    gather(job, evaluation, storage)
    result = grid.ledger.read_evaluation(evaluation.id)
    order = [("clip", "ascending"), ("frame", "ascending")]
    assert result.frames.equals(expected.sort_by(order)), "to the bit"
    cleanup.clear(grid.ledger)
    assert not grid.storage.path(output_folder.parts(evaluation.id)).exists()
