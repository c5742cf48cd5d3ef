"""A training as a Ray Tune trial that is a Ray Train run, and the worker inside it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from ray import train, tune
from ray.train import Checkpoint, CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, get_device
from ray.tune.integration.ray_train import TuneReportCallback

from grid.events import Row
from grid.schedule import Share
from grid.source import assert_ours
from grid.training import Job, fit

_STATE = "state.pt"


def trial(
    config: Mapping[str, str], *, jobs: Mapping[str, Job], share: Share, resume: str, failures: int
) -> None:
    """Run one training and report its summary; a Tune trainable.

    Args:
        config: `{"training": id}`, from the searcher.
        jobs: every training's job, by id.
        share: what its worker takes of the machine. The trial itself takes nothing: Ray Train asks for
            its workers' share on its own, and would wait for what its own trial held.
        resume: the folder of states to go on from, one a training.
        failures: times that Ray restarts the worker from its last state.
    """
    job = jobs[config["training"]]
    trainer = TorchTrainer(
        worker,
        train_loop_config=asdict(job),
        scaling_config=ScalingConfig(
            num_workers=1,
            use_gpu=share.gpu > 0,
            resources_per_worker=_resources(share),
        ),
        run_config=RunConfig(
            # The id is the name, so that Ray finds this training's states again, and no other's.
            name=job.id,
            storage_path=resume,
            callbacks=[TuneReportCallback()],
            failure_config=FailureConfig(max_failures=failures, controller_failure_limit=3),
            checkpoint_config=CheckpointConfig(num_to_keep=2),
        ),
    )
    tune.report({"summary": trainer.fit().return_value})


def _resources(share: Share) -> dict[str, float]:
    named = {"CPU": share.cpu, "GPU": share.gpu, "memory": int(share.memory)}
    return {name: amount for name, amount in named.items() if amount}


def worker(config: dict[str, Any]) -> dict[str, Any]:
    """Run the training inside Ray Train's worker; returns its summary."""
    assert_ours()
    return fit(Job(**config), _RayContext())


class _RayContext:
    """`grid.training.Context` by Ray Train."""

    def __init__(self) -> None:
        self.device = get_device()

    def latest(self) -> dict[str, Any] | None:
        checkpoint = train.get_checkpoint()
        if checkpoint is None:
            return None
        with checkpoint.as_directory() as folder:
            return torch.load(Path(folder) / _STATE, map_location=self.device, weights_only=True)

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        if state is None:
            train.report({"rows": rows})
            return
        with tempfile.TemporaryDirectory() as folder:
            torch.save(state, Path(folder) / _STATE)
            train.report({"rows": rows}, checkpoint=Checkpoint.from_directory(folder))
