"""A training as a Ray Tune trial that is a Ray Train run, and the worker inside it."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ray import train, tune
from ray.train import FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer, get_device
from ray.tune.integration.ray_train import TuneReportCallback

from grid.plan import Row
from grid.planning.frames import fill
from grid.results.provenance import assert_ours
from grid.results.storage import Storage
from grid.running import ray_retry as retry
from grid.running.places import brought
from grid.running.schedule import Share
from grid.training.loop import Job, fit
from grid.training.states import SavedStates
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import ProblemError

# Of workers of one training for each other; one may have to decode all that it reads, and others nothing.
_PATIENCE_S = 7200


def trial(
    config: Mapping[str, str], *, jobs: Mapping[str, Job], share: Share, storage: Storage, failures: int
) -> None:
    """Run one training and report its summary; a Tune trainable.

    Args:
        config: `{"training": id}`, from the searcher.
        jobs: every training's job, by id.
        share: what its worker takes of the machine. The trial itself takes nothing: Ray Train asks for
            its workers' share on its own, and would wait for what its own trial held.
        storage: where states to go on from are, and weights.
        failures: times that the worker is restarted from its last state when it dies, and as often when Ray
            gives up for reasons of its own.
    """
    job = jobs[config["training"]]
    SavedStates(storage, job.id).make_ready()
    trainer = TorchTrainer(
        worker,
        train_loop_config={"job": asdict(job), "storage": storage},
        torch_config=TorchConfig(timeout_s=_PATIENCE_S),
        scaling_config=ScalingConfig(
            num_workers=job.spec["train"]["world_size"],
            use_gpu=share.gpu > 0,
            resources_per_worker=_resources(share),
        ),
        run_config=RunConfig(
            name=job.id,
            # Nothing that is needed again: states go to the storage without Ray, which would want a folder
            # that all machines see, and remembers them in a list that a kill may cut short.
            storage_path=str(Path.cwd() / "train"),
            callbacks=[TuneReportCallback()],
            failure_config=FailureConfig(max_failures=failures, controller_failure_limit=0),
        ),
    )
    outcome = retry.fit(trainer, failures).return_value
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
    storage = config["storage"]
    try:
        job = brought(Job(**config["job"]), storage)
        context = _RayContext(SavedStates(storage, job.id))
        if storage.url:
            fill(job)
        summary = fit(job, context)
        if not context.rank:
            storage.publish(job.weights)
        return summary
    except (OSError, RuntimeError):
        raise
    except (ProblemError, WeightsError) as error:
        return {"error": str(error)}
    except Exception:  # noqa: BLE001 - see above
        return {"error": traceback.format_exc()}


class _RayContext:
    """`grid.training.loop.Context` by Ray Train."""

    def __init__(self, states: SavedStates) -> None:
        self.device, self.rank = get_device(), train.get_context().get_world_rank()
        self._states = states

    def latest(self) -> dict[str, Any] | None:
        return self._states.newest()

    def report(self, rows: list[Row], state: dict[str, Any] | None) -> None:
        if state is not None and not self.rank:
            self._states.save(state["progress"]["step"], state)
        train.report({"rows": rows})
