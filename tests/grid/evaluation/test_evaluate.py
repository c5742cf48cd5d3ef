"""A trained model on a test split, in parts: what is scored, what is left out, what is made of them."""

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from grid.commands.run import FAILED, status_of
from grid.evaluation.evaluate import evaluate_part, share_out
from grid.evaluation.pictures import shown
from grid.results.failures import forget, incomplete
from grid.training.loop import fit
from manifests.problem import ProblemError
from tests.datasets.small_corpora import a_clip
from tests.grid.grids import SMALLEST, Context, evaluation_job_of, few_clips_of, job_of, prepare_small


def test_a_small_split_stays_whole_longest_clips_first():
    clips = [a_clip(clip=str(n), n_frames=n) for n in (30, 500, 1, 200)]
    assert share_out(clips) == (("500", "200", "30", "1"),)


def test_a_large_split_is_shared_out_evenly():
    lengths = np.random.default_rng(0).integers(50, 1200, 80)
    parts = share_out([a_clip(clip=f"{i}", n_frames=int(n)) for i, n in enumerate(lengths)])
    assert len(parts) == round(lengths.sum() / 6000)
    assert sorted(clip for part in parts for clip in part) == sorted(map(str, range(80)))
    loads = [sum(lengths[int(clip)] for clip in part) for part in parts]
    assert max(loads) - min(loads) < lengths.max() / 2
    assert len(share_out([a_clip(clip=f"{i}", n_frames=30_000) for i in range(2)])) == 2, "no part is empty"


def test_an_evaluation_scores_every_frame_of_every_test_clip(small_demo):
    grid = prepare_small(small_demo, *SMALLEST, targets="Hollywood2")
    fit(job_of(grid, "generalization"), Context())
    job = evaluation_job_of(grid, "generalization")
    table = evaluate_part(job, 0).frames
    counted = table.group_by("clip").aggregate([("frame", "count"), ("frame", "max")]).to_pylist()
    assert {row["clip"]: row["frame_count"] for row in counted} == job.expected
    assert all(row["frame_max"] == row["frame_count"] - 1 for row in counted)
    assert min(job.expected.values()) == 1, "a shot of a single frame is among them"
    grid.ledger.write_evaluation(
        next(iter(grid.plan.evaluations.values())), table, {"seconds": 0.0}, expected=job.expected
    )


def test_a_test_clip_that_cannot_be_read_is_left_out_and_named(demo_out, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(demo_out, out, ignore=shutil.ignore_patterns("frames"))
    grid = prepare_small(out, *SMALLEST, targets="Hollywood2")
    fit(job_of(grid, "generalization"), Context())
    job = evaluation_job_of(grid, "generalization")
    lost, kept = sorted(job.expected, key=job.expected.get)[:2]
    next((out / "corpora/Hollywood2/testing" / lost / "images").iterdir()).write_bytes(b"")
    done = evaluate_part(replace(job, parts=((lost, kept),)), 0)
    assert set(done.unread) == {lost}
    assert "as indexed" in done.unread[lost]
    frames, summary, expected = replace(job, expected={c: job.expected[c] for c in (lost, kept)}).gather(
        [done]
    )
    assert expected == {kept: job.expected[kept]}
    assert (len(frames), list(summary["unread"])) == (job.expected[kept], [lost])
    evaluation = next(iter(grid.plan.evaluations.values()))
    grid.ledger.write_evaluation(evaluation, frames, summary, expected=expected)
    assert incomplete(grid.plan, grid.ledger) == {evaluation.id: 1}
    assert status_of(grid) == FAILED
    forget(grid.plan, grid.ledger)
    assert not grid.ledger.evaluation_done(evaluation.id), "it is evaluated again"
    with pytest.raises(ProblemError, match="test clips that can be read, found none"):
        replace(job, expected={lost: 1}).gather([replace(done, frames=None)])


@pytest.fixture
def few(small_demo):
    """Two parts of a clip each, and a model that has been trained a little."""
    grid = prepare_small(small_demo, *SMALLEST, targets="Hollywood2", approaches="generalization")
    fit(job_of(grid, "generalization"), Context())
    return few_clips_of(evaluation_job_of(grid, "generalization"), 2)


def test_parts_are_scored_as_the_whole_is(few):
    whole = replace(few, parts=(few.parts[0] + few.parts[1],))
    parts = [evaluate_part(few, part) for part in range(2)]
    frames, summary, expected = few.gather(parts)
    assert frames.equals(evaluate_part(whole, 0).frames), "to the bit"
    assert expected == few.expected
    assert summary["seconds"] == sum(part.seconds for part in parts) > 0
    assert (summary["unread"], summary["quarantined"]) == ({}, few.quarantined)
    drawn = {clip for part in parts for clip in part.pictures}
    assert drawn == set(shown(few.expected)) & set(few.expected)


def test_other_weights_have_other_scores(few, tmp_path):
    changed = torch.load(few.weights, weights_only=True)
    changed["state"]["fusion.weight"] *= -1
    torch.save(changed, tmp_path / "other.pt")
    frames, others = (
        evaluate_part(job, 0).frames for job in (few, replace(few, weights=str(tmp_path / "other.pt")))
    )
    assert frames.select(["clip", "frame", "n_fixations"]) == others.select(["clip", "frame", "n_fixations"])
    assert not frames["CC"].equals(others["CC"])


def test_what_a_disk_gets_over_costs_no_clip(few, small_demo, tmp_path, monkeypatch):
    folder, root = few.manifest
    corpus = tmp_path / "corpus"
    shutil.copytree(root or (small_demo / "corpora" / "Hollywood2"), corpus)
    job = replace(few, manifest=(folder, str(corpus)))
    away, pauses = tmp_path / "away", []
    corpus.rename(away)

    def comes_back(seconds):
        pauses.append(seconds)
        away.rename(corpus)

    monkeypatch.setattr(time, "sleep", comes_back)
    done = evaluate_part(job, 0)
    assert len(pauses) == 1
    assert done.unread == {}
    assert done.frames.equals(evaluate_part(few, 0).frames)
