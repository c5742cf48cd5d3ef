"""A folder of photographs, predicted by command as the grid tests them: each at its own size."""

import json
from pathlib import Path

import pytest

from grid.evaluation.evaluate import evaluate_part
from grid.planning.prepare import prepare
from grid.running.jobs import evaluation_job
from grid.training.loop import fit
from hd2s.__main__ import main
from hd2s.models.unisal import config
from tests.grid.grids import ONE, Context, job_of

SPEC = """
name: sizes
title: Photographs of several sizes
metrics: [CC, NSS]
models: [unisal]
sources: [SALICON]
tests: [MIT1003]
approaches: [{approach}]
overrides: {{model.domain_inputs: true, model.photograph_sizes: released}}
"""
SHORT = ["train.iterations=2", "train.micro_batch=2", "train.validate_every=2", "train.validation_windows=1"]


@pytest.mark.slow
@pytest.mark.parametrize("approach", ["generalization", "domain-specific"])
def test_a_folder_of_photographs_has_the_scores_of_the_grid(
    small_demo, tmp_path, capsys, monkeypatch, approach
):
    sizes = (32, 64), (64, 32), (64, 64)
    monkeypatch.setattr(config, "_FINE_TUNED_SIZES", sizes)
    monkeypatch.setattr(config, "_FREE_SIZES", sizes)
    (small_demo / "sizes.yaml").write_text(SPEC.format(approach=approach))
    place, more = str(small_demo / "sizes.yaml"), [*SHORT, "model.photograph_sizes=released"]
    grid = prepare(place, more, small_demo, demo=True, tell=lambda text: None)
    (training,), (evaluation,) = grid.plan.trainings.values(), grid.plan.evaluations.values()
    fit(job_of(grid, training.approach), Context())
    job = evaluation_job(grid, evaluation, ONE)
    frames, told, expected = job.gather([evaluate_part(job, part) for part in range(len(job.parts))])
    grid.ledger.write_evaluation(evaluation, frames, told, expected=expected)
    of_the_grid = grid.ledger.read_evaluation(evaluation.id)
    split = grid.manifests["MIT1003"]
    natives = {(clip.height, clip.width) for clip in split.clips("test")}
    assert len({job.input.predicted_size(native, still=True) for native in natives}) > 1

    photographs = Path(split.root) / "ALLSTIMULI"
    written = ["--weights", job.weights, "--out", str(tmp_path / "maps"), "--submission", "--device", "cpu"]
    domain = ["--domain", job.domain] if job.domain else []
    assert main(["predict", str(photographs), "--photographs", *written, *domain]) == 0
    capsys.readouterr()
    corpus = ["--corpus", "MIT1003", "--split", "test", "--manifest", job.manifest.folder]
    assert main(["score", *corpus, "--predictions", str(tmp_path / "maps"), "--json", "--workers", "1"]) == 0
    of_the_command = json.loads(capsys.readouterr().out)
    assert of_the_grid.scores
    for metric, mean in of_the_grid.scores.items():
        assert of_the_command["metrics"][metric]["over_frames"] == mean, metric

    assert main(["predict", str(photographs), *written]) == 2
    assert "add --photographs" in capsys.readouterr().err
