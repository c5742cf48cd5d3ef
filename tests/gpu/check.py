"""The one command for a machine with a GPU: is everything right there, and how fast is it?

    python tests/gpu/check.py --out DIR [--minutes 8] [--device cuda] [--tiny] [--parts …] [--models …]
        [--approaches …]

Needs neither Ray nor MLflow nor a network. Every model that trains is checked and timed, the most important
first: whether results are right, training, prediction, all from video files on, and the hours of the paper's
tables. Each part may take its share of the minutes. DIR/check.json and DIR/check.md are written anew after
each part, so that an interruption loses only the part that it interrupts. The exit status is 1 if a result
is not right. With `--device cpu --tiny` all runs on a processor in seconds, to be tested; its figures mean
nothing.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parents[2]))

from hd2s.approaches.registry import approaches
from hd2s.models.registry import models
from tests.gpu.clock import OutOfTime, bounded
from tests.gpu.report import Found, Report, heading
from tests.gpu.subjects import Bench


class Part(NamedTuple):
    """A part: a module here whose `rows(bench)` yields what it finds, and its share of the time."""

    title: str
    module: str
    share: float


PARTS = {
    "right": Part("Right", "tests.gpu.right.rows", 0.25),
    "training": Part("Training", "tests.gpu.training", 0.35),
    "prediction": Part("Prediction", "tests.gpu.prediction", 0.15),
    "whole": Part("From files to results", "tests.gpu.whole", 0.24),
    "hours": Part("Hours of the paper's Tables 5 to 7", "tests.gpu.hours", 0.01),
}


_LEAST = 2.0  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts; return the exit status."""
    options = parser().parse_args(arguments)
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "--device: expected a GPU, found none that PyTorch can use; give --device cpu --tiny"
        )
    chosen = [model for model in models().values() if model.trains]
    if options.models:
        chosen = [model for model in chosen if model.word in options.models]
    bench = Bench(device, options.tiny, chosen, options.approaches)
    head = heading(device, options.minutes, tiny=options.tiny)
    report = Report(options.out, head, {word: Found(PARTS[word].title) for word in options.parts})
    report.write()
    end = time.monotonic() + 60 * options.minutes
    for word in report.parts:
        left = [PARTS[each].share for each, part in report.parts.items() if part.state == "not yet"]
        share = (end - time.monotonic()) * PARTS[word].share / sum(left)
        # The last one computes from what the others have found, and what ends late must not leave it nothing.
        run(word, report.parts[word], bench, max(share, _LEAST))
        report.write()
    told = "everything right" if report.right else "NOT RIGHT, or not all checked"
    print(f"{told}: {options.out / 'check.md'}")
    return 0 if report.right else 1


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    trained = [word for word, model in models().items() if model.trains]
    found.add_argument("--out", type=Path, required=True, help="folder of check.json and check.md")
    found.add_argument("--minutes", type=float, default=8.0, help="for all parts together")
    found.add_argument("--device", default="cuda")
    found.add_argument("--tiny", action="store_true", help="the models' demo sizes, everything timed once")
    found.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="these alone")
    found.add_argument("--models", nargs="+", choices=trained, help="these alone")
    found.add_argument("--approaches", nargs="+", choices=approaches(), default=(), help="these alone")
    return found


def run(word: str, found: Found, bench: Bench, seconds: float) -> None:
    """Run a part for so many seconds at most; what it found until then stays."""
    print(f"== {found.title}, at most {seconds:.0f} s", flush=True)
    begun, bench.rows[word] = time.monotonic(), found.rows
    found.state = "failed"
    try:
        with bounded(seconds):
            for row in importlib.import_module(PARTS[word].module).rows(bench):
                found.rows.append(row)
                print("  " + "  ".join(f"{name}: {value}" for name, value in row.items()), flush=True)
        found.state = "done"
    except (Exception, OutOfTime) as error:  # noqa: BLE001 - whatever it is, the other parts go on
        found.error = f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
        print(f"  {found.error}", flush=True)
    found.seconds = time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
