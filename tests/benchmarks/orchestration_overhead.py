"""What a training costs beside training: through the grid, and by a direct call in a process that is warm.

    python tests/benchmarks/orchestration_overhead.py [--trainings 3] [--iterations 40] [--workers] [--tiny]

Trainings of the demo's size run one after the other, each as a trial of Ray Tune that is a run of Ray Train,
as in any grid; the same training is called directly as well. With --workers Ray Train places each training in
processes of its own, as on accelerators and clusters, and not in the trial's. What lies between the two is
told apart by the clock at each step, and by the time at which each process was started. The first training is
printed apart: it waits for processes that the others find.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import psutil
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from grid.planning.prepare import Grid, prepare
from grid.running import driver as driver_module
from grid.running import jobs, trial
from grid.running.events import Listener
from grid.running.ray_cluster import ray_retry
from grid.running.ray_cluster import ray_session as cluster
from grid.training.job import Job
from grid.training.loop import fit
from grid.training.ray_worker import worker

SPEC = """
name: overhead
title: Trainings without parents
metrics: [NSS]
sources: [DHF1K]
targets: [UCFSports]
approaches: [generalization]
"""
# The steps of a training by the grid, in order.
STEPS = {
    "Tune starts the trial": ("released", "trial"),
    "a process is started, if none is there": ("trial", "process"),
    "it imports, and is told what to do": ("process", "worker"),
    "the training itself": ("worker", "trained"),
    "Ray Train sees the end and tidies up": ("trained", "fitted"),
    "Tune hears of it, the ledger is written": ("fitted", "finished"),
}


def main() -> None:
    """Train directly and by the grid, and print seconds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    parser.add_argument("--workers", action="store_true", help="in processes that Ray Train starts")
    options = parser.parse_args()
    if options.tiny:
        options.trainings, options.iterations = 2, 2
    with tempfile.TemporaryDirectory() as folder:
        grid = planned(Path(folder), options.trainings, options.iterations)
        with cluster.session():
            watch = Watch()
            driver_module.trial = traced
            driver = jobs.sweep(grid, set(grid.plan.evaluations), watch)
            driver.here &= not options.workers
            directly = direct(next(iter(driver.trainings.values())))
            driver.run()
    print_steps(list(watch.trainings.values()), directly)


def planned(folder: Path, trainings: int, iterations: int) -> Grid:
    """Make the demo's corpora, and plan trainings that differ by their seed alone, one at a time."""
    (folder / "overhead.yaml").write_text(SPEC)
    overrides = [f"seeds={list(range(trainings))}".replace(" ", ""), f"train.iterations={iterations}"]
    overrides += ["resources.train.memory_gib=1000"]
    return prepare(str(folder / "overhead.yaml"), overrides, folder, demo=True, tell=lambda text: None)


class _Context:
    """`grid.training.loop.Context` of a training that nobody watches."""

    device, rank = torch.device("cpu"), 0

    def latest(self) -> None:
        return None

    def asked_to_stop(self) -> bool:
        return False

    def report(self, rows: list, state: dict[str, Any] | None) -> None:
        del rows, state


def direct(job: Job) -> float:
    """Return the seconds of a training in this process, after two iterations that warm it up."""
    short = replace(job.spec, train=replace(job.spec.train, iterations=2))
    fit(replace(job, spec=short), _Context())
    started = time.perf_counter()
    fit(job, _Context())
    return time.perf_counter() - started


class Watch(Listener):
    """Notes when each training was released and when it was over, beside what its processes noted."""

    def __init__(self) -> None:
        self.trainings: dict[str, dict[str, float]] = {}

    def on_training_started(self, training: Any) -> None:
        self.trainings[training.id] = {"released": time.time()}

    def on_training_finished(self, training: Any, summary: Mapping[str, Any], curve: Any) -> None:
        self.trainings[training.id] |= {"finished": time.time(), **summary["times"]}


def traced(config: Mapping[str, str], **places: Any) -> None:
    """Call `grid.running.trial.trial`, with the time noted before and after what it runs; in Tune's
    process."""
    marks = {"trial": time.time()}

    def noted(fit: Callable, trainer: Any, failures: int) -> Any:
        result = fit(trainer, failures)
        result.return_value["times"] |= marks | {"fitted": time.time()}
        return result

    fits = {name: partial(noted, getattr(ray_retry, name)) for name in ("fit", "fit_here")}
    given_back = ray_retry.give_back_abandoned
    trial.worker, trial.ray_retry = traced_worker, SimpleNamespace(give_back_abandoned=given_back, **fits)
    trial.trial(config, **places)


def traced_worker(config: dict[str, Any]) -> dict[str, Any]:
    """Call `grid.training.ray_worker.worker`, with the time noted before and after; in Ray Train's
    process."""
    times = {"process": psutil.Process().create_time(), "worker": time.time()}
    outcome = worker(config)
    return outcome | {"times": times | {"trained": time.time()}}


def print_steps(trainings: list[dict[str, float]], directly: float) -> None:
    """Print seconds of the first training and medians of the others, step by step."""
    for times in trainings:
        # A process that waits already was started before.
        times["process"] = max(times["process"], times["trial"])
    first, *others = trainings
    print(f"{'seconds':45} {'first':>7} {'others':>7}")
    for step, (begin, end) in STEPS.items():
        later = median(times[end] - times[begin] for times in others)
        print(f"{step:45} {first[end] - first[begin]:7.2f} {later:7.2f}")
    whole = [times["finished"] - times["released"] for times in trainings]
    beside = [all_of_it - (t["trained"] - t["worker"]) for all_of_it, t in zip(whole, trainings, strict=True)]
    for name, values in (("all of it", whole), ("all but the training itself", beside)):
        print(f"{name:45} {values[0]:7.2f} {median(values[1:]):7.2f}")
    print(f"{'the training, called in a warm process':45} {directly:15.2f}")


if __name__ == "__main__":
    main()
