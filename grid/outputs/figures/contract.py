"""What every figure offers. A figure's file ends in `FIGURE = Figure(word, title, draw, needs)`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from matplotlib.figure import Figure as Canvas

from datasets.corpora.registry import find
from grid.outputs.tables.scores import Results
from grid.specs.table import TableSpec
from manifests.store import CLIPS, Manifest

Needs = Literal["results", "weights", "frames"]
"""What a figure is drawn from: results alone; checkpoints as well; or corpora, with or without these."""


@dataclass(frozen=True)
class Material:
    """What figures are drawn from beside results.

    Attributes:
        manifests: corpus → manifest, whether or not it is on this machine.
        frames: those that the user asks for, "<clip>:<frame>", counted from 1; none leaves them to rules.
    """

    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    frames: tuple[str, ...] = ()

    def lacking(self, corpora: Iterable[str]) -> str:
        """Say which of these corpora are not indexed here, and what does it; empty where all are."""
        absent = [name for name in dict.fromkeys(corpora) if not self.has(name)]
        words = [adapter.word if (adapter := find(name)) else f"folder --name {name}" for name in absent]
        commands = "; ".join(f"python -m datasets index {word} --root FOLDER" for word in words)
        return f"not indexed on this machine: {' and '.join(absent)}; {commands}" if absent else ""

    def has(self, corpus: str) -> bool:
        """Whether a corpus' manifest can be read here; what stands for it elsewhere has no clips."""
        manifest = self.manifests.get(corpus)
        return manifest is not None and manifest.folder.is_dir() and (manifest.folder / CLIPS).is_file()


@dataclass(frozen=True)
class Subject:
    """What is drawn: one table of a plan, with all its results and what else there is to draw from."""

    spec: TableSpec
    results: Results
    material: Material = field(default_factory=Material)


@dataclass(frozen=True)
class Drawing:
    """A figure that is drawn, and the numbers behind it.

    Attributes:
        canvas: in inches as it is printed, one column or the whole page wide.
        rows: each with the same keys, unrounded.
    """

    canvas: Canvas
    rows: list[dict[str, Any]]


@dataclass(frozen=True)
class Figure:
    """A kind of figure.

    Attributes:
        word: of the command line and of its files, `<table>-<word>.*`.
        title: what it shows.
        draw: a table → the drawing, or what is missing for one, as a sentence's end ("no training is done").
        needs: what it is drawn from.
    """

    word: str
    title: str
    draw: Callable[[Subject], Drawing | str]
    needs: Needs = "results"
