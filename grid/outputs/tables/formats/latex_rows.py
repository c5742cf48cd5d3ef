"""The head and the rows of a tabular: a line for each row, or two where one would be wider than a page.

Of the columns that share a metric the first then stands over the others, so that five metrics over several
seeds beside the paper's numbers keep the size of footnotes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from grid.outputs.tables.formats.tex import tex, tex_line
from grid.outputs.tables.table import Block, Entry, Group, Table

# Letters that there is room for in the size of footnotes: in one of two columns on a page, over the text of a
# narrow page, and in a label's line.
_COLUMN, _PAGE, _LABEL = 56, 81, 12
_MARKS = {"": "{}", "best": r"\textbf{{{}}}", "second": r"\textit{{{}}}"}


@dataclass(frozen=True)
class Form:
    """How a table is set.

    Attributes:
        wide: over both columns of a page, in the size of footnotes.
        stacked: with two lines for each row.
        widths: for each column of the tabular, labels aside, how many of the table's stand in it.
    """

    wide: bool
    stacked: bool
    widths: tuple[int, ...]

    @property
    def columns(self) -> int:
        """Columns of the tabular with those of labels."""
        return 2 + len(self.widths)


def form_of(table: Table) -> Form:
    """Choose how a table is set, by the widths of what it says."""
    rows = [row for block in table.blocks for group in block.groups for row in group.rows]
    groups = [group.label for block in table.blocks for group in block.groups]
    labels = _longest(table.labels[0], groups) + _longest(table.labels[1], (row.label for row in rows))
    entries = list(zip(*(row.entries for row in rows), strict=True)) or [()] * len(table.columns)
    numbers = sum(
        max([len(column.heading), *map(_letters, each)])
        for column, each in zip(table.columns, entries, strict=True)
    )
    letters, gaps = labels + numbers, len(table.columns)
    together = [len(list(columns)) for _, columns in groupby(table.columns, lambda column: column.over)]
    # Between the columns of a wide table there is half as much room.
    stacked = letters + gaps > _PAGE and any(column.over for column in table.columns)
    widths = tuple(together) if stacked else (1,) * len(table.columns)
    return Form(letters + 2 * gaps > _COLUMN, stacked, widths)


def head(table: Table, form: Form) -> list[str]:
    """Write the lines over the rows."""
    if form.stacked:
        return _stacked_head(table, form)
    labels = [tex(heading) for heading in table.labels]
    headings = " & ".join([*labels, *(rf"\multicolumn{{1}}{{c}}{{{tex(c.heading)}}}" for c in table.columns)])
    if not any(column.over for column in table.columns):
        return [rf"{headings} \\"]
    over, rules, start = "&", "", 3
    for name, columns in groupby(table.columns, lambda column: column.over):
        size = len(list(columns))
        over += rf" & \multicolumn{{{size}}}{{c}}{{{tex(name)}}}"
        rules += rf"\cmidrule(lr){{{start}-{start + size - 1}}}"
        start += size
    return [rf"{over} \\", rules, rf"{headings} \\"]


def block_lines(block: Block, form: Form) -> list[str]:
    """Write a block's heading and rows."""
    lines = [r"\midrule"]
    if block.heading:
        lines.append(rf"\multicolumn{{{form.columns}}}{{c}}{{{tex(block.heading)}}} \\")
        lines.append(r"\addlinespace[1pt]" if form.stacked else r"\midrule")
    for n, group in enumerate(block.groups):
        lines += [r"\addlinespace[2pt]" if form.stacked else r"\addlinespace"] if n else []
        lines += _stacked_rows(group, form) if form.stacked else _rows(group, form)
    return lines


def _rows(group: Group, form: Form) -> list[str]:
    return [
        _line(
            ["" if n else group.label, row.label],
            [_entry(entry, small=not form.wide) for entry in row.entries],
        )
        for n, row in enumerate(group.rows)
    ]


def _stacked_rows(group: Group, form: Form) -> list[str]:
    lines: list[str] = []
    for n, row in enumerate(group.rows):
        lines += [r"\addlinespace[1pt]"] if n else []
        first, second = _two_lines(row.label)
        cells = list(_together(row.entries, form))
        lines.append(_line(["" if n else group.label, first], [_entry(over) for over, _ in cells]))
        below = [r"\enspace ".join(map(_entry, under)) for _, under in cells]
        lines.append(_line(["", second], below))
    return lines


def _stacked_head(table: Table, form: Form) -> list[str]:
    """Write each metric's name over its first column's, and those of the others below."""
    groups = list(_together(table.columns, form))
    names = [rf"\multicolumn{{1}}{{c}}{{{tex(first.over or first.heading)}}}" for first, _ in groups]
    firsts = [tex(first.heading) if first.over else "" for first, _ in groups]
    others = [r"\enspace ".join(tex(column.heading) for column in rest) for _, rest in groups]
    rules = "".join(rf"\cmidrule(lr){{{n}-{n}}}" for n in range(3, form.columns + 1))
    (group, group_below), (label, label_below) = map(_two_lines, table.labels)
    return [
        _line(["", ""], names),
        rules,
        _line([group, label], firsts),
        _line([group_below, label_below], others),
    ]


def _together(items: Sequence, form: Form) -> Iterator[tuple]:
    """Yield for each column of the tabular what stands first in it, and the rest."""
    start = 0
    for width in form.widths:
        yield items[start], items[start + 1 : start + width]
        start += width


def _line(labels: Sequence[str], cells: Sequence[str]) -> str:
    first, second = labels
    return " & ".join([tex_line(first), tex(second), *cells]) + r" \\"


def _entry(entry: Entry, *, small: bool = False) -> str:
    if not entry.text:
        return "--"
    after = rf"{{\scriptsize {tex(entry.after)}}}" if small else tex(entry.after)
    return _MARKS[entry.mark].format(tex(entry.text)) + tex(entry.sign) + (f" {after}" if entry.after else "")


def _longest(heading: str, labels: Iterable[str]) -> int:
    return max(map(len, [heading, *labels]))


def _letters(entry: Entry) -> int:
    return len(entry.text) + len(entry.sign) + (len(entry.after) + 1 if entry.after else 0)


def _two_lines(label: str) -> tuple[str, str]:
    """Break a long label at the space nearest to its middle."""
    spaces = [i for i, letter in enumerate(label) if letter == " "]
    if len(label) <= _LABEL or not spaces:
        return label, ""
    middle = min(spaces, key=lambda i: abs(2 * i - len(label)))
    return label[:middle], label[middle + 1 :]
