"""A training as a Ray Tune trial that is a Ray Train run.

Ray Train starts processes for each of its runs, a controller, workers and what watches over them: six seconds
for a training of the demo, which lasts half a minute. On one machine's processors a training of one worker
therefore runs in Ray Train's local mode within the trial's own process, which Tune keeps for the next one.
On accelerators, clusters and by several workers Ray Train places them, and restarts them.
"""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ray import tune
from ray.exceptions import RayError
from ray.train import FailureConfig, Result, RunConfig, ScalingConfig, WorkerGroupError
from ray.train.torch import TorchConfig, TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from grid.results.storage import Storage
from grid.running.ray_cluster import ray_retry
from grid.running.schedule import Share
from grid.training.job import Job
from grid.training.ray_worker import MAY_PASS, worker
from grid.training.states import SavedStates

# One may have to decode all that it reads, and others nothing.
_SECONDS_WORKERS_WAIT_FOR_EACH_OTHER = 7200


def trial(
    config: Mapping[str, str],
    *,
    jobs: Mapping[str, Job],
    share: Share,
    storage: Storage,
    failures: int,
    here: bool = False,
) -> None:
    """Run one training, report its "summary", "failure", where it was "stopped" or what has "interrupted" it.

    What it raises instead is no failure of the training: Tune runs it again, from its last state on.

    Args:
        config: `{"training": id}`, from the searcher.
        jobs: every training's job, by id.
        share: what its worker takes of the machine. The trial itself takes nothing: Ray Train asks for
            its workers' share on its own, and would wait for what its own trial held.
        storage: where states to go on from are, and weights.
        failures: times that the worker is restarted from its last state when it dies, and as often when Ray
            gives up for reasons of its own.
        here: whether this is the machine, and its processors what the training runs on.
    """
    job = jobs[config["training"]]
    ray_retry.give_back_abandoned()
    SavedStates(storage, job.id).make_ready()
    here &= job.spec.train.world_size == 1
    trainer = TorchTrainer(
        # The types of Ray Train are those of its first version, which the session turns off.
        worker,  # type: ignore[arg-type]
        train_loop_config={"job": job, "storage": storage, "here": here},
        torch_config=TorchConfig(timeout_s=_SECONDS_WORKERS_WAIT_FOR_EACH_OTHER),
        scaling_config=_workers(0 if here else job.spec.train.world_size, share),
        run_config=RunConfig(
            name=job.id,
            # Nothing that is needed again: states go to the storage without Ray, which would want a folder
            # that all machines see, and remembers them in a list that a kill may cut short.
            storage_path=str(Path.cwd() / "train"),
            # In local mode the training tells Tune itself, and the callback would start a process to listen.
            callbacks=[] if here else [TuneReportCallback()],  # type: ignore[list-item]
            failure_config=FailureConfig(
                max_failures=failures,
                controller_failure_limit=0,  # type: ignore[call-arg]
            ),
        ),
    )
    run = ray_retry.fit_here if here else ray_retry.fit
    outcome = _outcome(partial(run, trainer, failures), storage)
    if here:
        # This process stays, and what refers to itself would stay with it: gigabytes after some trainings.
        gc.collect()
    tune.report(outcome)


def _outcome(run: Callable[[], Result], storage: Storage) -> dict[str, Any]:
    try:
        found = run().return_value  # type: ignore[attr-defined]
    except (WorkerGroupError, *MAY_PASS) as error:
        # A worker has raised something once too often, or its process was ended from outside.
        if why := _surroundings(error) or storage.silent():
            return {"interrupted": why}
        return {"failure": "".join(traceback.format_exception(error))}
    for ended in ("interrupted", "stopped"):
        if ended in found:
            return {ended: found[ended]}
    return {"failure": found["error"]} if "error" in found else {"summary": found}


def _surroundings(error: Exception) -> str:
    """Say what ended the processes of workers; "" if one of them has raised an error of its own."""
    found = list(error.worker_failures.values()) if isinstance(error, WorkerGroupError) else [error]
    if not found or not all(isinstance(each, RayError) for each in found):
        return ""
    return f"its workers' processes were ended: {' '.join(str(found[0]).split())}"


def _workers(number: int, share: Share) -> ScalingConfig:
    """Ask Ray Train for workers; with none it is in local mode, where it takes nothing of the machine."""
    if not number:
        return ScalingConfig(num_workers=0)
    named = {"CPU": share.cpu, "GPU": share.gpu, "memory": int(share.memory)}
    resources = {name: amount for name, amount in named.items() if amount}
    return ScalingConfig(num_workers=number, use_gpu=share.gpu > 0, resources_per_worker=resources)
