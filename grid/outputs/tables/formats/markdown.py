"""GitHub-flavoured Markdown, which reads as a table in its source too."""

from __future__ import annotations

from grid.outputs.tables.table import Column, Entry, Table
from manifests.escaping import markdown as plain
from manifests.escaping import markdown_code, markdown_line

_MARKS = {"": "", "best": "**", "second": "*"}


def markdown(table: Table) -> str:
    """Write a page with the table and its notes."""
    rows = [[*map(plain, table.labels), *map(_heading, table.columns)]]
    for block in table.blocks:
        if block.heading:
            rows.append([f"**{plain(block.heading)}**", *[""] * (len(rows[0]) - 1)])
        for group in block.groups:
            for n, row in enumerate(group.rows):
                label = "" if n else plain(group.label)
                rows.append([label, plain(row.label), *map(_entry, row.entries)])
    lines = [f"# {plain(table.title)}", ""]
    lines += [f"**{plain(table.warning)}**", ""] if table.warning else []
    lines += [markdown_line(table.caption), ""] if table.caption else []
    lines += [*_aligned(rows), ""]
    lines += [f"- {markdown_line(note)}" for note in (*table.notes, *table.working, table.missing.count)]
    lines += [
        f"  - `--` {plain(reason)}: {plain('; '.join(places))}." for reason, places in table.missing.reasons
    ]
    return "\n".join([*lines, f"- Regenerate with {markdown_code(table.command)}", ""])


def _heading(column: Column) -> str:
    return plain(" ".join(filter(None, (column.over, column.heading))))


def _entry(entry: Entry) -> str:
    if not entry.text:
        return "--"
    mark = _MARKS[entry.mark]
    return " ".join(filter(None, (f"{mark}{plain(entry.text)}{mark}{entry.sign}", plain(entry.after))))


def _aligned(rows: list[list[str]]) -> list[str]:
    """Write a table with its numbers to the right."""
    # A block's heading stands alone in its row, so it need not widen the first column.
    widths = [max(len(row[n]) for row in rows if any(row[1:])) for n in range(len(rows[0]))]
    columns = list(zip("<<" + ">" * (len(widths) - 2), widths, strict=True))
    rules = [f"{'-' * (width - 1)}{':' if side == '>' else '-'}" for side, width in columns]
    return [
        f"| {' | '.join(f'{text:{side}{width}}' for text, (side, width) in zip(row, columns, strict=True))} |"
        for row in (rows[0], rules, *rows[1:])
    ]
