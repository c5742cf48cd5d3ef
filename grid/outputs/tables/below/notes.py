"""What a table of values says below its numbers: to a reader of a paper, and to whoever works on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grid.outputs.tables.below.departures import departure_notes
from grid.outputs.tables.below.footnotes import (
    SEEDS,
    UNRANKED,
    length_notes,
    mixture_notes,
    sign_notes,
    undefined_notes,
)
from grid.outputs.tables.layout import Layout, gather, label, row_key, shown
from grid.outputs.tables.scores import Results
from grid.outputs.tables.selection import Choice, selection_notes, sweep_notes
from grid.plan import Cell
from grid.specs.printed import citation
from grid.specs.table import TableSpec
from manifests.problem import counted


class Known(NamedTuple):
    """What notes must know of a table's rows.

    Attributes:
        choices: the cells that they show.
        beside: what stands over each metric's columns.
        lacking: whether some value lacks seeds.
        unranked: whether some value is not ranked.
    """

    choices: Sequence[Choice]
    beside: Sequence[str]
    lacking: bool
    unranked: bool


def reader_notes(spec: TableSpec, layout: Layout, known: Known, results: Results) -> tuple[str, ...]:
    """Say what the numbers are, what marks and signs mean, and what they stand on."""
    cells = [choice.cell for choice in known.choices]
    seeds = ", ".join(map(str, spec.seeds))
    several = len(spec.seeds) > 1
    repeats = f"; mean ± sample standard deviation over the seeds {seeds}" if several else f", seed {seeds}"
    repeats += _told_of_folds(spec, several=several)
    notes = [
        "Ours: frame mean, as benchmarks report it, over all frames of the test clips (a frame without"
        f" fixations has no score){repeats}."
    ]
    if spec.withheld:
        files = ", ".join(results.returned.files) or "no file yet"
        notes = [f"Ours: as the benchmark has returned it ({files}){repeats}."]
        notes += [f"Not taken: {problem}" for problem in results.returned.problems]
    notes += _fitted_once(cells, spec)
    if "diff." in known.beside:
        notes.append(f"Paper: {citation(spec.paper)}; diff.: ours minus the paper's.")
    if "oracle gap" in known.beside:
        notes.append("Oracle gap: the value by the target's selection minus this one.")
    apart = ", ours and the paper's separately" if "paper" in known.beside else ""
    group = layout.group_heading.lower()
    notes.append(f"Bold: best of each {group}; italic: second best of three or more{apart}.")
    notes += [*selection_notes(spec), *sweep_notes(spec, list(known.choices))]
    notes += _sizes(cells, results)
    notes += [SEEDS] if known.lacking else []
    notes += length_notes(cells, results) + sign_notes(cells, results, spec)
    notes += undefined_notes(cells, results, spec)
    notes += mixture_notes(cells, results)
    return (*notes, *([UNRANKED] if known.unranked else []))


def working_notes(spec: TableSpec, results: Results) -> tuple[str, ...]:
    """Say what is done otherwise than in the papers, and where more is to be found."""
    return (
        *departure_notes(spec, results.plan),
        # Not by the file's name, which may be that of a table beside another.
        "The mean over the means of clips is in the CSV file, as per_video_mean.",
    )


def _told_of_folds(spec: TableSpec, *, several: bool) -> str:
    """Say which values are means over folds, too."""
    if not spec.folds:
        return ""
    of = ", ".join(f"the {of} folds of {shown(corpus)}" for corpus, of, _ in spec.folds)
    return f" and over {of}" if several else f"; mean ± sample standard deviation over {of}"


def _fitted_once(cells: Sequence[Cell], spec: TableSpec) -> list[str]:
    """Say which rows show one result for several seeds, as of a model without random steps."""
    rows = gather(cells, row_key)
    once = [of[0] for _, of in rows if len({(c.training, c.evaluation) for c in of}) < len(of)]
    told = ", ".join(dict.fromkeys(label(cell, spec) for cell in once))
    return [f"{told}: fitted once for all seeds, so that there is no deviation over them."] if told else []


def _sizes(cells: Sequence[Cell], results: Results) -> list[str]:
    tested: dict[str, list[tuple[int, int]]] = {}
    # The folds of one row make the corpus up together.
    for (test, *_), folds in gather(cells, lambda cell: (cell.test, row_key(cell), cell.seed)):
        if found := [scores for scores in results.scores_of(folds) if not scores.returned]:
            clips, frames = sum(len(each.clips) for each in found), sum(each.n_frames for each in found)
            tested.setdefault(test, []).append((clips, frames))
    largest = {test: max(found) for test, found in tested.items()}
    sizes = [
        f"{shown(test)} ({counted(clips, 'clip')}, {counted(frames, 'frame')})"
        for test, (clips, frames) in sorted(largest.items())
    ]
    return [f"Test data: {', '.join(sizes)}."] if sizes else []
