"""A run that Ray itself gives up is begun again, and what it leaves reserved is given back.

That Ray does so is shown with real nodes: tests/cluster/test_lost_at_launch.py.
"""

from types import SimpleNamespace

import pytest
from ray.exceptions import RayActorError
from ray.train import ControllerError, WorkerGroupError

from grid.running.ray_cluster import ray_retry


class Trainer:
    """Ends as often as asked for in an error of Ray's, and then well."""

    def __init__(self, *errors):
        self.errors, self.runs = list(errors), 0

    def fit(self):
        self.runs += 1
        if self.errors:
            raise self.errors.pop(0)
        return "result"


@pytest.fixture
def given_back(monkeypatch):
    """The placement groups that have been removed, while one is found abandoned."""
    removed, groups = [], [SimpleNamespace(id=1)]
    monkeypatch.setattr(ray_retry, "_UNTIL_RAY_NOTICES_S", 0.01)
    monkeypatch.setattr(ray_retry.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(ray_retry, "_abandoned", lambda: [groups.pop()] if groups else [])
    monkeypatch.setattr(ray_retry, "remove_placement_group", lambda group: removed.append(group.id))
    return removed


def given_up():
    return ControllerError(RuntimeError("the controller has ended"))


def test_a_run_that_ray_gives_up_is_begun_again_and_its_share_given_back(given_back):
    trainer = Trainer(given_up(), RayActorError())
    assert ray_retry.fit(trainer, failures=2) == "result"
    assert trainer.runs == 3
    assert given_back == [1]


def test_a_run_is_begun_again_only_so_often(given_back):
    trainer = Trainer(*(given_up() for _ in range(9)))
    with pytest.raises(ControllerError):
        ray_retry.fit(trainer, failures=2)
    assert trainer.runs == 3
    assert given_back == [1], "also after the last"


def test_what_its_workers_die_of_is_not_tried_again(given_back):
    trainer = Trainer(WorkerGroupError("a worker has died too often", {}))
    with pytest.raises(WorkerGroupError):
        ray_retry.fit(trainer, failures=2)
    assert trainer.runs == 1
    assert given_back == []
