"""What of Ray a driver uses, in this process: its own work is real, and only who runs it is not."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import torch
from ray.tune.search import Searcher


class DiedInTaskError(Exception):
    """As Ray raises what a task has died of."""

    def __init__(self, cause):
        self.cause = cause


@dataclass(frozen=True, eq=False)
class Task:
    body: Callable
    arguments: tuple[Any, ...]
    wanted: dict[str, Any]


@dataclass
class Remote:
    body: Callable
    started: list[Task]
    wanted: dict[str, Any]

    def options(self, **wanted):
        return replace(self, wanted=wanted)

    def remote(self, *arguments):
        self.started.append(Task(self.body, arguments, self.wanted))
        return self.started[-1]


class Tasks:
    """In place of `ray`: a task runs when it is asked for, and that begun last ends first."""

    def __init__(self):
        self.started: list[Task] = []

    def remote(self, body):
        return Remote(body, self.started, {})

    def wait(self, tasks, *, num_returns, timeout):
        assert (num_returns, len({*tasks})) == (1, len(tasks))
        return [tasks[-1]], tasks[:-1]

    def get(self, task):
        try:
            return task.body(*task.arguments)
        except Exception as error:
            raise DiedInTaskError(error) from error


class Tuner:
    """In place of `ray.tune.Tuner`: trials one after the other, with what each of them returns."""

    def __init__(self, body, *, tune_config, run_config):
        self.body, self.searcher, self.run_config = body, tune_config.search_alg, run_config
        self.num_samples = tune_config.num_samples

    def fit(self):
        for number in range(self.num_samples):
            found = self.searcher.suggest(str(number))
            if found == Searcher.FINISHED:
                return
            trial_id = str(number)
            self._run(SimpleNamespace(config=found, trial_id=trial_id, last_result={}, error_file=None))

    def _run(self, trial):
        told = {"iteration": 1, "trials": [trial]}
        (callback,) = self.run_config.callbacks
        callback.on_trial_start(**told, trial=trial)
        try:
            trial.last_result = self.body(trial.config)
        except OSError:
            callback.on_trial_error(**told, trial=trial)
        else:
            callback.on_trial_complete(**told, trial=trial)
        callback.on_step_end(**told)


class TrainSession:
    """In place of `ray.train` within a worker: one of some rank on a processor, whose reports are kept."""

    def __init__(self, rank=0):
        self.rank, self.workers, self.reported = rank, 1, []

    def get_device(self):
        return torch.device("cpu")

    def get_context(self):
        return self

    def get_world_rank(self):
        return self.rank

    def get_world_size(self):
        return self.workers

    def report(self, told):
        self.reported.append(told)


class Trainer:
    """In place of `ray.train.torch.TorchTrainer`: its worker runs in this process."""

    def __init__(self, worker, *, train_loop_config, **asked):
        self.worker, self.config, self.asked = worker, train_loop_config, asked

    def fit(self):
        return SimpleNamespace(return_value=self.worker(self.config))
