"""Strikes at random moments of every phase, for as long and as often as asked: what `make soak` runs.

One episode is one output folder: what was struck least often so far, and with which signals, is struck in the
order of a grid's way; the command is run again each time it has ended, and its results are compared with
those of a grid that nothing was done to. Every strike is a line of a record, so that several calls add up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import statistics
import tempfile
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.faults.harness import Bench, check
from tests.faults.strikes import BEFORE, PHASES, STOPPED_FOR_S, Phase, disturb

_STRIKES_AN_EPISODE = 7
# Trainings are short: of more strikes the later ones would find them over.
_SHARE_IN_TRAININGS = 5 / 7
# Of episodes, those whose corpora are generated anew.
_FROM_NOTHING = 0.2


class Record:
    """The lines of all calls: strikes, and what became of each episode."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def add(self, **line: Any) -> None:
        """Add a line, with the time."""
        line = {"at": f"{datetime.now():%Y-%m-%dT%H:%M:%S}", **line}
        self.lines.append(line)
        with self.file.open("a", encoding="utf-8") as sink:
            sink.write(f"{json.dumps(line)}\n")

    def hits(self) -> list[dict[str, Any]]:
        """Return the strikes that found somebody, in episodes that ended as if nothing had happened."""
        good = {line["episode"] for line in self.lines if line.get("verdict") == "good"}
        return [line for line in self.lines if line.get("hit") and line["episode"] in good]

    def struck(self) -> Counter[tuple[str, ...]]:
        """Count hits by phase, and by phase and signals, whatever became of them."""
        hits = [line for line in self.lines if line.get("hit")]
        both = Counter((line["phase"], line["signals"]) for line in hits)
        return both + Counter((line["phase"],) for line in hits)


def main() -> None:
    """Run episodes until there have been enough strikes or the time is over; print figures."""
    options = _options()
    # A shell that runs this in the background has Ctrl-C ignored, and nohup a terminal's end, by all that is
    # started here as well.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    chance, made = random.Random(options.seed), 0
    deadline = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() if options.folder is None else nullcontext(options.folder) as place:
        folder = Path(place)
        folder.mkdir(parents=True, exist_ok=True)
        record = Record(folder / "strikes.jsonl")
        while made < options.kills and time.monotonic() < deadline:
            undisturbed = _undisturbed(folder, workers := options.workers or chance.choice((1, 2)))
            drawn = _drawn(record, chance, _possible(options, workers), options.strikes)
            made += _episode(drawn, undisturbed, record, chance, options)
        _print(record)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50, help="stop after so many (the episode is finished)")
    parser.add_argument("--minutes", type=float, default=90, help="begin no episode after so many minutes")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--phase", default="", help="only those in whose name this pattern is found")
    parser.add_argument("--strikes", type=int, default=_STRIKES_AN_EPISODE, help="in each episode")
    parser.add_argument("--signals", default="", help="only those in which this pattern is found")
    parser.add_argument("--workers", type=int, choices=(1, 2), help="of all trainings; without it, in turns")
    parser.add_argument("--stopped", type=float, default=STOPPED_FOR_S, help="seconds of a SIGSTOP")
    parser.add_argument(
        "--folder", type=Path, help="keep record and undisturbed grid here, for several calls"
    )
    return parser.parse_args()


def _undisturbed(folder: Path, workers: int) -> Bench:
    """Return a grid that nothing was done to, with trainings of so many workers; run once for all calls."""
    place = folder / f"undisturbed-{workers}"
    done = place / "done"
    bench = Bench(place, None, workers)
    try:
        if not done.exists():
            began = time.monotonic()
            bench.finish()
            print(f"undisturbed: {time.monotonic() - began:.0f} s", flush=True)
            done.touch()
    finally:
        bench.close()
    return bench


def _episode(
    drawn: list[tuple[Phase, str]],
    undisturbed: Bench,
    record: Record,
    chance: random.Random,
    options: argparse.Namespace,
) -> int:
    """Strike what is drawn, hold the results against the undisturbed ones; return the hits.

    Raises:
        AssertionError: they are others, or something is left; the folder stays.
    """
    name = f"{datetime.now():%d-%H%M%S}-{os.getpid()}"
    fresh = any(phase.anew for phase, _ in drawn)
    bench = Bench(
        undisturbed.out.parent.with_name(name), None if fresh else undisturbed.out, undisturbed.workers_each
    )
    hits, kept = 0, {}
    try:
        for phase, signals in drawn:
            began = time.monotonic()
            strike = disturb(bench, phase, chance, signals, options.stopped)
            kept |= bench.results()
            assert not (told := bench.told_secrets()), f"in which secrets stand: {told}"
            took = round(time.monotonic() - began, 1)
            record.add(episode=name, workers=undisturbed.workers_each, **asdict(strike), took_s=took)
            told = "struck" if strike.hit else "over before"
            print(f"  {phase.name}, {signals}: {told}, {took} s", flush=True)
            hits += strike.hit
            if bench.over():
                break
        bench.finish()
        check(bench, undisturbed, kept)
        record.add(episode=name, verdict="good", resumed=bench.resumed())
    except BaseException:
        record.add(episode=name, verdict=traceback.format_exc())
        raise
    finally:
        bench.close()
    bench.remove()
    return hits


def _possible(options: argparse.Namespace, workers: int) -> list[Phase]:
    """List the phases that are asked for, with the signals that are, in the order of a grid's way.

    Raises:
        SystemExit: there are none.
    """
    found = []
    for phase in (*BEFORE, *PHASES):
        signals = tuple(words for words in phase.signals if re.search(options.signals, words))
        if re.search(options.phase, phase.name) and phase.workers <= workers and signals:
            found.append(replace(phase, signals=signals))
    if not found:
        raise SystemExit(f"no phase is called {options.phase!r} and has signals like {options.signals!r}")
    return found


def _drawn(
    record: Record, chance: random.Random, possible: list[Phase], strikes: int
) -> list[tuple[Phase, str]]:
    """Draw what to strike in an episode, the rarest first, in the order in which a grid comes through it."""
    order = [*possible]
    if chance.random() >= _FROM_NOTHING:
        possible = [phase for phase in possible if not phase.anew] or possible
    drawn: list[tuple[Phase, str]] = []
    struck = record.struck()
    for _ in range(strikes):
        room = sum(phase.in_training for phase, _ in drawn) < strikes * _SHARE_IN_TRAININGS
        left = [phase for phase in possible if room or not phase.in_training]
        if left:
            phase = min(left, key=lambda phase: (struck[phase.name,], chance.random()))
            signals = min(phase.signals, key=lambda words: (struck[phase.name, words], chance.random()))
            struck.update([(phase.name,), (phase.name, signals)])
            drawn.append((phase, signals))
    return sorted(drawn, key=lambda strike: order.index(strike[0]))


def _print(record: Record) -> None:
    hits = record.hits()
    counts = Counter((line["phase"], line["signals"]) for line in hits)
    for (phase, signals), count in sorted(counts.items()):
        print(f"{phase:32} {signals:14} {count}")
    good = [line for line in record.lines if line.get("verdict") == "good"]
    print(f"{len(hits)} strikes in {len(good)} episodes that ended with the numbers of the undisturbed grid")
    print(f"{sum(line['resumed'] for line in good)} trainings went on from a saved state")
    if bad := {line["episode"] for line in record.lines} - {line["episode"] for line in good}:
        print(f"episodes that did not: {', '.join(sorted(bad))}")
    if orphans := [line["orphans_s"] for line in hits if line["orphans_s"]]:
        print(
            f"a dead driver's processes were gone after {statistics.median(orphans):.1f} s"
            f" (median), {max(orphans):.1f} s at most"
        )


if __name__ == "__main__":
    main()
