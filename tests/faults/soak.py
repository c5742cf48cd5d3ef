"""Kills at random moments of every phase, for as long and as often as asked: what `make soak` runs.

One episode is one output folder: some process is struck in each phase in turn, the command is run again each
time, and at its end compared with a grid that nothing was done to.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from tests.faults.harness import PHASES, WIDER, Bench, Kill, check, disturb


def main() -> None:
    """Run episodes until there have been enough kills or the time is over; print figures."""
    options = _options()
    chance, kills, resumed, episodes = random.Random(options.seed), [], 0, 0
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as folder:
        undisturbed = Bench(Path(folder) / "undisturbed", options.corpora)
        try:
            started = time.monotonic()
            undisturbed.finish()
            print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
            while sum(kill.hit for kill in kills) < options.kills and time.monotonic() < deadline:
                episodes += 1
                bench = Bench(Path(folder) / f"episode-{episodes}", options.corpora)
                try:
                    kills += _episode(bench, undisturbed, chance, deadline, options.phase)
                    resumed += bench.resumed()
                finally:
                    bench.close()
        finally:
            undisturbed.close()
    _print(kills, resumed, episodes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30, help="stop after so many (the episode is finished)")
    parser.add_argument("--minutes", type=float, default=45, help="start no phase after so many minutes")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--phase", help="only the phases with this in their name")
    parser.add_argument("--corpora", type=Path, help="an output folder whose demo corpora are shared")
    return parser.parse_args()


def _episode(
    bench: Bench, undisturbed: Bench, chance: random.Random, deadline: float, wanted: str | None
) -> list[Kill]:
    kills, kept = [], {}
    for phase in (*PHASES, *WIDER) if wanted is None else [p for p in (*PHASES, *WIDER) if wanted in p.name]:
        if time.monotonic() > deadline:
            break
        started = time.monotonic()
        kills.append(disturb(bench, phase, chance))
        kept |= bench.results()
        word = "killed" if kills[-1].hit else "over before"
        print(f"  {phase.name}: {word}, {time.monotonic() - started:.0f} s", flush=True)
    bench.finish()
    check(bench, undisturbed, kept)
    return kills


def _print(kills: list[Kill], resumed: int, episodes: int) -> None:
    by_phase = defaultdict(list)
    for kill in kills:
        by_phase[kill.phase].append(kill)
    for phase, attempts in by_phase.items():
        print(f"{phase:24} {sum(kill.hit for kill in attempts)} kills of {len(attempts)} attempts")
    orphans = [kill.orphans_s for kill in kills if kill.orphans_s]
    hits = sum(kill.hit for kill in kills)
    print(f"{hits} kills in {episodes} episodes; every one ended with the numbers of the undisturbed grid")
    print(f"{resumed} trainings went on from a saved state")
    if orphans:
        print(
            f"a dead driver's processes were gone after {statistics.median(orphans):.1f} s"
            f" (median), {max(orphans):.1f} s at most"
        )


if __name__ == "__main__":
    main()
