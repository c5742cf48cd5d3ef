"""Ray on this machine alone, and what a grid counts on where an autoscaler starts nodes for it."""

import os
from unittest import mock

import psutil
import pytest
import yaml

from grid.running import ray_session as cluster
from grid.running.schedule import Share

GIB = 2.0**30
BOOTSTRAP = {
    "max_workers": 5,
    "head_node_type": "head",
    "available_node_types": {
        "head": {"resources": {"CPU": 0, "memory": 8 * GIB}},
        "small": {"resources": {"CPU": 4, "memory": 8 * GIB}, "max_workers": 4},
        "spot": {"resources": {"CPU": 8, "GPU": 1, "memory": 32 * GIB}, "max_workers": 3},
        "never": {"resources": {"CPU": 96, "GPU": 8, "memory": 999 * GIB}, "max_workers": 0},
    },
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The head of a cluster that `ray up` has made, as a job finds it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    (tmp_path / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(BOOTSTRAP))
    return tmp_path


def test_workers_that_may_start_are_counted_the_largest_first_and_no_more_than_allowed(home):
    assert cluster._startable() == [(Share(8, 1, 32 * GIB), 3), (Share(4, 0, 8 * GIB), 2)]


def test_ray_on_this_machine_alone_expects_no_others(home, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS")
    assert cluster._startable() == []


def test_a_cluster_that_nobody_scales_is_what_it_is(home):
    (home / "ray_bootstrap_config.yaml").unlink()
    assert cluster._startable() == []


@pytest.mark.parametrize(
    ("address", "local"), [("", True), ("local", True), (" local ", True), ("auto", False), ("h:1", False)]
)
def test_local_is_rays_word_for_this_machine(monkeypatch, address, local):
    monkeypatch.setenv("RAY_ADDRESS", address)
    assert cluster.is_local() is local


@pytest.mark.ray
@pytest.mark.slow
def test_ray_on_this_machine_cannot_be_reached_from_others(monkeypatch):
    import ray

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # Ray's own default would be the machine's address, whatever it is told.
    with mock.patch.dict(os.environ), cluster.session():
        ray.get(ray.remote(lambda: None).remote())
        ours = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
        listening = [
            found.laddr.ip
            for found in psutil.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN and found.pid in ours
        ]
    assert len(listening) > 3
    assert set(listening) <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
