"""HTML: a page that is well formed, needs no other file and says what the table says."""

import re
from collections import Counter
from html.parser import HTMLParser

import pytest

from grid.outputs.tables import Style
from grid.outputs.tables.formats.html import html
from grid.results.ledger import Ledger
from grid.specs import settings_checks as limits
from grid.specs.tables.shown import Tables
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import COMMAND, fill, table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


class _Cells(HTMLParser):
    """The table's rows with as many places as each row takes, counting those that reach down from above."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.widths, self.reach, self.open = [], Counter(), []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "b", "i", "small", "span"):
            self.open.append(tag)
        span = {key: int(value) for key, value in attrs if key in ("colspan", "rowspan")}
        if tag == "tr":
            self.widths.append(self.reach.pop(len(self.widths), 0))
        elif tag in ("td", "th"):
            self.widths[-1] += span.get("colspan", 1)
            for below in range(1, span.get("rowspan", 1)):
                self.reach[len(self.widths) - 1 + below] += 1

    def handle_endtag(self, tag):
        if tag not in ("b", "i", "small", "span"):
            assert self.open.pop() == tag


@pytest.mark.parametrize("paper", limits.PAPER)
def test_html_is_well_formed_needs_no_other_file_and_its_rows_are_equally_wide(ledger, paper):
    small = small_plan(table_spec())
    fill(ledger, small)
    page = html(table_of(small, ledger, Style(Tables(paper=paper), COMMAND)))
    cells = _Cells(page)
    assert cells.open == []
    assert set(cells.widths) == {2 + 2 * {"beside": 3, "difference": 2, "none": 1}[paper]}
    assert "color-scheme: light dark" in page
    assert not [word for word in ("http", "src=", "<link", "<script", "@import") if word in page]


def test_ranks_spreads_signs_and_gaps_are_marked(ledger):
    plan = small_plan(table_spec(seeds=(0, 1), paper=""))
    for seed, summary in ((0, {"unread": {"clip c": "gone"}}), (1, {})):
        finish(ledger, plan, f"adaptation-DHF1K-UCFSports-{seed}", summary=summary, NSS=1.0 + seed, CC=0.5)
    page = html(table_of(plan, ledger))
    assert '<td class="number">1.500<sup>†</sup> <small>± 0.707</small></td>' in page
    assert '<td class="number">--</td>' in page
    assert "<li>-- not trained yet: " in page
    ranked = small_plan(table_spec())
    fill(ledger, ranked)
    page = html(table_of(ranked, ledger))
    assert "<b>2.250</b>" in page
    assert "<i>2.514</i>" in page


def test_a_table_wider_than_the_page_shows_that_it_scrolls_and_keeps_its_headings_in_sight(ledger):
    plan = small_plan(table_spec())
    page = html(table_of(plan, ledger))
    assert '<div class="scroll" role="region" tabindex="0" aria-labelledby="title"><table>' in page
    assert '<h1 id="title">' in page
    style = page.partition("<style>")[2].partition("</style>")[0]
    rules = dict(re.findall(r"([^{}]+?) \{([^{}]+)\}", style))
    scroll = next(rule for name, rule in rules.items() if name.strip().endswith(".scroll"))
    assert scroll.count("local") == len(re.findall(r" scroll[,;]", scroll)) == 2, (
        "a shadow at each edge, that the ends cover"
    )
    assert "sticky" in rules["\n.block span"]
    assert "<span>Source dataset: DHF1K</span>" in page
