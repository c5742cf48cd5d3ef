"""LaTeX: a table environment that needs the packages booktabs and graphicx, and compiles as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from grid.outputs.tables.formats.latex_rows import Form, block_lines, form_of, head
from grid.outputs.tables.formats.tex import UNKNOWN, tex, tex_line
from grid.outputs.tables.table import Table

# How wide a table may be before it becomes smaller than footnotes, reaching into the margins: text widths.
_REACH = 1.2
# What a letter of the caption takes of a line, and what stands around it, in points; and TeX's longest line.
_LETTER, _AROUND, _LONGEST = 4.7, 18, 16000
# Where there are two lines for each row there is no height to spare.
_TIGHT = r"\renewcommand{\arraystretch}{.93}\setlength{\aboverulesep}{1pt}\setlength{\belowrulesep}{1.5pt}%"


def latex(table: Table) -> str:
    """Write a floating table with those of its notes that it is to have; the others follow as comments.

    A table that is too large for one column takes the whole page and the size of footnotes. Only where it is
    far wider than that, or too high for the page, does it shrink.
    """
    form = form_of(table)
    # On a page of two columns this spans both; on one of a single column it is a plain table.
    environment = "table*" if form.wide else "table"
    warning = [rf"\textbf{{{tex(table.warning)}}}"] if table.warning else []
    caption = " ".join([*warning, f"{tex(table.title)}.", tex(table.caption)]).rstrip()
    inside, after = _notes(table)
    lines = "\n".join(
        [
            f"% Needs the packages booktabs and graphicx. Regenerate with: {_plain(table.command)}",
            rf"\begin{{{environment}}}[t]",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', table.name)}}}",
            r"\vspace{\smallskipamount}",
            r"\sbox0{\footnotesize\setlength{\tabcolsep}{2pt}%" if form.wide else r"\sbox0{%",
            *([_TIGHT] if form.stacked else []),
            rf"\begin{{tabular}}{{@{{}}ll{'r' * len(form.widths)}@{{}}}}",
            r"\toprule",
            *head(table, form),
            *(line for block in table.blocks for line in block_lines(block, form)),
            r"\bottomrule",
            r"\end{tabular}}%",
            *_set(inside, form, len(caption)),
            rf"\end{{{environment}}}",
            *(f"% {note}" for note in after),
            "",
        ]
    )
    return (f"% {UNKNOWN}\n" if "[U+" in lines else "") + lines


def _set(notes: Sequence[str], form: Form, letters: int) -> list[str]:
    """Put the table and the notes on the page; `letters` are the caption's."""
    length = f"{min(letters * _LETTER, _LONGEST):.0f}pt"
    caption = rf"\numexpr\dimexpr{length}\relax/\linewidth\relax\baselineskip"
    room = rf"\dimexpr\textheight-\ht2-\dp2-{caption}-{_AROUND}pt\relax"
    width = rf"{_REACH}\linewidth" if form.wide else r"\linewidth"
    return [
        *_boxed(notes),
        rf"\ifdim\wd0>{width}\sbox0{{\resizebox{{{width}}}{{!}}{{\usebox0}}}}\fi",
        rf"\ifdim\dimexpr\ht0+\dp0\relax>{room}\sbox0{{\resizebox*{{!}}{{{room}}}{{\usebox0}}}}\fi",
        r"\makebox[\linewidth][c]{\usebox0}" if form.wide else r"\usebox0",
        *([r"\par\smallskip", r"\usebox2"] if notes else []),
    ]


def _boxed(notes: Sequence[str]) -> list[str]:
    if not notes:
        return [r"\sbox2{}%"]
    return [
        r"\sbox2{\begin{minipage}{\linewidth}\scriptsize\raggedright",
        "\n".join(notes),
        r"\end{minipage}}%",
    ]


def _notes(table: Table) -> tuple[list[str], list[str]]:
    """Return the notes that stand in the float, in LaTeX, and the others in plain text."""
    working = [*table.working, table.missing.count]
    working += [f"-- {reason}: {'; '.join(places)}." for reason, places in table.missing.reasons]
    if table.in_float == "none":
        return [], [*map(_plain, (*table.notes, *working))]
    told = [rf"\textbf{{{tex(table.warning)}}}"] if table.warning else []
    told += map(tex_line, table.notes)
    if table.in_float == "short":
        return told, [*map(_plain, working)]
    # A path has no spaces to break at.
    command = re.sub("([/=,])", r"\1\\allowbreak{}", tex(table.command))
    lines = [*told, *map(tex, working), rf"Regenerate with: \texttt{{{command}}}"]
    return [rf"{line} \\" for line in lines[:-1]] + lines[-1:], []


def _plain(text: str) -> str:
    return " ".join(text.split())
