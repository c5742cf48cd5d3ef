"""A plan's figures drawn into files, with the numbers behind them: what `run_grid.py --figures` does."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import matplotlib as mpl

from datasets.corpus import ClipError
from grid.outputs.figures.contract import Drawing, Figure, Material, Subject
from grid.outputs.figures.registry import figures
from grid.outputs.figures.style import STYLE
from grid.outputs.tables.scores import Results
from grid.plan import Plan
from grid.results.files import write_atomically
from grid.results.ledger import Ledger
from hd2s.weights.checkpoints import WeightsError
from manifests.problem import Problem, ProblemError, suggest

# Without dates and versions, so that equal figures are equal files.
_METADATA = {"pdf": {"CreationDate": None, "Producer": None, "Creator": None}, "png": {"Software": None}}


class Drawn(NamedTuple):
    """What came of a plan's figures: the files, and what could not be drawn and why."""

    files: list[Path]
    missing: list[str]


def check_words(words: Sequence[str]) -> None:
    """Raise ProblemError for words that are no figures, naming the nearest and all there are."""
    strange = [word for word in words if word not in figures()]
    if strange:
        raise ProblemError(
            [Problem("--figures", "a known figure", repr(w), suggest(w, figures())) for w in strange]
        )


def draw_figures(
    plan: Plan,
    ledger: Ledger,
    folder: Path,
    words: Sequence[str] = (),
    material: Material | None = None,
    *,
    from_results_alone: bool = False,
) -> Drawn:
    """Draw the figures of each of a plan's tables from what is stored.

    Args:
        plan: the tables and their cells.
        ledger: the results.
        folder: takes `<table>-<word>.pdf`, `.png` and `.csv`.
        words: of the figures wanted; all, if none is said.
        material: what there is beside results.
        from_results_alone: leave out what takes models or corpora, and with them minutes.

    Raises:
        ProblemError: a word is no figure's.
    """
    check_words(words)
    results, drawn = Results(plan, ledger), Drawn([], [])
    for spec in plan.tables:
        for word, figure in figures().items():
            if words and word not in words:
                continue
            if from_results_alone and figure.needs != "results":
                found: Drawing | str = f"it takes a while: --report draws it, and --figures {word}"
            else:
                found = _draw(figure, Subject(spec, results, material or Material()))
            if isinstance(found, str):
                drawn.missing.append(f"{spec.name}-{word}: {found}")
            else:
                drawn.files.extend(_write(found, folder, f"{spec.name}-{word}"))
    return drawn


def _draw(figure: Figure, subject: Subject) -> Drawing | str:
    """Draw a figure; of frames or weights that cannot be read say so, since all others can still be drawn."""
    try:
        with mpl.rc_context(STYLE):
            return figure.draw(subject)
    except (ProblemError, ClipError, WeightsError, OSError) as error:
        return str(error)


def _write(drawing: Drawing, folder: Path, name: str) -> list[Path]:
    written = []
    with mpl.rc_context(STYLE):
        for kind, metadata in _METADATA.items():
            path = folder / f"{name}.{kind}"
            write_atomically(path, partial(drawing.canvas.savefig, format=kind, metadata=metadata))
            written.append(path)
            # All kinds are laid out as the first, which takes a third of a figure's time.
            drawing.canvas.set_layout_engine("none")
    path = folder / f"{name}.csv"
    write_atomically(path, partial(_write_rows, drawing))
    return [*written, path]


def _write_rows(drawing: Drawing, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(drawing.rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(drawing.rows)
