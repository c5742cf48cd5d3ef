"""A node that is lost in the very moment in which Ray Train sends its worker the training function."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import ray

from grid.planning.prepare import prepare
from grid.running import jobs
from grid.running.events import Listener
from grid.running.ray_cluster import ray_session as ours
from tests.cluster.nodes import add, loopback_cluster
from tests.cluster.outcomes import wait_for

# Workers do not know this file.
ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
pytestmark = [pytest.mark.cluster, pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(600)]

SPEC = """
name: small
title: A small grid
metrics: [NSS]
sources: [UCFSports]
targets: [Hollywood2]
approaches: [generalization]
"""
SETTINGS = ["train.iterations=2", "train.validate_every=2", "resources.max_failures=1"]


class Blow:
    """Takes the node away from under the first worker that unpickles it together with what it is to run.

    It goes along as a manifest's place that no training reads.
    """

    def __init__(self, struck):
        self.struck = struck

    def brought(self, storage):
        return self

    def __reduce__(self):
        return strike, (self.struck,)

    def __deepcopy__(self, memo):
        return self


def strike(struck):
    title = Path("/proc/self/cmdline").read_text()
    if "RayTrainWorker.run_train_fn" in title and not struck.exists():
        struck.write_text(ray.get_runtime_context().get_node_id())
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return Blow(struck)


def nothing_is_reserved():
    groups = ray.util.placement_group_table().values()
    free = ray.available_resources().get("CPU")
    return all(group["state"] == "REMOVED" for group in groups) and free == 1


def test_a_training_whose_node_is_lost_as_it_starts_is_begun_again_on_another(small_demo, tmp_path):
    (tmp_path / "small.yaml").write_text(SPEC)
    grid = prepare(str(tmp_path / "small.yaml"), SETTINGS, small_demo, demo=True, tell=lambda text: None)
    (training,) = grid.plan.trainings
    struck = tmp_path / "struck"
    with loopback_cluster() as cluster:
        nodes = [add(cluster), add(cluster)]
        with ours.session():
            driver = jobs.sweep(grid, set(grid.plan.evaluations), Listener())
            job = driver.trainings[training]
            driver.trainings[training] = replace(job, manifests={**job.manifests, "blow": Blow(struck)})
            driver.run()
            assert struck.read_text() in {node.node_id for node in nodes}, "the blow has fallen"
            assert grid.ledger.training_done(training), driver.ledger.failure(training).read_text()
            wait_for(nothing_is_reserved, "end of what the first try has reserved", 30)
