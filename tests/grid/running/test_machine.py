"""What a machine or a cluster has, and that it says so where it lacks what trainings need."""

import shutil
import time
from dataclasses import replace

import pytest
import torch
import yaml

from datasets.loading import batch_memory
from grid.running import machine, ray_session
from grid.running.events import Listener
from grid.running.jobs import sweep
from grid.running.machine import Need, Room, check_precision, check_room, check_shared_memory, largest_node
from grid.running.schedule import Share
from manifests.problem import ProblemError
from tests.cluster.nodes import add, loopback_cluster, raylet
from tests.grid.grids import TINY, prepare_small

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
    assert machine._startable() == [(Share(8, 1, 32 * GIB), 3), (Share(4, 0, 8 * GIB), 2)]


def test_ray_on_this_machine_alone_expects_no_others(home, monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS")
    assert machine._startable() == []


def test_a_cluster_that_nobody_scales_is_what_it_is(home):
    (home / "ray_bootstrap_config.yaml").unlink()
    assert machine._startable() == []


def check(out, *overrides):
    grid = prepare_small(out, *overrides)
    check_precision(grid, grid.plan.trainings.values())


def test_trainings_in_bfloat16_are_refused_on_processors(small_demo):
    with pytest.raises(ProblemError, match=r"none for 3 of them\. Give train\.mixed_precision=false"):
        check(small_demo, "train.mixed_precision=true", "resources.train.gpu=0")
    check(small_demo, "train.mixed_precision=false", "resources.train.gpu=0")


def test_a_model_without_weights_computes_in_nothing_and_needs_no_gpu(small_demo):
    mixed = ("train.mixed_precision=true", "resources.train.gpu=0")
    check(small_demo, "model=centre_prior", *mixed)
    with pytest.raises(ProblemError, match="none for 3 of them"):
        check(small_demo, "model=[hd2s,centre_prior]", *TINY, *mixed)


def test_a_cluster_may_have_the_gpus_that_this_machine_lacks(small_demo, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(ProblemError, match="a GPU for trainings in bfloat16"):
        check(small_demo, "train.mixed_precision=true")
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    check(small_demo, "train.mixed_precision=true")


@pytest.fixture
def shared_mib(monkeypatch):
    """Lets /dev/shm have so much left."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def leave(mib):
        usage = shutil.disk_usage("/")._replace(free=int(mib * 2**20))
        monkeypatch.setattr(batch_memory.shutil, "disk_usage", lambda path: usage)

    return leave


def test_what_loaders_share_is_counted_for_trainings_side_by_side(small_demo, shared_mib):
    """TINY batches of 2 × 8 × 32 × 32 pixels, six of them each of source and target."""
    grid = prepare_small(small_demo, "resources.loader_workers=2")
    trainings = list(grid.plan.trainings.values())
    window, batch = trainings[0].spec.model.config.input, grid.config.train.micro_batch
    pixels = batch * window.height * window.width
    labelled, unlabelled = pixels * (3 * window.frames + 1), pixels * 3 * window.frames
    most = 6 * (labelled + unlabelled) / 2**20
    shared_mib(3 * most)
    check_shared_memory(grid, trainings, at_once=3)
    shared_mib(3 * most - 0.01)
    with pytest.raises(ProblemError, match=r"loader_workers=2: expected .* MiB for batches.*--shm-size=2g"):
        check_shared_memory(grid, trainings, at_once=3)
    check_shared_memory(grid, trainings, at_once=2)


def test_without_loaders_or_on_a_cluster_no_memory_is_shared_here(small_demo, shared_mib, monkeypatch):
    shared_mib(0)
    grid = prepare_small(small_demo, "resources.loader_workers=0")
    check_shared_memory(grid, grid.plan.trainings.values())
    grid = prepare_small(small_demo, "resources.loader_workers=1")
    with pytest.raises(ProblemError, match=r"0\.0 MiB free"):
        check_shared_memory(grid, grid.plan.trainings.values())
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    check_shared_memory(grid, grid.plan.trainings.values())


ONE = Share(cpu=1, memory=2 * GIB)
GPU = Share(cpu=4, gpu=1, memory=16 * GIB)
SMALL, LARGE = Share(cpu=4, memory=8 * GIB), Share(cpu=8, gpu=2, memory=64 * GIB)


@pytest.fixture
def joined(monkeypatch, tmp_path):
    """A cluster that nobody enlarges, with the nodes of the list; and what was told of it."""
    nodes, told, clock = [], [], iter(range(10**6))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(machine, "_alive", lambda: [(node, 1) for node in nodes])
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(machine.time, "monotonic", lambda: float(next(clock)))
    return nodes, told


@pytest.mark.parametrize(
    ("share", "workers", "nodes", "found"),
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
    joined, share, workers, nodes, found
):
    """Ray waited for the last one without end, and without a word."""
    joined[0].extend([Share(memory=8 * GIB), *nodes])
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
    nodes, told = joined
    monkeypatch.setattr(machine.time, "sleep", lambda seconds: nodes.append(SMALL))
    check_room({"train": Need(ONE, 9)}, told.append)
    assert len(nodes) == 3
    assert len(told) == 1


def test_an_autoscaler_is_asked_for_what_it_may_start(home, monkeypatch):
    monkeypatch.setattr(machine, "_alive", lambda: [(Share(memory=GIB), 1)])
    check_room({"train": Need(GPU, 3)}, pytest.fail)
    with pytest.raises(ProblemError, match=r"found 3 on 3 × \(8 CPU, 1 GPU, 32 GiB\), .* that may start\."):
        check_room({"train": Need(GPU, 4)}, pytest.fail)
    monkeypatch.setattr(machine, "_alive", lambda: [(GPU, 1)] * 4)
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
    nodes, told = joined
    room = Room({"train": Need(GPU, 2)}, told.append)
    for _ in range(40):
        room.look()
    assert told == [
        "waiting for machines: resources.train needs room for 2 × (4 CPU, 1 GPU, 16 GiB) at once,"
        " there is 0 on no machines"
    ]
    nodes.append(LARGE)
    for _ in range(40):
        room.look()
    assert told[1:] == [""]
    nodes.clear()
    for _ in range(100):
        room.look()
    assert len(told) == 3, "a machine that is lost is waited for anew"


def test_the_first_node_is_waited_for_with_a_word_and_not_for_ever(joined):
    joined[0].append(Share(memory=8 * GIB))
    with pytest.raises(
        ProblemError, match="expected a node with processors to give, found none after 15 min"
    ):
        largest_node(joined[1].append)
    assert joined[1] == ["waiting for the cluster's first node with processors to give"]
    joined[0].append(SMALL)
    assert largest_node(pytest.fail) == SMALL


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_joined_cluster_is_asked_for_room_before_and_while_work_waits(small_demo, monkeypatch, tmp_path):
    """Of real machines: too few, then enough, then one that is lost."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(machine, "_WAIT_FOR_OTHERS_S", 2)
    monkeypatch.setattr(machine, "_QUIET_S", 0.0)
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
            room = Room(needs, told.append)
            room.look()
            assert len(told) == 1, "there is room"
            raylet(other).kill()
            deadline = time.monotonic() + 60
            while len(told) < 2:
                assert time.monotonic() < deadline, "nobody notices"
                room.look()
                time.sleep(0.5)
            assert "there is 1 on 1 × (1 CPU" in told[1]
