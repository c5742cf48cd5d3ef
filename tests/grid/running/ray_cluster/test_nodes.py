"""What nodes a cluster has or may get."""

import pytest

from grid.running.ray_cluster import nodes
from grid.running.ray_cluster.nodes import largest_node
from grid.running.schedule import Share
from manifests.problem import ProblemError
from tests.grid.running.ray_cluster.conftest import GIB

SMALL = Share(cpu=4, memory=8 * GIB)


def test_workers_that_may_start_are_counted_the_largest_first_and_no_more_than_allowed(home):
    assert nodes.startable() == [(Share(8, 1, 32 * GIB), 3), (Share(4, 0, 8 * GIB), 2)]


def test_ray_on_this_machine_alone_expects_no_others(home, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS")
    assert nodes.startable() == []


def test_a_cluster_that_nobody_scales_is_what_it_is(home):
    (home / "ray_bootstrap_config.yaml").unlink()
    assert nodes.startable() == []


def test_the_first_node_is_waited_for_with_a_word_and_not_for_ever(joined):
    joined[0].append(Share(memory=8 * GIB))
    with pytest.raises(
        ProblemError, match="expected a node with processors to give, found none after 15 min"
    ):
        largest_node(joined[1].append)
    assert joined[1] == ["waiting for the cluster's first node with processors to give"]
    joined[0].append(SMALL)
    assert largest_node(pytest.fail) == SMALL
