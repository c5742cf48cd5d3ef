"""That a cluster says so where it lacks room for what trainings need."""

import time
from dataclasses import replace

import pytest
import yaml

from grid.running.events import Listener
from grid.running.jobs import sweep
from grid.running.ray_cluster import nodes, ray_session, room
from grid.running.ray_cluster.room import Need, Room, check_room
from grid.running.schedule import Share
from manifests.problem import ProblemError
from tests.cluster.nodes import add, loopback_cluster, raylet
from tests.grid.grids import TINY, prepare_small
from tests.grid.running.ray_cluster.conftest import GIB

ONE = Share(cpu=1, memory=2 * GIB)
GPU = Share(cpu=4, gpu=1, memory=16 * GIB)
SMALL, LARGE = Share(cpu=4, memory=8 * GIB), Share(cpu=8, gpu=2, memory=64 * GIB)


@pytest.mark.parametrize(
    ("share", "workers", "there", "found"),
    [
        (ONE, 4, [SMALL], ""),
        (ONE, 5, [SMALL], "4 on 1 × (4 CPU, 0 GPU, 8 GiB)"),
        (GPU, 2, [LARGE], ""),
        (GPU, 3, [LARGE, SMALL], "2 on 1 × (8 CPU, 2 GPU, 64 GiB), 1 × (4 CPU, 0 GPU, 8 GiB)"),
        (GPU, 1, [SMALL, SMALL], "0 on 2 × (4 CPU, 0 GPU, 8 GiB)"),
        # Two machines with half of it each have no room for it.
        (Share(gpu=2), 1, [replace(LARGE, gpu=1)] * 2, "0 on 2 × (8 CPU, 1 GPU, 64 GiB)"),
        (Share(), 9, [], ""),
    ],
)
def test_a_cluster_that_nobody_enlarges_has_room_for_all_workers_or_says_what_it_has(
    joined, share, workers, there, found
):
    """Ray waited for the last one without end, and without a word."""
    joined[0].extend([Share(memory=8 * GIB), *there])
    needs = {"train": Need(share, workers), "evaluate": Need(Share(), 1)}
    if not found:
        check_room(needs, pytest.fail)
        return
    with pytest.raises(ProblemError) as caught:
        check_room(needs, joined[1].append)
    (problem,) = caught.value.problems
    assert (problem.where, problem.found) == ("resources.train", found)
    assert problem.expected.startswith(f"room for {workers} × (")
    assert "Start more machines" in problem.remedy
    (told,) = joined[1]
    assert told.startswith("waiting for machines: resources.train needs room for")


def test_all_that_there_is_no_room_for_is_told_together(joined):
    joined[0].append(SMALL)
    with pytest.raises(ProblemError) as caught:
        check_room({"train": Need(GPU, 1), "evaluate": Need(GPU, 1)}, joined[1].append)
    assert [each.where for each in caught.value.problems] == ["resources.train", "resources.evaluate"]


def test_machines_that_join_one_after_the_other_are_waited_for(joined, monkeypatch):
    there, told = joined
    monkeypatch.setattr(nodes.time, "sleep", lambda seconds: there.append(SMALL))
    check_room({"train": Need(ONE, 9)}, told.append)
    assert len(there) == 3
    assert len(told) == 1


def test_an_autoscaler_is_asked_for_what_it_may_start(home, monkeypatch):
    monkeypatch.setattr(nodes, "alive", lambda: [(Share(memory=GIB), 1)])
    check_room({"train": Need(GPU, 3)}, pytest.fail)
    with pytest.raises(ProblemError, match=r"found 3 on 3 × \(8 CPU, 1 GPU, 32 GiB\), .* that may start\."):
        check_room({"train": Need(GPU, 4)}, pytest.fail)
    monkeypatch.setattr(nodes, "alive", lambda: [(GPU, 1)] * 4)
    check_room({"train": Need(GPU, 4)}, pytest.fail)


@pytest.mark.parametrize("unknown", ["hosts of one's own", "Kubernetes", "a client"])
def test_machines_of_which_nothing_is_known_may_come(joined, monkeypatch, tmp_path, unknown):
    if unknown == "Kubernetes":
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    elif unknown == "a client":
        monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    else:
        # As `ray up` writes it for them: the head's kind is the workers', and has no sizes.
        kind = {"resources": {}, "max_workers": 2}
        hosts = {"max_workers": 2, "head_node_type": "local", "available_node_types": {"local": kind}}
        (tmp_path / "ray_bootstrap_config.yaml").write_text(yaml.safe_dump(hosts))
    check_room({"train": Need(GPU, 4)}, pytest.fail)


def test_what_waits_for_machines_is_told_once_it_has_waited_and_when_they_come(joined):
    there, told = joined
    waiting = Room({"train": Need(GPU, 2)}, told.append)
    for _ in range(40):
        waiting.look()
    assert told == [
        "waiting for machines: resources.train needs room for 2 × (4 CPU, 1 GPU, 16 GiB) at once,"
        " there is 0 on no machines"
    ]
    there.append(LARGE)
    for _ in range(40):
        waiting.look()
    assert told[1:] == [""]
    there.clear()
    for _ in range(100):
        waiting.look()
    assert len(told) == 3, "a machine that is lost is waited for anew"


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_joined_cluster_is_asked_for_room_before_and_while_work_waits(small_demo, monkeypatch, tmp_path):
    """Of real machines: too few, then enough, then one that is lost."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(room, "_WAIT_FOR_OTHERS_S", 2)
    monkeypatch.setattr(nodes, "QUIET_S", 0.0)
    listener = Listener()
    monkeypatch.setattr(listener, "on_phase", (told := []).append)
    grid = prepare_small(small_demo, *TINY, "train.accumulate=2", "train.world_size=2")
    with loopback_cluster() as cluster:
        add(cluster)
        with ray_session.session():
            with pytest.raises(ProblemError, match=r"found 1 on 1 × \(1 CPU, 0 GPU, .* GiB\)\. Start more"):
                sweep(grid, (), listener)
            assert len(told) == 1
            other = add(cluster)
            needs = {"train": Need(sweep(grid, (), listener).schedule.train * 0.5, 2)}
            waiting = Room(needs, told.append)
            waiting.look()
            assert len(told) == 1, "there is room"
            raylet(other).kill()
            deadline = time.monotonic() + 60
            while len(told) < 2:
                assert time.monotonic() < deadline, "nobody notices"
                waiting.look()
                time.sleep(0.5)
            assert "there is 1 on 1 × (1 CPU" in told[1]
