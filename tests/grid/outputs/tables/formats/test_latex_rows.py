"""How a table is set: a line for each row where the page has room, else the first number over the others."""

import pytest

from grid.outputs.tables.formats.latex_rows import block_lines, form_of, head
from grid.outputs.tables.table import Block, Column, Entry, Group, Missing, Row, Table


def table_of(columns, *rows, heading=""):
    """A table of one group, whose rows are (label, entries)."""
    blocks = (Block(heading, (Group("UCF Sports", tuple(Row(label, tuple(e)) for label, e in rows)),)),)
    labels = ("Target dataset", "Approach")
    return Table("t", "T", "", "", labels, columns, blocks, (), Missing("cell", 1, ()), "python", ())


def beside(*metrics):
    return tuple(Column(name, over=metric) for metric in metrics for name in ("ours", "paper", "diff."))


def numbers(n):
    return [Entry("2.483", "± 0.012", "best"), Entry("2.500", mark="second"), Entry("−0.017")] * n


@pytest.mark.parametrize(
    ("table", "wide", "stacked", "columns"),
    [
        (table_of((Column("NSS ↑"),), ("Adaptation", [Entry("2.483")])), False, False, 3),
        (table_of(beside("NSS ↑"), ("Adaptation", numbers(1))), False, False, 5),
        (table_of((Column("NSS ↑"),) * 9, ("Adaptation", [Entry("2.483")] * 9)), True, False, 11),
        (table_of(beside("NSS ↑", "CC ↑"), ("Adaptation", numbers(2))), True, False, 8),
        (table_of(beside("NSS ↑", "CC ↑", "SIM ↑"), ("Adaptation", numbers(3))), True, True, 5),
        (
            table_of((*beside("NSS ↑"), Column("ours", over="KLD ↓")), ("A" * 50, [*numbers(1), Entry("1")])),
            True,
            True,
            4,
        ),
    ],
)
def test_what_is_wider_than_a_column_takes_the_page_and_what_shares_a_metric_is_stacked(
    table, wide, stacked, columns
):
    form = form_of(table)
    assert (form.wide, form.stacked, form.columns) == (wide, stacked, columns)


def test_a_stacked_row_has_ours_over_the_papers_number_and_the_difference():
    table = table_of(beside("NSS ↑", "CC ↑", "SIM ↑"), ("Domain Adaptation", numbers(3)), heading="Source")
    form = form_of(table)
    above = r"\textbf{2.483} $\pm$ 0.012"
    below = r"\textit{2.500}\enspace $-$0.017"
    assert block_lines(table.blocks[0], form) == [
        r"\midrule",
        r"\multicolumn{5}{c}{Source} \\",
        r"\addlinespace[1pt]",
        rf"UCF Sports & Domain & {above} & {above} & {above} \\",
        rf" & Adaptation & {below} & {below} & {below} \\",
    ]
    assert [line.count("&") for line in head(table, form)] == [4, 0, 4, 4]
    assert head(table, form)[2:] == [
        r"Target & Approach & ours & ours & ours \\",
        r"dataset &  & paper\enspace diff. & paper\enspace diff. & paper\enspace diff. \\",
    ]


def test_a_line_for_each_row_has_spreads_in_smaller_type():
    table = table_of(
        (Column("NSS ↑"),), ("Adaptation", [Entry("2.483", "± 0.012", sign="†")]), ("None", [Entry("")])
    )
    assert block_lines(table.blocks[0], form_of(table))[1:] == [
        r"UCF Sports & Adaptation & 2.483$^{\dagger}$ {\scriptsize $\pm$ 0.012} \\",
        r" & None & -- \\",
    ]
