"""A trained model on a test split, in parts: what is scored, and what is left out."""

import json
import shutil
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
import torch

from datasets.loading.scored_split import ScoredSplit
from datasets.reading.video import read_frames
from datasets.resizing import DEFAULT_RESIZING
from grid.commands.run import FAILED, status_of
from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.pictures import shown
from grid.results.failures import forget, incomplete
from grid.tracking.models import predictor_options
from grid.training.loop import fit
from hd2s.__main__ import main
from hd2s.metrics.benchmark import as_submitted, score_frame
from hd2s.prediction.served import ServedModel, _load_pyfunc, describe
from hd2s.weights.tensor_files import tensor_digest
from manifests.problem import ProblemError
from tests.grid.grids import (
    SMALLEST,
    TINY,
    Context,
    evaluation_job_of,
    few_clips_of,
    job_of,
    prepare_small,
    weights_of,
)


@pytest.mark.slow
def test_an_evaluation_scores_every_frame_of_every_test_clip(grid):
    job = evaluation_job_of(grid, "generalization")
    table = evaluate_part(job, 0).frames
    counted = table.group_by("clip").aggregate([("frame", "count"), ("frame", "max")]).to_pylist()
    assert {row["clip"]: row["frame_count"] for row in counted} == job.expected
    assert all(row["frame_max"] == row["frame_count"] - 1 for row in counted)
    assert min(job.expected.values()) == 1, "a shot of a single frame is among them"
    grid.ledger.write_evaluation(
        next(iter(grid.plan.evaluations.values())), table, {"seconds": 0.0}, expected=job.expected
    )


@pytest.mark.slow
def test_a_test_clip_that_cannot_be_read_is_left_out_and_named(demo_out, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(demo_out, out, ignore=shutil.ignore_patterns("frames"))
    grid = prepare_small(out, *SMALLEST, targets="Hollywood2", approaches="generalization")
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_other_weights_have_other_scores(few, tmp_path):
    changed = torch.load(few.weights, weights_only=True)
    changed["state"]["fusion.weight"] *= -1
    changed["digest"] = tensor_digest(changed["state"])
    torch.save(changed, tmp_path / "other.pt")
    frames, others = (
        evaluate_part(job, 0).frames for job in (few, replace(few, weights=str(tmp_path / "other.pt")))
    )
    assert frames.select(["clip", "frame", "n_fixations"]) == others.select(["clip", "frame", "n_fixations"])
    assert not frames["CC"].equals(others["CC"])


@pytest.mark.slow
def test_what_a_disk_gets_over_costs_no_clip(few, tmp_path, monkeypatch):
    corpus = tmp_path / "corpus"
    shutil.copytree(few.manifest.root, corpus)
    job = replace(few, manifest=replace(few.manifest, root=str(corpus)))
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


def test_a_model_without_weights_is_evaluated_as_any_other(small_demo):
    """One map for all frames, neither smoothed nor looked at through windows, nor in another precision."""
    settings = ("model=centre_prior", "test.precision=bfloat16")
    grid = prepare_small(small_demo, *settings, targets=None, approaches="generalization")
    fit(job_of(grid, "untrained"), Context())
    job = few_clips_of(evaluation_job_of(grid, "untrained"), 2)
    assert job.protocol.smoothing_sigma is None
    assert (job.input.span, job.protocol.precision) == (1, "float32")
    frames, _, expected = job.gather([evaluate_part(job, part) for part in range(2)])
    assert frames.group_by("clip").aggregate([("frame", "count")]).to_pylist() == [
        {"clip": clip, "frame_count": count} for clip, count in expected.items()
    ]
    prior = weights_of(job)["prior"].numpy()
    split = ScoredSplit.open(job.manifest.folder, "test", job.manifest.root)
    for row in frames.slice(0, 3).to_pylist():
        frame = split.frame(row["clip"], row["frame"])
        scores = score_frame(prior, frame.truth, frame.points, frame.pool, frame.key, eight_bit=True)
        assert {name: row[name] for name in scores} == pytest.approx(scores, nan_ok=True)
    assert Counter(np.isfinite(frames["CC"].to_numpy()))[True] == len(frames)


@pytest.mark.parametrize("protocol", ["paper", "released"])
@pytest.mark.slow
def test_grid_commands_and_mlflow_give_one_number_to_the_last_bit(small_demo, tmp_path, capsys, protocol):
    """What its test used goes with the checkpoint: here another σ, and another beginning of the released."""
    resizing = {"paper": DEFAULT_RESIZING, "released": "opencv-bicubic"}[protocol]
    described = "" if protocol == "paper" else f", frames resized by {resizing}"
    settings = (*TINY, "test.smoothing_sigma=2", f"test.protocol={protocol}", "test.head=time reversed")
    grid = prepare_small(small_demo, *settings, approaches="generalization")
    (training,), (evaluation,) = grid.plan.trainings.values(), grid.plan.evaluations.values()
    summary = fit(job_of(grid, "generalization"), Context())
    job = evaluation_job_of(grid, "generalization")
    frames, told, expected = job.gather([evaluate_part(job, part) for part in range(len(job.parts))])
    grid.ledger.write_evaluation(evaluation, frames, told, expected=expected)
    of_the_grid = grid.ledger.read_evaluation(evaluation.id)
    assert summary["iterations"] == 4

    corpus = ["--corpus", "UCFSports", "--split", "test", "--manifest", job.manifest.folder]
    written = ["--weights", job.weights, "--out", str(tmp_path / "maps"), "--submission", "--device", "cpu"]
    assert main(["predict", *corpus, *written]) == 0
    how = f"8 frames of 32 × 32, protocol {protocol}, float32, smoothed with σ = 2 px{described}"
    assert f"as its test does: {how}" in capsys.readouterr().out
    assert main(["score", *corpus, "--predictions", str(tmp_path / "maps"), "--json", "--workers", "1"]) == 0
    of_the_command = json.loads(capsys.readouterr().out)
    assert of_the_command["constant"] == told.get("constant", 0)
    for metric, mean in of_the_grid.scores.items():
        assert of_the_command["metrics"][metric]["over_frames"] == mean, metric
        assert of_the_command["metrics"][metric]["over_videos"] == of_the_grid.per_video[metric], metric

    describe(tmp_path / "served", Path(job.weights), predictor_options(grid.plan, training), copy=True)
    served, bare = _load_pyfunc(str(tmp_path / "served")), ServedModel(Path(job.weights), {})
    split = ScoredSplit.open(job.manifest.folder, "test", job.manifest.root)
    name = min(split.clips, key=lambda clip: split.clips[clip].n_frames)
    clip = read_frames(split.manifest.root, split.clips[name], job.input.size, resizing=resizing)
    maps = served.predict(clip)
    np.testing.assert_array_equal(maps, bare.predict(clip), "the checkpoint alone tells as much")
    rows = frames.filter(pc.equal(frames["clip"], name)).sort_by("frame").to_pylist()
    for i, row in enumerate(rows):
        frame = split.frame(name, i)
        submitted = as_submitted(maps[i], truncate=job.protocol.truncate)
        scores = score_frame(submitted, frame.truth, frame.points, frame.pool, frame.key)
        assert scores == pytest.approx({metric: row[metric] for metric in scores}, rel=0, abs=0, nan_ok=True)
    assert len(rows) == len(maps) > 0
