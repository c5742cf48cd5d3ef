"""Markdown: a table that reads as one in its source too."""

from dataclasses import replace

import pytest

from grid.outputs.tables.formats.markdown import markdown
from grid.outputs.tables.table import Entry
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import STYLE, fill, table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def rows_of(text):
    return [line for line in text.splitlines() if line.startswith("|")]


def test_columns_are_aligned_and_each_row_has_all_of_them(ledger):
    plan = small_plan(table_spec())
    fill(ledger, plan)
    heading, rule, *rows = rows_of(markdown(table_of(plan, ledger)))
    assert heading.split("|")[1].strip() == "Target dataset"
    assert {row.count("|") for row in (heading, rule, *rows)} == {2 + 2 + 2 * 3 - 1}
    assert rule.count(":") == 2 * 3, "numbers stand to the right"
    assert len({len(row) for row in (heading, rule, *rows) if "Source" not in row}) == 1


def test_ranks_spreads_signs_and_gaps_are_written(ledger):
    plan = small_plan(table_spec(seeds=(0, 1), paper=""))
    for seed, summary in ((0, {"unread": {"clip c": "gone"}}), (1, {})):
        finish(ledger, plan, f"adaptation-DHF1K-UCFSports-{seed}", summary=summary, NSS=1.0 + seed, CC=0.5)
    text = markdown(table_of(plan, ledger))
    assert "1.500† ± 0.707" in text
    assert "  - `--` not trained yet: " in text
    ranked = small_plan(table_spec())
    fill(ledger, ranked)
    text = markdown(table_of(ranked, ledger))
    assert "**2.250**" in text
    assert "*2.514*" in text


def test_what_stands_beside_a_number_is_text_as_well(ledger):
    """As the worst pair's place, in which a variant's label stands."""
    table = table_of(small_plan(table_spec()), ledger)
    (block,) = table.blocks[:1]
    (group,) = block.groups[:1]
    row = replace(group.rows[0], entries=(Entry("3 %", "A to B, <x|y*>"),) * len(table.columns))
    table = replace(table, blocks=(replace(block, groups=(replace(group, rows=(row,)),)),))
    *_, written = rows_of(markdown(table))
    assert r"3 % A to B, \<x\|y\*\> " in written


@pytest.mark.parametrize(
    ("command", "written"), [("python a.py", "`python a.py`"), ("echo `date`", "`` echo `date` ``")]
)
def test_a_command_is_code_whatever_stands_in_it(ledger, command, written):
    style = replace(STYLE, command=command)
    text = markdown(table_of(small_plan(table_spec()), ledger, style))
    assert text.endswith(f"- Regenerate with {written}\n")
