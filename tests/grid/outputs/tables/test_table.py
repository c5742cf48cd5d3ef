"""What a table says, before it is written as anything: numbers, what is missing, and a demo's warning."""

import pytest

from grid.outputs.tables.table import DEMO, Missing, Style, number
from grid.specs.tables.shown import Tables


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        (2.0, False, "2.000"),
        (-0.0001, False, "0.000"),
        (-1.5, False, "−1.500"),
        (0.0004, True, "0.000"),
        (0.25, True, "+0.250"),
        (-0.25, True, "−0.250"),
    ],
)
def test_numbers(value, signed, text):
    assert number(value, signed=signed) == text


def test_what_is_missing_is_counted_and_the_reasons_follow():
    assert Missing("cell", 4, ()).count == "4 of 4 cells have all their values."
    reasons = (("not trained yet", ("a", "b")), ("training failed", ("c",)))
    assert Missing("comparison", 4, reasons).count == "1 of 4 comparisons have all their values:"


def test_only_a_demos_table_has_a_warning():
    assert Style(Tables(), "command", demo=True).warning == DEMO
    assert Style(Tables(), "command").warning == ""
