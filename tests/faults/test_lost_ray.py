"""Ray that ends under a grid and does not start again: interrupted, and the same command goes on."""

import os
import time

import pytest

from grid.commands.arguments import INTERRUPTED, INTERRUPTED_NOTE, WRONG
from tests.cluster.nodes import ON_LOOPBACK, add, loopback_cluster
from tests.faults.harness import DEADLINE_S, Bench
from tests.faults.strikes import PHASES

(_PHASE,) = (phase for phase in PHASES if phase.name == "training: raylet")
_NO_FOLDER = "expected a folder that Ray can write to, found"


@pytest.fixture
def bench(demo_out, tmp_path):
    made = Bench(tmp_path / "grid", demo_out)
    yield made
    made.close()


def until_a_state_is_saved(bench):
    """Run the command so far; return its process."""
    since, driver = time.time(), bench.start()
    deadline = time.monotonic() + DEADLINE_S
    while not _PHASE.begun(bench, since):
        assert driver.poll() is None, bench.told.read_text()
        assert time.monotonic() < deadline, "no state was saved"
        time.sleep(0.05)
    return driver


def assert_interrupted(bench, *words):
    """Wait for the command's end, with a state to go on from."""
    status, told = bench.driver.wait(DEADLINE_S), bench.told.read_text()
    assert (status, told.splitlines()[-1]) == (INTERRUPTED, INTERRUPTED_NOTE), told
    assert "the command begins anew, and goes on from what is saved." in told
    assert all(word in told for word in words), told
    assert list(bench.out.glob("resume/*/checkpoint_*/state.pt")), "it goes on from there"
    assert not list(bench.out.glob("logs/*.error.txt"))


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ray_that_is_lost_and_does_not_start_again_interrupts_a_grid(bench):
    """The user was told that settings or data were wrong and nothing had been started."""
    away = bench.scratch.with_name(f"{bench.scratch.name}.away")
    until_a_state_is_saved(bench)
    (raylet,) = _PHASE.victims(bench)
    bench.scratch.rename(away)
    try:
        bench.scratch.touch()
        raylet.kill()
        assert_interrupted(bench, "Ray's raylet has ended", f"RAY_TMPDIR={bench.scratch}: {_NO_FOLDER}")
        # At a command's own beginning it is the machine that is wrong.
        status, told = bench.start().wait(DEADLINE_S), bench.told.read_text()
        assert (status, _NO_FOLDER in told) == (WRONG, True), told
    finally:
        bench.scratch.unlink()
        away.rename(bench.scratch)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_a_cluster_that_goes_under_a_grid_interrupts_it(bench):
    """Ray's client ended the driver after a minute, with the status of a grid of which some cells failed."""
    with loopback_cluster() as cluster:
        add(cluster)
        bench.environment |= {name: os.environ[name] for name in ("RAY_ADDRESS", *ON_LOOPBACK)}
        until_a_state_is_saved(bench)
        cluster.head_node.all_processes["gcs_server"][0].process.kill()
        said = f"RAY_ADDRESS={cluster.address}: expected a Ray cluster that answers"
        assert_interrupted(bench, f"RAY_ADDRESS={cluster.address} has not answered for", said)
