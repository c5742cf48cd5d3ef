"""``python -m datasets show``: what an indexed corpus is like, in numbers on the terminal and in pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table

from datasets.commands.check import add_indexed, open_indexed
from datasets.commands.summary import show
from datasets.corpora.registry import register_plugins
from datasets.statistics.contact_sheet import contact_sheet
from datasets.statistics.numbers import described_split, fixation_density, fixations_per_frame
from manifests import SPLITS

_BINS, _LONGEST_BAR = 12, 40
_ENLARGED = 4  # of the map of where people look, which has 96 points along its width


def add(commands: argparse._SubParsersAction) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "show",
        help="what an indexed corpus is like: lengths, fixations, where people look, a contact sheet",
        description="Prints histograms, and writes contact-sheet.png and centre.png.",
    )
    add_indexed(parser)
    parser.add_argument("--split", choices=SPLITS, help="default: train, or of a corpus without it another")
    parser.add_argument("--out", type=Path, help="folder of the pictures (default: that of the manifest)")
    parser.set_defaults(run=_run, when_interrupted="What was written is whole.")


def _run(options: argparse.Namespace) -> int:
    register_plugins(options.plugins)
    corpus, manifest = open_indexed(options.corpus, options.manifest)
    split = options.split or described_split(manifest)
    console = Console()
    show(console, manifest, corpus.published)
    lengths = manifest.lengths(split)
    if not len(lengths):
        console.print(f"No usable clip is in {split}.")
        return 1
    _histogram(console, f"frames of a clip, {split}", "clips", lengths)
    _histogram(console, f"fixations of a frame, {split}", "frames", fixations_per_frame(manifest, split))
    out = options.out or manifest.folder
    out.mkdir(parents=True, exist_ok=True)
    centre = Image.fromarray(np.rint(fixation_density(manifest, split) * 255).astype(np.uint8))
    pictures = {
        "centre.png": centre.resize((centre.width * _ENLARGED, centre.height * _ENLARGED)),
        "contact-sheet.png": contact_sheet(manifest, split),
    }
    for name, picture in pictures.items():
        picture.save(out / name)
        # Never broken into lines: it is there to be copied.
        console.print(out / name, highlight=False, soft_wrap=True)
    return 0


def _histogram(console: Console, title: str, counted: str, values: np.ndarray) -> None:
    """Print how often values fall into intervals of whole numbers, as bars."""
    span = int(values.max()) - int(values.min()) + 1
    width = -(-span // _BINS)
    edges = int(values.min()) + width * np.arange(-(-span // width) + 1)
    counts = np.histogram(values, edges)[0]
    mean, median = values.mean(), np.median(values)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(title, justify="right")
    table.add_column(counted, justify="right")
    table.add_column(f"mean {mean:,.1f}, median {median:,.0f}")
    for low, count in zip(edges, counts, strict=False):
        told = f"{low:,}" if width == 1 else f"{low:,} to {low + width - 1:,}"
        table.add_row(told, f"{count:,}", "█" * round(_LONGEST_BAR * count / counts.max()))
    console.print(table)
