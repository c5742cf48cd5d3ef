"""What stands below a table of values: what its reader needs, apart from what is for whoever works on it."""

import pytest

from grid.outputs.tables.formats.html import html
from grid.outputs.tables.formats.markdown import markdown
from grid.results.ledger import Ledger
from tests.grid.small_ledger import small_plan, table_spec
from tests.grid.small_tables import fill, table_of


@pytest.fixture
def table(tmp_path):
    plan, ledger = small_plan(table_spec()), Ledger(tmp_path)
    fill(ledger, plan)
    return table_of(plan, ledger)


def test_a_reader_is_told_what_the_numbers_are_and_nothing_of_files(table):
    assert [note.partition(":")[0] for note in table.notes[:4]] == ["Ours", "Paper", "Bold", "Test data"]
    assert not [note for note in table.notes if ".csv" in note or "Otherwise" in note]


def test_working_notes_say_what_departs_and_where_more_is(table):
    assert table.working[-1] == "The mean over the means of clips is in the CSV file, as per_video_mean."
    assert all(note.startswith("Otherwise than in the paper: ") for note in table.working[:-1])
    assert len(table.working) > 1


@pytest.mark.parametrize("render", [markdown, html])
def test_pages_for_work_have_both(table, render):
    text = render(table)
    assert "The mean over the means of clips is in the CSV file" in text
    assert "Ours: frame mean" in text
