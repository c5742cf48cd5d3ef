"""A grid whose disk is too small fails in plain words, and goes on once there is room."""

import subprocess

import pytest

from tests.faults.harness import Bench


@pytest.fixture
def disk(tiny_disk):
    """A disk of 400 MB, where one may be mounted: room for a first state, and for no second."""
    return tiny_disk("400m")


@pytest.mark.long
@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_grid_without_room_for_its_states_says_how_much_it_lacks_and_goes_on_later(demo_out, disk):
    bench = Bench(disk, demo_out)
    try:
        assert bench.start().wait(400) == 1, bench.told.read_text()
        training = next(bench.out.glob("logs/*generalization*seed0-????????????.error.txt")).read_text()
        assert "state.pt: expected room for 357.7 MB" in training
        assert "MB at least, then run the same command again" in training
        assert "Traceback" not in training
        assert not list(bench.out.rglob(".state.pt.*")), "nothing half written takes up the room there is"
        subprocess.run(["mount", "-o", "remount,size=4g", str(disk)], check=True)
        bench.command.insert(bench.command.index("--demo"), "--retry-failed")
        bench.finish()
        assert len(bench.rows()) == 4
        assert bench.resumed(), "the state that had found room was gone on from"
    finally:
        bench.close()
