"""The model that a training starts with: new, or filled from a file that must be the one of its id."""

from __future__ import annotations

from pathlib import Path

from grid.results.checks import require_whole_weights
from grid.training.job import Job
from hd2s import build_model, load_weights
from hd2s.files import sha256_of
from hd2s.models.contract import SaliencyModel
from manifests.problem import ExchangedError, Problem


def starting_model(job: Job) -> SaliencyModel:
    """Build a training's model, and fill it with what it starts from.

    Raises:
        ExchangedError: a file is not the one that the training's id was made of.
        WeightsError: it does not fit.
    """
    spec = job.spec
    model = build_model(spec.model.name, seed=spec.seed, **spec.model.options)
    if job.backbone:
        _require_file(Path(job.backbone), spec.model.weights or "")
        load_weights(model, Path(job.backbone))
    if job.parent:
        require_whole_weights(job.parent, spec.parent or "")
        load_weights(model, Path(job.parent))
    return model


def _require_file(path: Path, digest: str) -> None:
    found = sha256_of(path)
    if digest and found != digest:
        expected = f"the file that this was planned with, digest {digest[:12]}"
        remedy = "It was exchanged since: run the same command again, which plans with the new one."
        raise ExchangedError(Problem(str(path), expected, f"digest {found[:12]}", remedy))
