"""The parts of an evaluation as files: which are taken as they are, which are done anew, and their result."""

from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import torch

from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.parts import Done, do_part, gather
from grid.results import cleanup, output_folder
from hd2s.weights.origin import origin_of
from hd2s.weights.tensor_files import tensor_digest
from manifests.problem import ExchangedError, ProblemError
from tests.grid.grids import evaluation_job_of, few_clips_of


@pytest.fixture
def scored(monkeypatch):
    """Return which parts were scored, in order."""
    parts = []

    def score(job, part):
        parts.append(part)
        return evaluate_part(job, part)

    monkeypatch.setattr("grid.evaluation.parts.evaluate_part", score)
    return parts


@pytest.mark.slow
def test_parts_that_are_there_are_not_done_again(grid, scored):
    job, storage = evaluation_job_of(grid, "generalization"), grid.storage
    (evaluation,) = grid.plan.evaluations.values()
    job = few_clips_of(job, 2)
    whole = replace(job, parts=(job.parts[0] + job.parts[1],))
    expected, _, _ = whole.gather([evaluate_part(whole, 0)])

    first = do_part(job, 0, storage)
    scored.clear()
    assert do_part(job, 0, storage) == first
    assert scored == [], "it was there"
    do_part(replace(job, parts=(job.parts[1], job.parts[0])), 0, storage)
    assert scored == [0], "other clips are another part"
    do_part(job, 0, storage)
    do_part(job, 1, storage)
    assert scored == [0, 0, 1]
    digest = origin_of(job.weights).digest
    trained = {"best_kld": 1.0, "checkpoint": output_folder.checkpoint(job.training), "weights": digest}
    grid.ledger.write_training(grid.plan.trainings[job.training], [], trained)
    gather(job, evaluation, storage)
    result = grid.ledger.read_evaluation(evaluation.id)
    places_ = [("clip", "ascending"), ("frame", "ascending")]
    assert result.frames.equals(expected.sort_by(places_)), "to the bit"
    assert result.summary["weights"] == digest, "it says what it is of"
    cleanup.clear(grid.ledger)
    assert not grid.storage.path(output_folder.parts(evaluation.id)).exists()


@pytest.mark.slow
def test_a_part_is_done_anew_for_other_weights_and_where_its_file_is_damaged(grid, scored, tmp_path):
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization"), 2), grid.storage
    job = replace(job, parts=(job.parts[0],))
    do_part(job, 0, storage)
    (file,) = (grid.out / output_folder.parts(job.id)).iterdir()
    content = file.read_bytes()
    scores = pq.read_metadata(file).row_group(0).column(3)
    last = scores.data_page_offset + scores.total_compressed_size - 2
    flipped = content[:last] + bytes([content[last] ^ 1]) + content[last + 1 :]
    for damaged in (b"", content[: len(content) // 2], flipped):
        file.write_bytes(damaged)
        do_part(job, 0, storage)
    assert scored == [0] * 4
    state = torch.load(job.weights, weights_only=True)
    state["state"]["fusion.weight"] *= -1
    state["digest"] = tensor_digest(state["state"])
    job = replace(job, weights=str(tmp_path / "other.pt"))
    torch.save(state, job.weights)
    do_part(job, 0, storage)
    assert scored == [0] * 5
    do_part(job, 0, storage)
    assert scored == [0] * 5, "the new one is taken"


@pytest.mark.slow
def test_weights_and_rows_that_are_anothers_are_refused(grid, scored):
    """Seed 1's checkpoint over seed 0's gave both rows seed 1's score."""
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization"), 2), grid.storage
    (evaluation,) = grid.plan.evaluations.values()
    do_part(job, 0, storage)
    other = replace(job, id="another", training=job.training)
    do_part(other, 1, storage)
    grid.storage.path(output_folder.part("another", 1)).rename(
        grid.storage.path(output_folder.part(job.id, 1))
    )
    with pytest.raises(ExchangedError, match=rf"the rows of part 1 of {job.id}, found others"):
        gather(job, evaluation, storage)
    assert not grid.ledger.evaluation_done(evaluation.id)
    scored.clear()
    do_part(job, 1, storage)
    assert scored == [1], "it is done anew"
    with pytest.raises(ExchangedError, match=r"the weights of seed-1, found those of"):
        do_part(replace(job, training="seed-1"), 0, storage)


@pytest.mark.slow
def test_a_part_that_is_there_has_its_pictures(grid, monkeypatch):
    """Killed between the two, a run left an evaluation without pictures for good."""
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization"), 2), grid.storage

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("grid.evaluation.parts.pictures.keep", killed)
    with pytest.raises(KeyboardInterrupt):
        do_part(job, 0, storage)
    assert not storage.exists(output_folder.part(job.id, 0))


@pytest.mark.slow
def test_a_part_with_a_clip_that_could_not_be_read_is_tried_again(grid, scored, tmp_path, monkeypatch):
    monkeypatch.setattr("grid.evaluation.evaluate._SECONDS_BETWEEN_TRIES", 0.0)
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization"), 2), grid.storage
    away = replace(job, manifest=replace(job.manifest, root=str(tmp_path / "nowhere")))
    first = do_part(away, 0, storage)
    assert (first.clips, first.unread) == (0, len(job.parts[0]))
    done = do_part(job, 0, storage)
    assert done == Done(len(job.parts[0]), 0, done.seconds)
    assert scored == [0, 0]


@pytest.mark.slow
def test_parts_of_which_nothing_could_be_read_make_no_result(grid, tmp_path, monkeypatch):
    monkeypatch.setattr("grid.evaluation.evaluate._SECONDS_BETWEEN_TRIES", 0.0)
    job, storage = few_clips_of(evaluation_job_of(grid, "generalization"), 2), grid.storage
    (evaluation,) = grid.plan.evaluations.values()
    away = replace(job, manifest=replace(job.manifest, root=str(tmp_path / "nowhere")))
    for part in range(len(job.parts)):
        do_part(away, part, storage)
    with pytest.raises(ProblemError, match="test clips that can be read, found none"):
        gather(away, evaluation, storage)
    assert not grid.ledger.evaluation_done(evaluation.id)
