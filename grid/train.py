"""A training as a Ray Tune trial that is a Ray Train run, and the worker inside it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import train, tune
from ray.train import (
    Checkpoint,
    CheckpointConfig,
    CheckpointUploadMode,
    FailureConfig,
    RunConfig,
    ScalingConfig,
)
from ray.train.torch import TorchTrainer, get_device
from ray.tune.integration.ray_train import TuneReportCallback

from grid import states
from grid.events import Row
from grid.schedule import Share
from grid.source import assert_ours
from grid.training import Job, fit
from hd2s.weights import WeightsError
from manifests.check import ProblemError


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
    states.make_ready(Path(resume) / job.id)
    trainer = TorchTrainer(
        worker,
        train_loop_config=asdict(job),
        scaling_config=ScalingConfig(
            num_workers=job.spec["train"]["world_size"],
            use_gpu=share.gpu > 0,
            resources_per_worker=_resources(share),
        ),
        run_config=RunConfig(
            # The id is the name, so that Ray finds this training's states again, and no other's.
            name=job.id,
            storage_path=resume,
            callbacks=[TuneReportCallback()],
            failure_config=FailureConfig(max_failures=failures, controller_failure_limit=3),
            checkpoint_config=CheckpointConfig(num_to_keep=states.KEPT),
        ),
    )
    outcome = trainer.fit().return_value
    if "error" in outcome:
        raise FailedTrainingError(outcome["error"])
    tune.report({"summary": outcome})


def _resources(share: Share) -> dict[str, float]:
    named = {"CPU": share.cpu, "GPU": share.gpu, "memory": int(share.memory)}
    return {name: amount for name, amount in named.items() if amount}


class FailedTrainingError(Exception):
    """A training has failed of itself; the text is its worker's."""


def worker(config: dict[str, Any]) -> dict[str, Any]:
    """Run the training inside Ray Train's worker; return its summary, or its error.

    Ray starts a worker again whatever it died of. What would happen again all the same, such as a loss that
    is not finite or a clip that has changed, is therefore returned; what the machine may have done is raised.
    """
    assert_ours()
    try:
        return fit(Job(**config), _RayContext())
    except (OSError, RuntimeError):
        raise
    except (ProblemError, WeightsError) as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001 - see above
        return {"error": traceback.format_exc()}


class _RayContext:
    """`grid.training.Context` by Ray Train."""

    def __init__(self) -> None:
        context = train.get_context()
        self.device, self.rank = get_device(), context.get_world_rank()
        self._run = Path(context.get_storage().experiment_fs_path)

    def latest(self) -> dict[str, Any] | None:
        """Look into the folder: Ray's own word lags behind it, and knows of no damage."""
        return states.newest(self._run)

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        if state is None or self.rank:
            train.report({"rows": rows})
            return
        folder = states.save(self._run, state["progress"]["step"], state)
        # It is where it belongs already.
        where = Checkpoint.from_directory(folder)
        train.report({"rows": rows}, checkpoint=where, checkpoint_upload_mode=CheckpointUploadMode.NO_UPLOAD)
