"""A grid's report on one page: what was asked, the answer, tables, figures, faults, and its origin.

It needs no other file and no network, and reads without its script.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from html import escape
from pathlib import Path

from grid.outputs.external import places_of
from grid.outputs.report.answers import answers
from grid.outputs.report.asked import asked
from grid.outputs.report.differing import differing
from grid.outputs.report.faults import faults
from grid.outputs.report.markup import bullets, paragraph, section
from grid.outputs.report.numbers import numbers
from grid.outputs.report.origin import code, commands, data, identities, spent, work
from grid.outputs.report.pictures import pictures
from grid.outputs.report.style import SCRIPT, STYLE
from grid.outputs.report.wording import duration
from grid.outputs.tables import costs, values
from grid.outputs.tables.comparing import ranks, recovered, significance
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Style, Table
from grid.planning.prepare import Grid
from grid.results import output_folder
from grid.results.failures import failures
from grid.results.files import write_text
from grid.specs.table import TableSpec


def write_report(grid: Grid, missing: Sequence[str] = ()) -> Path:
    """Write a grid's page from its results and the figures that are drawn; return the file.

    Args:
        grid: as prepared; what is not done yet is missing, and the page says so.
        missing: figures that could not be drawn, `<table>-<word>: why`.

    Raises:
        ProblemError: a table names a paper that is not in `grid/specs/printed_numbers/`, or the disk is full.
    """
    path = grid.out / output_folder.report(grid.plan.grid)
    text = page(grid, missing)
    write_text(path, text)
    return path


def page(grid: Grid, missing: Sequence[str] = ()) -> str:
    """Return the page as HTML. Arguments of `write_report`."""
    results = Results(grid.plan, grid.ledger, places_of(grid))
    # Printed numbers are always there to be looked at; a demo's page begins without them.
    style = Style(replace(grid.config.tables, paper="beside"), grid.command("--tables"), grid.demo)
    built = {spec.name: _Built(spec, results, style) for spec in grid.plan.tables}
    shown = grid.config.tables.paper != "none"
    origin = data(grid) + code(grid) + work(grid) + "".join(identities(grid))
    parts = {
        "answers": ("Asked and answered", _answers(built.values(), grid, results)),
        "tables": ("Tables", _tables(built.values(), grid, style)),
        "figures": ("Figures", _figures(grid, missing)),
        "faults": ("Failures and data left out", faults(grid, results)),
        "settings": ("Settings", differing(grid)),
        "origin": ("Data, code and devices", origin),
        "commands": ("Commands", commands(grid)),
    }
    links = "".join(
        f'<li><a href="#{word}">{escape(title)}</a></li>' for word, (title, text) in parts.items() if text
    )
    body = "".join(section(word, title, text) for word, (title, text) in parts.items())
    return _document(
        grid, f"{_summary(grid, results)}<nav aria-label='Contents'><ul>{links}</ul></nav>", body, shown
    )


class _Built:
    """A table with all that follows from it."""

    def __init__(self, spec: TableSpec, results: Results, style: Style) -> None:
        self.spec = spec
        self.values = values.build(spec, results, style)
        self.significance = significance.build(spec, results, style)
        self.recovered = recovered.build(spec, results, style)
        self.ranks = ranks.build(spec, results, style)

    def following(self) -> Iterator[Table]:
        yield from filter(None, (self.significance, self.recovered, self.ranks))


def _document(grid: Grid, top: str, body: str, shown: bool) -> str:
    title = _title(grid)
    warning = paragraph(Style(grid.config.tables, "", grid.demo).warning, "warning") if grid.demo else ""
    kind = "" if shown else ' class="no-printed"'
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body{kind}>"
        '<a class="skip" href="#answers">To the answers</a>'
        f"<header><h1>{escape(title)}</h1>"
        f'<p class="soft">Grid {escape(grid.plan.grid)}, report of {datetime.now():%Y-%m-%d %H:%M}</p>'
        f"{warning}{top}</header><main>{body}</main>"
        "<footer>Made from the results in Parquet alone; the same tables are files in"
        f" {output_folder.TABLES}/, the figures in {output_folder.FIGURES}/.</footer>"
        f"<script>{SCRIPT}</script></body></html>\n"
    )


def _title(grid: Grid) -> str:
    titles = [table.title for table in grid.plan.tables]
    return titles[0] if len(titles) == 1 else grid.plan.grid.replace("_", " ").capitalize()


def _summary(grid: Grid, results: Results) -> str:
    """Write how much is done, how long it took and how much is wrong, as numbers to be seen at a glance."""
    plan, failed = grid.plan, len(failures(grid.plan, grid.ledger).own)
    done, lacking = results.with_values(plan.all_cells), results.lacking(plan.all_cells)
    quarantined = sum(manifest.quarantined for manifest in grid.manifests.values())
    seconds = sum(amount.seconds for device in spent(grid).values() for amount in device.values())
    tiles = [
        ("cells with values", f"{len(done)} of {len(plan.all_cells)}", bool(lacking)),
        ("trainings", f"{_done(grid, 'training')} of {len(plan.trainings)}", False),
        ("evaluations", f"{_done(grid, 'evaluation')} of {len(plan.evaluations)}", False),
        ("of computing", duration(seconds), False),
        ("failed", f"{failed}", failed > 0),
        ("clips quarantined", f"{quarantined:,}", quarantined > 0),
    ]
    items = "".join(
        f"<div{' class=bad' if bad else ''}><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
        for name, value, bad in tiles
    )
    return f'<dl class="figures-of">{items}</dl>'


def _done(grid: Grid, kind: output_folder.Kind) -> int:
    units = grid.plan.trainings if kind == "training" else grid.plan.evaluations
    return sum(grid.ledger.status(unit, kind) == "done" for unit in units)


def _answers(built: Iterable[_Built], grid: Grid, results: Results) -> str:
    several = len(results.plan.tables) > 1
    parts = []
    for each in built:
        told = answers(each.spec, results, each.significance, each.recovered, grid.config.tables)
        title = f"<h3>{escape(each.spec.title)}</h3>" if several else ""
        parts.append(title + paragraph(asked(each.spec, results), "question") + bullets(told, "answer"))
    return "".join(parts)


def _tables(built: Iterable[_Built], grid: Grid, style: Style) -> str:
    parts = []
    for each in built:
        more = "".join(numbers(table) for table in each.following())
        parts.append(f"<h3>{escape(each.spec.name)}</h3>{numbers(each.values)}{more}")
    parts += [
        f"<h3>{escape(spec.name)}</h3>{numbers(costs.build(spec, grid.ledger.out, style))}"
        for spec in grid.plan.costs
    ]
    printed = [table.paper for table in grid.plan.tables] + [table.paper for table in grid.plan.costs]
    pressed = str(grid.config.tables.paper != "none").lower()
    switch = (
        f'<button id="switch" type="button" hidden aria-pressed="{pressed}">Printed numbers beside ours'
        "</button>"
        if any(printed)
        else ""
    )
    return switch + "".join(parts)


def _figures(grid: Grid, missing: Sequence[str]) -> str:
    several = len(grid.plan.tables) > 1
    parts = []
    for spec in grid.plan.tables:
        if drawn := pictures(spec, grid.out, missing):
            parts.append((f"<h3>{escape(spec.title)}</h3>" if several else "") + drawn)
    return "".join(parts)
