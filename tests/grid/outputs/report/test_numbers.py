"""Tables on the page."""

from grid.outputs.report.numbers import numbers
from grid.outputs.tables.others import MARK
from grid.outputs.tables.table import Block, Column, Entry, Group, Missing, Row, Table


def table(columns, *rows, heading="", **changes):
    fields = {
        "name": "table5",
        "title": "Title & more",
        "caption": "",
        "warning": "",
        "labels": ("Target", "Approach"),
        "columns": columns,
        "blocks": (Block(heading, (Group("UCF", rows),)),),
        "notes": ("A <note>",),
        "missing": Missing("cell", 2, ()),
        "command": "",
        "records": (),
    }
    return Table(**{**fields, **changes})


BESIDE = tuple(Column(name, over="NSS ↑") for name in ("ours", "paper", "diff."))


def test_ours_have_the_printed_number_and_the_difference_below():
    row = Row("DA", (Entry("1.234", "± 0.1", "best", "†"), Entry("1.300"), Entry("−0.066")))
    text = numbers(table(BESIDE, row))
    assert (
        '<td class="number" data-value="1.234"><b class="best">1.234</b><sup>†</sup> <small>± 0.1</small>'
        '<small class="printed">paper 1.300 · −0.066</small></td>'
    ) in text
    assert text.count('<th scope="col" class="number">NSS ↑</th>') == 1


def test_rows_of_others_show_what_is_printed_and_go_with_it():
    text = numbers(table(BESIDE, Row(f"ACL {MARK}", (Entry(""), Entry("2.354"), Entry("")))))
    assert '<tr class="first printed">' in text
    assert '<td class="number" data-value="2.354">2.354</td>' in text


def test_a_column_beside_printed_ones_stays_one():
    columns = (*(Column(name, over="seconds") for name in ("ours", "paper", "at best")), Column("x"))
    row = Row("HD2S", (Entry("0.1"), Entry("0.2"), Entry("0.3"), Entry("4")))
    text = numbers(table(columns, row))
    assert [text.count(f">{heading}</th>") for heading in ("seconds", "seconds at best", "x")] == [1, 1, 1]
    assert text.count("<td") == 3


def test_each_row_is_headed_and_says_its_block_when_it_is_sorted():
    rows = [Row("DG", (Entry("<0.001"),)), Row("DA", (Entry(""),))]
    text = numbers(table((Column("p"),), *rows, heading="Source: A & B"))
    assert '<th scope="rowgroup" colspan="3">Source: A &amp; B</th>' in text
    assert text.count('<span class="within">Source: A &amp; B: </span><span>UCF</span></th>') == 2
    assert 'data-value="0.001"' in text
    assert '<td class="number">--</td>' in text
    assert "Title &amp; more" in text
    assert "A &lt;note&gt;" in text


def test_what_is_missing_is_counted_right_before_the_reasons_and_not_folded_away():
    """The count ended the folded notes with a colon, and nothing followed."""
    columns = (Column("NSS"),)
    text = numbers(table(columns, missing=Missing("cell", 2, (("not trained yet", ("a", "b")),))))
    count = "<li>0 of 2 cells have all their values:</li>"
    assert f'<ul class="missing">{count}<li>-- not trained yet: a; b.</li></ul>' in text
    assert text.count(count) == 1
    assert "<li>2 of 2 cells have all their values.</li></ul></details>" in numbers(table(columns))
