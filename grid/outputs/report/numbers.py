"""A compiled table on the page: sortable, with the printed numbers below ours where a reader wants them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from grid.outputs.report.markup import bullets, folded, scrolled
from grid.outputs.tables.others import MARK
from grid.outputs.tables.table import Block, Column, Entry, Row, Table

_OURS, _PRINTED = "ours", ("paper", "diff.")
_NUMBER = re.compile(r"[-+]?\d[\d,]*\.?\d*")
_MARKS = {"": "{}", "best": '<b class="best">{}</b>', "second": "<i>{}</i>"}


def numbers(table: Table) -> str:
    """Write a table with what it lacks, and its notes folded away."""
    heads = "".join(
        f'<th scope="col" class="number">{escape(heading)}</th>' for heading in _headings(table.columns)
    )
    labels = "".join(f'<th scope="col">{escape(label)}</th>' for label in table.labels)
    body = "".join(_block(block, table) for block in table.blocks)
    grid = (
        f'<table class="numbers" id="{escape(table.name)}"><caption>{escape(table.title)}</caption>'
        f"<thead><tr>{labels}{heads}</tr></thead>{body}</table>"
    )
    reasons = [f"-- {reason}: {'; '.join(places)}." for reason, places in table.missing.reasons]
    # What is counted as missing is followed by the reasons, and is a note where there are none.
    count = [table.missing.count]
    missing = bullets([*count, *reasons] if reasons else (), "missing")
    notes = bullets((*table.notes, *table.working, *([] if reasons else count)))
    return scrolled(table.title, grid) + missing + folded("Notes", notes)


def _headings(columns: Sequence[Column]) -> list[str]:
    return [
        (over or _OURS) if _beside(of) else f"{over} {of[0].heading}".strip() for over, of in _groups(columns)
    ]


def _groups(columns: Sequence[Column]) -> list[tuple[str, list[Column]]]:
    """Gather ours and the printed numbers under one heading; every other column stands alone."""
    found: list[tuple[str, list[Column]]] = []
    for column in columns:
        if column.over and column.heading in _PRINTED and found and found[-1][0] == column.over:
            found[-1][1].append(column)
        else:
            found.append((column.over, [column]))
    return found


def _beside(columns: Sequence[Column]) -> bool:
    """Whether they are ours, with the printed numbers if there are any, in one column of the page."""
    return columns[0].heading == _OURS


def _block(block: Block, table: Table) -> str:
    heading = escape(block.heading)
    width = 2 + len(_headings(table.columns))
    first = f'<tr class="block"><th scope="rowgroup" colspan="{width}">{heading}</th></tr>' if heading else ""
    # Where rows are sorted, each says itself what stands above it now.
    within = f'<span class="within">{heading}: </span>' if heading else ""
    rows = [
        _row(row, f"{within}<span>{escape(group.label)}</span>", "first" if k == 0 else "again", table)
        for group in block.groups
        for k, row in enumerate(group.rows)
    ]
    return f"<tbody>{first}{''.join(rows)}</tbody>"


def _row(row: Row, group: str, kind: str, table: Table) -> str:
    printed = row.label.endswith(MARK)
    entries, cells = iter(row.entries), ""
    for _, columns in _groups(table.columns):
        of = [next(entries) for _ in columns]
        cells += _merged(of, columns, printed) if _beside(columns) else _cell(of[0])
    kinds = f"{kind} printed" if printed else kind
    heads = f'<th scope="row" class="group">{group}</th><th scope="row">{escape(row.label)}</th>'
    return f'<tr class="{kinds}">{heads}{cells}</tr>'


def _merged(entries: Sequence[Entry], columns: Sequence[Column], printed: bool) -> str:
    """Write ours, and below it the paper's number and the difference."""
    by_heading = {column.heading: entry for column, entry in zip(columns, entries, strict=True)}
    if printed:
        return _cell(by_heading.get("paper", Entry("")))
    told = [
        f"{'paper ' if heading == 'paper' else ''}{by_heading[heading].text}"
        for heading in _PRINTED
        if heading in by_heading and by_heading[heading].text
    ]
    below = f'<small class="printed">{escape(" · ".join(told))}</small>' if told else ""
    return _cell(by_heading[_OURS], below)


def _cell(entry: Entry, below: str = "") -> str:
    after = f" <small>{escape(entry.after)}</small>" if entry.after else ""
    sign = f"<sup>{escape(entry.sign)}</sup>" if entry.sign else ""
    text = _MARKS[entry.mark].format(escape(entry.text)) + sign + after if entry.text else "--"
    value = _NUMBER.search(entry.text.replace("−", "-"))
    sort = f' data-value="{value[0].replace(",", "")}"' if value else ""
    return f'<td class="number"{sort}>{text}{below}</td>'
