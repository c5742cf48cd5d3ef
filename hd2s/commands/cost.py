"""``python -m hd2s cost``: what predicting with models costs: size, operations, speed and memory.

Each model is measured by itself, at its own size, on frames that are at hand: decoding and writing come on
top. GFLOP count a multiplication and an addition as two.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from hd2s.checks import unknown
from hd2s.commands.plugins import add_plugins, register_plugins
from hd2s.commands.predict import check_device
from hd2s.commands.processes import fresh_processes, whole_number
from hd2s.commands.writable import require_folder
from hd2s.files import atomic_write
from hd2s.models.registry import build_model, models
from hd2s.prediction.cost import Cost
from hd2s.prediction.measuring import measure
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.predictor import PRECISIONS
from hd2s.prediction.processor import use_processor


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser("cost", help="size, operations, speed and memory", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help="words (default: every model)")
    parser.add_argument("--weights", type=Path, help="measure the model of this file, as it is there")
    parser.add_argument("--domain", help="the corpus whose parts a domain-specific model is to use")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="default: float32")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=whole_number, help="of a processor (default: as PyTorch chooses)")
    parser.add_argument("--seconds", type=_seconds, default=2.0, help="to measure each batch (default: 2)")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write a file for each; grids look in runs/results/costs"
    )
    parser.add_argument("--json", action="store_true", help="print it for programs")
    add_plugins(parser)
    parser.set_defaults(run=run, when_interrupted="Nothing was written; the same command begins again.")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, found {text}")
    return seconds


def run(options: argparse.Namespace) -> None:
    """Measure one model after the other, and print all.

    Raises:
        ValueError: something is wrong with the options or the checkpoint.
        ProblemError: a plug-in cannot be imported.
    """
    register_plugins(options.plugins)
    check_device(options.device)
    if options.out:
        require_folder("--out", options.out)
    if options.weights and len(options.models) > 1:
        raise ValueError("cost: --weights are of one model; give one MODEL, or none")
    if strange := [word for word in options.models if word not in models()]:
        raise ValueError("\n".join(unknown("model", word, models()) for word in strange))
    words = options.models or ([""] if options.weights else list(models()))
    found = [_apart(_Job(word, **_shared(options))) for word in words]
    if options.out:
        for cost in found:
            with atomic_write(options.out / file_name(cost)) as path:
                path.write_text(cost.as_json(), encoding="utf-8")
    if options.json:
        sys.stdout.write(f"{json.dumps([asdict(cost) for cost in found], indent=2)}\n")
    else:
        _print(found)


def file_name(cost: Cost) -> str:
    """Name the file of a measurement, so that one made again takes the place of the one before."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", f"{cost.model} {cost.precision} {cost.device}") + ".json"


class _Job(NamedTuple):
    """One model to measure, in a process that knows nothing yet."""

    word: str
    weights: Path | None
    domain: str | None
    precision: Literal["float32", "bfloat16"]
    device: str
    threads: int | None
    seconds: float
    plugins: list[Path]


def _shared(options: argparse.Namespace) -> dict:
    return {name: getattr(options, name) for name in _Job._fields if name != "word"}


def _apart(job: _Job) -> Cost:
    """Measure in a process of its own, since memory at its most is a process'."""
    with fresh_processes(1) as pool:
        return pool.submit(_measure, job).result()


def _measure(job: _Job) -> Cost:
    register_plugins(job.plugins)
    use_processor(job.threads)
    if job.weights:
        model = open_checkpoint(job.weights, model=job.word or None)
    else:
        model = build_model(job.word, seed=0)
    return measure(
        model,
        device=job.device,
        precision=job.precision,
        domain=job.domain,
        seconds=job.seconds,
        weights=job.weights.name if job.weights else "",
    )


def _print(found: Iterable[Cost]) -> None:
    found = [*found]
    table = Table("", *(cost.model for cost in found), box=None)
    for column in table.columns[1:]:
        column.justify = "right"
    for name, write in _LINES.items():
        table.add_row(name, *map(write, found))
    console = Console(highlight=False)
    console.print(table)
    for told in dict.fromkeys(f"{cost.device}, {cost.precision}" for cost in found):
        console.print(f"measured on {told}")


_LINES: dict[str, Callable[[Cost], str]] = {
    "window": lambda cost: f"{cost.frames} × {cost.height} × {cost.width}",
    "parameters": lambda cost: f"{cost.parameters:,}",
    "size, MiB": lambda cost: f"{cost.size / 2**20:.1f}",
    "GFLOP a window": lambda cost: f"{cost.window_operations / 1e9:.1f}",
    "GFLOP a frame": lambda cost: f"{cost.frame_operations / 1e9:.1f}",
    "frames/s, one at a time": lambda cost: f"{cost.single:.1f}",
    "frames/s at best": lambda cost: f"{cost.best:.1f}",
    "of so many at a time": lambda cost: str(cost.batch),
    "peak memory, MiB": lambda cost: "--" if cost.memory is None else f"{cost.memory / 2**20:,.0f}",
}
