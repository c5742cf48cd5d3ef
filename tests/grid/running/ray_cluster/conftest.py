"""Clusters as a job finds them, of nodes that the test says."""

import pytest
import yaml

from grid.running.ray_cluster import nodes

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


@pytest.fixture
def joined(monkeypatch, tmp_path):
    """A cluster that nobody enlarges, with the nodes of the list; and what was told of it."""
    there, told, clock = [], [], iter(range(10**6))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(nodes, "alive", lambda: [(node, 1) for node in there])
    monkeypatch.setattr(nodes.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(nodes.time, "monotonic", lambda: float(next(clock)))
    return there, told
