"""Ray that ends under a grid and does not start again: interrupted, and the same command goes on."""

import time

import pytest

from grid.commands.arguments import INTERRUPTED, INTERRUPTED_NOTE, WRONG
from tests.faults.harness import DEADLINE_S, Bench
from tests.faults.strikes import PHASES

_NO_FOLDER = "expected a folder that Ray can write to, found"


@pytest.fixture
def bench(demo_out, tmp_path):
    made = Bench(tmp_path / "grid", demo_out)
    yield made
    made.close()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ray_that_is_lost_and_does_not_start_again_interrupts_a_grid(bench):
    """The user was told that settings or data were wrong and nothing had been started."""
    (phase,) = (phase for phase in PHASES if phase.name == "training: raylet")
    away = bench.scratch.with_name(f"{bench.scratch.name}.away")
    since, driver = time.time(), bench.start()
    deadline = time.monotonic() + DEADLINE_S
    while not phase.begun(bench, since):
        assert driver.poll() is None, bench.told.read_text()
        assert time.monotonic() < deadline, "no state was saved"
        time.sleep(0.05)
    (raylet,) = phase.victims(bench)
    bench.scratch.rename(away)
    try:
        bench.scratch.touch()
        raylet.kill()
        status, told = driver.wait(DEADLINE_S), bench.told.read_text()
        assert (status, told.splitlines()[-1]) == (INTERRUPTED, INTERRUPTED_NOTE), told
        assert "Ray's raylet has ended: it is started anew, and the run goes on." in told
        assert f"RAY_TMPDIR={bench.scratch}: {_NO_FOLDER}" in told, "what there is to do"
        assert list(bench.out.glob("resume/*/checkpoint_*/state.pt")), "it goes on from there"
        assert not list(bench.out.glob("logs/*.error.txt"))
        # At a command's own beginning it is the machine that is wrong.
        status, told = bench.start().wait(DEADLINE_S), bench.told.read_text()
        assert (status, _NO_FOLDER in told) == (WRONG, True), told
    finally:
        bench.scratch.unlink()
        away.rename(bench.scratch)
