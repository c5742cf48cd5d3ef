"""What is drawn and written for people when results are there: figures and the report, which stop nothing."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from grid.planning.prepare import Grid
from grid.results import output_folder
from manifests.problem import ProblemError


class Shown(NamedTuple):
    """What came of it.

    Attributes:
        report: the page; None where it could not be written.
        figures: files of figures.
        warnings: what could not be drawn or written for a reason that is not a lack of results.
    """

    report: Path | None
    figures: list[Path]
    warnings: list[str]


def show(grid: Grid, *, from_results_alone: bool = False) -> Shown:
    """Draw a grid's figures, and write its report; a failure is told, and nothing more.

    Args:
        grid: the grid.
        from_results_alone: do without the figures that take models or corpora.
    """
    # A second to import, that what draws nothing does without.
    from grid.outputs.figures.contract import Material  # noqa: PLC0415
    from grid.outputs.figures.drawn import draw_figures  # noqa: PLC0415
    from grid.outputs.report.page import write_report  # noqa: PLC0415

    figures: list[Path] = []
    missing: list[str] = []
    warnings: list[str] = []
    report = None
    try:
        drawn = draw_figures(
            grid.plan,
            grid.ledger,
            grid.out / output_folder.FIGURES,
            material=Material(grid.manifests, grid.config.figures.frames),
            from_results_alone=from_results_alone,
        )
        figures, missing = drawn.files, drawn.missing
    except Exception as error:  # noqa: BLE001 - whatever it is, the results are there
        warnings.append(f"The figures could not be drawn: {_told(error)}")
    try:
        report = write_report(grid, missing)
    except Exception as error:  # noqa: BLE001 - likewise
        warnings.append(f"The report could not be written: {_told(error)}")
    return Shown(report, figures, warnings)


def _told(error: Exception) -> str:
    told = " ".join(str(error).split())
    # A problem is told in words for people, and needs no name of a class.
    return told if isinstance(error, ProblemError) else f"{type(error).__name__}: {told}"
