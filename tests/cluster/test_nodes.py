"""One training spread over several nodes, of a cluster that grows and shrinks while the grid runs."""

import shutil
import subprocess
import sys

import pytest

from tests.cluster.hosts import REPOSITORY
from tests.cluster.nodes import add, loopback_cluster, trains
from tests.cluster.outcomes import assert_same_numbers, wait_for

pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

SPEC = """
name: small
title: A small grid
metrics: [NSS, CC]
sources: [UCFSports]
targets: [Hollywood2]
approaches: [generalization]
"""
SETTINGS = [
    "train.iterations=12",
    "train.validate_every=6",
    "train.checkpoint_every=3",
    "train.micro_batch=2",
]
OVER_TWO = ["train.world_size=2", "train.accumulate=2"]


@pytest.fixture
def start(demo_out, tmp_path):
    """Start the grid in an output folder of this name; return its process and that folder."""
    processes = []
    (tmp_path / "small.yaml").write_text(SPEC)

    def started(name):
        out = tmp_path / name
        out.mkdir()
        for folder in ("corpora", "manifests"):
            shutil.copytree(demo_out / folder, out / folder)
        words = ["run_grid.py", "--grid", str(tmp_path / "small.yaml"), "--demo", "--out", str(out)]
        with (tmp_path / f"{name}.txt").open("w") as told:
            process = subprocess.Popen(
                [sys.executable, *words, *SETTINGS, *OVER_TWO],
                cwd=REPOSITORY,
                stdout=told,
                stderr=subprocess.STDOUT,
            )
        processes.append(process)
        return process, out

    yield started
    for process in processes:
        process.kill()
        process.wait()


def test_a_training_over_two_nodes_that_come_and_go_has_the_numbers_of_one(start, tmp_path):
    alone, expected = start("alone")
    assert alone.wait(300) == 0, (tmp_path / "alone.txt").read_text()
    with loopback_cluster() as cluster:
        first = add(cluster)
        driver, out = start("spread")
        lacks = "waiting for machines: resources.train needs room for 2 × "
        wait_for(lambda: lacks in (tmp_path / "spread.txt").read_text(), "word of what one node lacks")
        assert not trains(first)
        second = add(cluster)
        wait_for(lambda: trains(first) and trains(second), "training over both nodes")
        wait_for(lambda: any(out.glob("resume/*/checkpoint_*")) or driver.poll() is not None, "saved state")
        assert not any(out.glob("results/*")), "the node goes too late"
        cluster.remove_node(second, allow_graceful=False)
        third = add(cluster)
        wait_for(lambda: trains(third) or driver.poll() is not None, "training on the new node")
        assert trains(third)
        assert driver.wait(300) == 0, (tmp_path / "spread.txt").read_text()
    assert_same_numbers(out, expected)
