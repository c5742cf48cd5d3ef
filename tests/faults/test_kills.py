"""Whatever is killed, and whenever: the same command finishes the grid, with the same numbers.

The long version, over all phases and many moments, is `make soak`.
"""

import random

import pytest

from tests.faults.harness import Bench, check
from tests.faults.strikes import PHASES, disturb


@pytest.fixture
def benches(demo_out, tmp_path):
    made = [Bench(tmp_path / name, demo_out) for name in ("undisturbed", "disturbed")]
    yield made
    for bench in made:
        bench.close()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_grid_killed_again_and_again_ends_as_if_nothing_had_happened(benches):
    """The driver while training and with its newest state damaged, a worker, Ray itself, the driver again."""
    undisturbed, disturbed = benches
    undisturbed.finish()
    # A seed by which what a dead driver leaves behind, for a minute, is met and not waited for.
    chance, kept, hits = random.Random(3), {}, []
    phases = {phase.name: phase for phase in PHASES}
    for name in (
        "training: the driver",
        "training: its worker",
        "training: raylet",
        "evaluation: the driver",
    ):
        # What is to be killed may have ended by the moment that is drawn: then it is tried once more.
        hits.append(any(disturb(disturbed, phases[name], chance, "KILL").hit for _ in range(2)))
        if name == "training: the driver":
            disturbed.damage()
        kept |= disturbed.results()
    disturbed.finish()
    assert hits == [True] * 4, "every kill found its victim"
    assert disturbed.resumed(), "a training went on from a saved state"
    check(disturbed, undisturbed, kept)
