"""How a table is written down: its structure, and one small renderer for each format."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

DIGITS = 3


@dataclass(frozen=True)
class Entry:
    """One number; None where there is none."""

    value: float | None
    best: bool = False


@dataclass(frozen=True)
class Row:
    """One approach: an entry for each metric, ours and the paper's."""

    label: str
    ours: tuple[Entry, ...]
    paper: tuple[Entry, ...]


@dataclass(frozen=True)
class Group:
    """Rows that compete for the best value."""

    label: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Block:
    """Groups under one heading."""

    heading: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Table:
    """All that a table says, in plain text.

    Attributes:
        warning: what must be known before any number is read, or empty.
        headings: of the two columns of labels.
        with_paper: whether the paper's numbers stand beside ours.
        missing: for each reason, the cells that it keeps from having all their values.
        command: writes the table again.
    """

    name: str
    title: str
    caption: str
    warning: str
    headings: tuple[str, str]
    metrics: tuple[str, ...]
    with_paper: bool
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    n_cells: int
    missing: tuple[tuple[str, tuple[str, ...]], ...]
    command: str

    @property
    def count(self) -> str:
        """How many cells have their values."""
        n_missing = sum(len(cells) for _, cells in self.missing)
        return f"{self.n_cells - n_missing} of {self.n_cells} cells have all their values"

    def columns(self, row: Row) -> list[tuple[Entry, bool]]:
        """List a row's entries from left to right, each with whether it is the paper's."""
        if not self.with_paper:
            return [(entry, False) for entry in row.ours]
        pairs = zip(row.ours, row.paper, strict=True)
        return [column for ours, paper in pairs for column in ((ours, False), (paper, True))]


def latex(table: Table) -> str:
    """Write a LaTeX table environment that needs the packages booktabs and graphicx."""
    width = 2 + len(table.metrics) * (2 if table.with_paper else 1)
    body = []
    for block in table.blocks:
        body += [r"\midrule", rf"\multicolumn{{{width}}}{{c}}{{{_tex(block.heading)}}} \\", r"\midrule"]
        for n, group in enumerate(block.groups):
            body += [r"\addlinespace"] if n else []
            body += [_tex_row(group.label if not k else "", row, table) for k, row in enumerate(group.rows)]
    warning = [rf"\textbf{{{_tex(table.warning)}}}"] if table.warning else []
    caption = " ".join([*warning, f"{_tex(table.title)}.", _tex(table.caption)]).rstrip()
    return "\n".join(
        [
            f"% Needs the packages booktabs and graphicx. Regenerate with: {table.command}",
            r"\begin{table}[t]",
            r"\centering",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{re.sub('[^A-Za-z0-9-]', '-', table.name)}}}",
            r"\vspace{\smallskipamount}",
            r"\sbox0{%",
            rf"\begin{{tabular}}{{@{{}}ll{'c' * (width - 2)}@{{}}}}",
            r"\toprule",
            *_tex_head(table),
            *body,
            r"\bottomrule",
            r"\end{tabular}}%",
            # Too wide a table shrinks; one that fits keeps its size.
            r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
            *_tex_notes(table),
            r"\end{table}",
            "",
        ]
    )


def _tex_head(table: Table) -> list[str]:
    labels = " & ".join(_tex(heading) for heading in table.headings)
    metrics = [_tex(metric) for metric in table.metrics]
    if not table.with_paper:
        return [" & ".join([labels, *metrics]) + r" \\"]
    over = "".join(rf" & \multicolumn{{2}}{{c}}{{{metric}}}" for metric in metrics)
    rules = "".join(rf"\cmidrule(lr){{{3 + 2 * n}-{4 + 2 * n}}}" for n in range(len(metrics)))
    return [rf"&{over} \\", rules, labels + r" & ours & \textit{paper}" * len(metrics) + r" \\"]


def _tex_row(label: str, row: Row, table: Table) -> str:
    numbers = []
    for entry, printed in table.columns(row):
        number = _number(entry).replace("-", "$-$") if entry.value is not None else "--"
        number = rf"\textit{{{number}}}" if printed else number
        numbers.append(rf"\textbf{{{number}}}" if entry.best else number)
    return " & ".join([_tex(label), _tex(row.label), *numbers]) + r" \\"


def _tex_notes(table: Table) -> list[str]:
    lines = [rf"\textbf{{{_tex(table.warning)}}}"] if table.warning else []
    lines += [_tex(note) for note in (*table.notes, f"{table.count}{':' if table.missing else '.'}")]
    lines += [f"-- {_tex(reason)}: {_tex('; '.join(cells))}." for reason, cells in table.missing]
    lines.append(rf"Regenerate with: \texttt{{{_tex(table.command)}}}")
    return [
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\scriptsize\raggedright",
        " \\\\\n".join(lines),
        r"\end{minipage}",
    ]


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"''",
    "`": r"\textasciigrave{}",
    "→": r"$\rightarrow$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "σ": r"$\sigma$",
    "λ": r"$\lambda$",
    **{character: rf"\{character}" for character in "&%$#_{}"},
}


def _tex(text: str) -> str:
    """Plain text for LaTeX; hyphens side by side stay hyphens."""
    escaped = "".join(_TEX.get(character, character) for character in " ".join(text.split()))
    return re.sub(r"-(?=-)", "-{}", escaped)


def markdown(table: Table) -> str:
    """Write a GitHub-flavoured Markdown page with the table and its footnotes."""
    head = [*map(_md, table.headings)]
    for metric in table.metrics:
        head += [_md(metric), f"{_md(metric)} *paper*"] if table.with_paper else [_md(metric)]
    rows = [head]
    for block in table.blocks:
        rows.append([f"**{_md(block.heading)}**", *[""] * (len(head) - 1)])
        for group in block.groups:
            for n, row in enumerate(group.rows):
                numbers = (_md_number(entry, printed) for entry, printed in table.columns(row))
                rows.append(["" if n else _md(group.label), _md(row.label), *numbers])
    lines = [f"# {_md(table.title)}", ""]
    lines += [f"**{_md(table.warning)}**", ""] if table.warning else []
    lines += [_md(table.caption), ""] if table.caption else []
    lines += [*_aligned(rows), ""]
    lines += [f"- {_md(note)}" for note in table.notes]
    lines += [f"- {table.count}{':' if table.missing else '.'}"]
    lines += [f"  - `--` {_md(reason)}: {_md('; '.join(cells))}." for reason, cells in table.missing]
    return "\n".join([*lines, f"- Regenerate with `{table.command}`", ""])


def _md_number(entry: Entry, printed: bool) -> str:
    if entry.value is None:
        return "--"
    number = f"*{_number(entry)}*" if printed else _number(entry)
    return f"**{number}**" if entry.best else number


def _aligned(rows: list[list[str]]) -> list[str]:
    """Write a table whose source reads as a table too, with its numbers to the right."""
    # A block's heading stands alone in its row, so it need not widen the first column.
    widths = [max(len(row[n]) for row in rows if any(row[1:])) for n in range(len(rows[0]))]
    alignments = "<<" + ">" * (len(widths) - 2)
    columns = list(zip(alignments, widths, strict=True))
    rules = [f"{'-' * (width - 1)}{':' if side == '>' else '-'}" for side, width in columns]
    return [
        f"| {' | '.join(f'{text:{side}{width}}' for text, (side, width) in zip(row, columns, strict=True))} |"
        for row in (rows[0], rules, *rows[1:])
    ]


def _md(text: str) -> str:
    return re.sub(r"([\\`*_<>|\[\]#])", r"\\\1", " ".join(text.split()))


def _number(entry: Entry) -> str:
    return f"{entry.value:z.{DIGITS}f}"


RENDERERS: Mapping[str, Callable[[Table], str]] = {".tex": latex, ".md": markdown}
"""The formats that tables are written in, by the file's suffix."""
