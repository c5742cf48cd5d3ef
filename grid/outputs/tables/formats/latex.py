"""LaTeX: a table environment that needs the packages booktabs and graphicx, and compiles as it is."""

from __future__ import annotations

import re
from itertools import groupby

from grid.outputs.tables.formats.tex import UNKNOWN, tex
from grid.outputs.tables.table import Block, Entry, Table

# Columns that the text of one of two columns on a page has room for.
_WIDE = 8
_MARKS = {"": "{}", "best": r"\textbf{{{}}}", "second": r"\textit{{{}}}"}


def latex(table: Table) -> str:
    """Write a floating table with its notes; one larger than the page shrinks."""
    width = 2 + len(table.columns)
    wide = width > _WIDE
    # On a page of two columns this spans both; on one of a single column it is a plain table.
    environment = "table*" if wide else "table"
    warning = [rf"\textbf{{{tex(table.warning)}}}"] if table.warning else []
    caption = " ".join([*warning, f"{tex(table.title)}.", tex(table.caption)]).rstrip()
    lines = "\n".join(
        [
            f"% Needs the packages booktabs and graphicx. Regenerate with: {' '.join(table.command.split())}",
            rf"\begin{{{environment}}}[t]",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', table.name)}}}",
            r"\vspace{\smallskipamount}",
            r"\sbox0{\setlength{\tabcolsep}{3pt}%" if wide else r"\sbox0{%",
            rf"\begin{{tabular}}{{@{{}}ll{'r' * (width - 2)}@{{}}}}",
            r"\toprule",
            *_head(table),
            *(line for block in table.blocks for line in _block(block, width)),
            r"\bottomrule",
            r"\end{tabular}}%",
            # Too large a table shrinks, first to the line, then to leave the caption and notes some room.
            r"\ifdim\wd0>\linewidth\sbox0{\resizebox{\linewidth}{!}{\usebox0}}\fi",
            r"\ifdim\dimexpr\ht0+\dp0\relax>.65\textheight\sbox0{\resizebox*{!}{.65\textheight}{\usebox0}}\fi",
            r"\usebox0",
            *_notes(table),
            rf"\end{{{environment}}}",
            "",
        ]
    )
    return (f"% {UNKNOWN}\n" if "[U+" in lines else "") + lines


def _head(table: Table) -> list[str]:
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


def _block(block: Block, width: int) -> list[str]:
    lines = [r"\midrule"]
    if block.heading:
        lines += [rf"\multicolumn{{{width}}}{{c}}{{{tex(block.heading)}}} \\", r"\midrule"]
    for n, group in enumerate(block.groups):
        lines += [r"\addlinespace"] if n else []
        for k, row in enumerate(group.rows):
            label = "" if k else tex(group.label)
            # In braces, since a bracket or a star at a row's start would belong to the row's end before it.
            cells = [f"{{{label}}}" if label[:1] in ("[", "*") else label, tex(row.label)]
            lines.append(" & ".join([*cells, *map(_entry, row.entries)]) + r" \\")
    return lines


def _entry(entry: Entry) -> str:
    if not entry.text:
        return "--"
    after = rf" {{\scriptsize {tex(entry.after)}}}" if entry.after else ""
    return _MARKS[entry.mark].format(tex(entry.text)) + tex(entry.sign) + after


def _notes(table: Table) -> list[str]:
    lines = [rf"\textbf{{{tex(table.warning)}}}"] if table.warning else []
    lines += [tex(note) for note in (*table.notes, table.missing.count)]
    lines += [f"-- {tex(reason)}: {tex('; '.join(places))}." for reason, places in table.missing.reasons]
    # A path has no spaces to break at.
    command = re.sub("([/=,])", r"\1\\allowbreak{}", tex(table.command))
    lines.append(rf"Regenerate with: \texttt{{{command}}}")
    return [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\scriptsize\raggedright",
        " \\\\\n".join(lines),
        r"\end{minipage}",
    ]
