"""The grids that have been run in an output folder, and with what settings: enough to plan them again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from grid.planning.noted import note
from grid.planning.prepare import Grid, prepare
from grid.results import output_folder
from grid.results.dataframes import CELLS, noted_cells
from grid.results.files import write_text
from grid.specs.grid_reader import available
from manifests.problem import Problem, ProblemError, gathered, suggest


def remember(grid: Grid) -> None:
    """Keep what a grid was called with, in place of what it was called with before."""
    name = grid.name if grid.name in available() else str(Path(grid.name).resolve())
    called = {"name": name, "overrides": list(grid.overrides), "demo": grid.demo}
    called |= note(grid.manifests, grid.weights) | {CELLS: noted_cells(grid.plan)}
    path = grid.out / output_folder.call(grid.plan.grid)
    write_text(path, json.dumps(called, indent=2))


def remembered(
    out: Path, name: str | None, tell: Callable[[str], None], problems: list[Problem]
) -> list[Grid]:
    """Prepare the grids of a folder as they were last called.

    Args:
        out: the output folder.
        name: the one grid wanted; None for all.
        tell: hears what takes a while.
        problems: gets what keeps a grid from being prepared: what it reads is gone, or its words are unknown.

    Raises:
        ProblemError: no grid, or none of this name, has been run there.
    """
    known = {path.stem: path for path in sorted(out.glob(output_folder.call("*")))}
    if not known:
        remedy = "Say where results are: --out DIR."
        raise ProblemError(Problem(str(out), "an output folder in which a grid was run", "none", remedy))
    if name is not None and name not in known:
        expected = f"a grid that was run in {out}"
        raise ProblemError(Problem("--grid", expected, repr(name), suggest(name, known)))
    grids: list[Grid] = []
    for path in known.values():
        if name in (None, path.stem):
            with gathered(problems):
                grids.append(_prepare(path, out, tell))
    return grids


def _prepare(path: Path, out: Path, tell: Callable[[str], None]) -> Grid:
    try:
        called = json.loads(path.read_text(encoding="utf-8"))
        name, overrides, demo = str(called["name"]), list(map(str, called["overrides"])), bool(called["demo"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Run the grid once more: it finds all done, and writes this anew."
        raise ProblemError(Problem(str(path), "how the grid was called", str(error), remedy)) from error
    # What an export has noted is of a file in it.
    inside = out / name
    name = str(inside) if inside.is_file() else name
    return prepare(name, overrides, out, demo=demo, tell=tell, purpose="results")
