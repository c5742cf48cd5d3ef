"""How near a grid's schedule comes to the best there is, on 1 to 64 GPUs, and what the driver pays for it.

    python tests/benchmarks/schedule_scale.py [--seeds 112] [--noise 0.15] [--on H200] [--tiny]
    python tests/benchmarks/schedule_scale.py --ray 60 --sleep 0.5

The first plans the `paper` grid, alone and with many seeds (2,016 trainings), on manifests of the corpora's
real lengths, and lets a fake clock run over the schedule, asked as the driver asks it. Each training and each
part of an evaluation takes what the plan's estimate says, times a log-normal noise keyed by its name. No
schedule ends before the longest chain of trainings with a part of an evaluation after it, nor before all work
shared out evenly: the makespan is printed against the larger of the two.

The second runs the driver itself under Ray Tune with trainings that only sleep, and prints what each costs.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from ray import tune

sys.path.insert(0, str(Path(__file__).parents[2]))

from manifest_scale import Points, clips_of

from grid.commands.cost import estimate
from grid.commands.devices import Device, named
from grid.evaluation.job import share_out
from grid.plan import Plan
from grid.planning.prepare import Grid, prepare
from grid.results.storage import Storage
from grid.running import driver as driver_module
from grid.running import jobs
from grid.running.events import Listener
from grid.running.ray_cluster import ray_session as cluster
from grid.running.schedule import Schedule, Share
from grid.training.job import Job
from manifests import Clip, write

# Corpus -> whose real lengths it takes, and how many clips; 0 for all of them. LEDOV's are not published.
CORPORA = {"DHF1K": ("DHF1K", 0), "Hollywood2": ("Hollywood2", 0), "UCFSports": ("UCFSports", 0)}
CORPORA |= {"LEDOV": ("DHF1K", 538)}
GPUS = (1, 4, 16, 64)
ONE = Share(gpu=1)


def main() -> None:
    """Print the table of makespans, or what a trial costs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=112, help="of the larger grid: 18 trainings each")
    parser.add_argument("--noise", type=float, default=0.15, help="standard deviation of log durations")
    parser.add_argument("--on", default="H200")
    parser.add_argument("--ray", type=int, metavar="TRIALS", help="run so many sleeping trials on Ray")
    parser.add_argument("--sleep", type=float, default=0.5, help="seconds that each of them sleeps")
    parser.add_argument("--tiny", action="store_true", help="as small as it can be, to see that it runs")
    options = parser.parse_args()
    if options.tiny:
        options.seeds = 1
    with tempfile.TemporaryDirectory() as folder:
        places = write_manifests(Path(folder))
        plan = partial(planned, Path(folder), places)
        if options.ray:
            small = ("resources.train.cpu=0.25", "resources.train.memory_gib=0.1")
            run_on_ray(plan(-(-options.ray // 18), *small), options.sleep)
            return
        print(
            f"{'trainings':>10} {'parts':>7} {'GPUs':>5} {'makespan':>10} {'bound':>10} {'ratio':>6}", end=""
        )
        print("  bound by  schedule's own time")
        for seeds in sorted({1, options.seeds}):
            grid = plan(seeds)
            durations = drawn(grid, named(options.on), options.noise)
            for gpus in GPUS:
                print_row(grid.plan, durations, gpus)


def write_manifests(folder: Path) -> list[str]:
    """Write a manifest for each corpus; return the settings that name them."""
    for name, (lengths, count) in CORPORA.items():
        clips = (replace(clip, corpus=name) for clip in clips_of(lengths, count))
        write(folder / name, name, folder, clips, Points())
    return [f"corpora.{name}.manifest={folder / name}" for name in CORPORA]


def planned(folder: Path, places: list[str], seeds: int, *settings: str) -> Grid:
    """Plan the paper's tables with so many seeds."""
    chosen = f"seeds={list(range(seeds))}".replace(" ", "")
    started = time.perf_counter()
    overrides = ["model.backbone_weights=none", chosen, *places, *settings]
    grid = prepare("paper", overrides, folder / f"out-{seeds}", demo=False, tell=lambda text: None)
    took = time.perf_counter() - started
    print(
        f"{len(grid.plan.trainings):,} trainings and {len(grid.plan.cells):,} cells planned in {took:.1f} s"
    )
    return grid


@dataclass(frozen=True)
class Durations:
    """Hours of each training, and of each part of each evaluation."""

    trainings: Mapping[str, float]
    parts: Mapping[str, list[float]]

    def bounds(self, plan: Plan, gpus: int) -> dict[str, float]:
        """Return the hours that no schedule falls below: for the longest chain, and for all work."""
        ends: dict[str, float] = {}
        for training in plan.trainings.values():  # parents come before children
            ends[training.id] = self.trainings[training.id] + ends.get(training.parent, 0.0)
        chain = max(ends[unit.training] + max(self.parts[unit.id]) for unit in plan.evaluations.values())
        area = sum(self.trainings.values()) + sum(map(sum, self.parts.values()))
        return {"chain": max(chain, *ends.values()), "area": area / gpus}


def drawn(grid: Grid, device: Device, noise: float) -> Durations:
    """Draw durations around the plan's own estimates."""
    found = estimate(grid, device)

    def hours(name: str, expected: float) -> float:
        generator = np.random.default_rng(zlib.crc32(name.encode()))
        return expected * float(np.exp(generator.normal(0.0, noise)))

    trainings = {unit: hours(unit, work.device_hours) for unit, work in found.trainings.items()}
    shares = {test: shares_of(grid.manifests[test].clips("test")) for test in CORPORA}
    parts = {
        unit.id: [
            hours(f"{unit.id}/{i}", found.evaluations[unit.id].device_hours * share)
            for i, share in enumerate(shares[unit.test])
        ]
        for unit in grid.plan.evaluations.values()
    }
    return Durations(trainings, parts)


def shares_of(clips: list[Clip]) -> list[float]:
    """Return the share of a test set's frames in each part of an evaluation."""
    frames = {clip.clip: clip.n_frames for clip in clips}
    return [sum(map(frames.get, part)) / sum(frames.values()) for part in share_out(clips)]


def print_row(plan: Plan, durations: Durations, gpus: int) -> None:
    """Let the clock run, and print how it went."""
    started = time.perf_counter()
    makespan = simulated(plan, durations, gpus)
    took = time.perf_counter() - started
    bounds = durations.bounds(plan, gpus)
    by = max(bounds, key=bounds.get)
    n_parts = sum(map(len, durations.parts.values()))
    own = took / (len(plan.trainings) + n_parts) * 1e3
    hours = f"{makespan:8.2f} h {bounds[by]:8.2f} h {makespan / bounds[by]:6.3f}"
    print(f"{len(plan.trainings):10,} {n_parts:7,} {gpus:5} {hours}  {by:8}  {own:.2f} ms a unit", flush=True)


def simulated(plan: Plan, durations: Durations, gpus: int) -> float:
    """Return the hours that a grid takes, with the schedule asked whenever something has ended."""
    machine = Share(gpu=gpus)
    parts = {unit: len(of_unit) for unit, of_unit in durations.parts.items()}
    schedule = Schedule(plan, (), lambda: machine, parts=parts, train=ONE, evaluate=ONE)
    left, now, running, count = dict(parts), 0.0, [], 0
    while not schedule.over():
        for end, unit in started(schedule, durations, now):
            count += 1
            heapq.heappush(running, (end, count, unit))
        now, _, unit = heapq.heappop(running)
        if isinstance(unit, str):
            schedule.finish(unit)
            continue
        schedule.end_part(*unit)
        left[unit[0].id] -= 1
        if not left[unit[0].id]:
            schedule.finish(unit[0].id)
    return now


def started(schedule: Schedule, durations: Durations, now: float) -> Iterator[tuple[float, Any]]:
    """Start all that may start, as `grid.running.driver` does: parts of evaluations whenever it is asked at
    all."""
    while True:
        while found := schedule.start_part():
            yield now + durations.parts[found[0].id][found[1]], found
        training = schedule.start_training()
        if training is None:
            return
        yield now + durations.trainings[training.id], training.id


class Watch(Listener):
    """Notes the driver's own time and memory whenever a training has ended."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self.cpu: list[float] = []
        self.mib: list[float] = []

    def on_training_finished(self, *ended: object) -> None:
        times = self._process.cpu_times()
        self.cpu.append(times.user + times.system)
        self.mib.append(self._process.memory_info().rss / 2**20)

    def a_trial(self, values: list[float]) -> float:
        """Return what one trial adds, once everything has been imported and started."""
        return (values[-1] - values[len(values) // 4]) / (len(values) - 1 - len(values) // 4)


def run_on_ray(grid: Grid, sleep: float) -> None:
    """Let the driver run sleeping trials, and print what each costs beside its sleep."""
    watch, done = Watch(), set(grid.plan.evaluations)
    driver_module.trial = partial(sleeping, seconds=sleep)
    with cluster.session():
        driver = jobs.sweep(grid, done, watch)
        side_by_side = driver.schedule.train.times_in(driver.schedule.capacity())
        started = time.perf_counter()
        driver.run()
        wall = time.perf_counter() - started
    count = len(grid.plan.trainings)
    beside = wall - count * sleep / side_by_side
    print(f"{count} trials of {sleep} s, {side_by_side} side by side: {wall:.1f} s, with starting them")
    print(f"beside the sleeping: {beside:.1f} s, {beside / count:.2f} s a trial")
    print(f"the driver, a trial: {watch.a_trial(watch.cpu):.3f} s of a core", end="")
    print(f", {watch.a_trial(watch.mib):.2f} MiB of {watch.mib[-1]:.0f} in the end")


def sleeping(
    config: Mapping[str, str], *, jobs: Mapping[str, Job], storage: Storage, seconds: float, **_: object
) -> None:
    """Stand in for `grid.running.trial.trial`: sleep, write a file for weights, report a summary."""
    path = storage.path(jobs[config["training"]].weights)
    time.sleep(seconds)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"weights")
    curve = [{"step": 1, "name": "val/kld", "value": 1.0}]
    tune.report({"summary": {"best_kld": 1.0, "best_step": 1, "seconds": seconds, "curve": curve}})


if __name__ == "__main__":
    main()
