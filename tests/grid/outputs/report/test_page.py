"""The whole page."""

import base64
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from grid.outputs.report.page import page, write_report
from grid.outputs.tables.table import DEMO
from tests.browser import chromium
from tests.grid.outputs.report.reported import grid_of, score
from tests.grid.small_ledger import small_plan, table_spec
from tests.grid.small_tables import real_plan


@pytest.fixture
def grid(tmp_path):
    plan = small_plan(table_spec())
    grid = grid_of(plan, tmp_path)
    score(grid.ledger, plan, generalization=1.0, adaptation=1.2, transfer=2.0)
    return grid


class Outline(HTMLParser):
    """What a page consists of, and whether each element that is opened is closed."""

    EMPTY = frozenset({"meta", "img", "br"})

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.headings = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append(data)


@pytest.mark.slow
def test_it_is_whole_and_needs_nothing_else(grid):
    path = write_report(grid)
    assert path == grid.out / "reports" / "domain_shift.html"
    text = path.read_text(encoding="utf-8")
    outline = Outline(text)
    assert outline.open == []
    assert outline.headings == [
        "Domain shift, 100% of it",
        "Asked and answered",
        "Tables",
        "Failures and data left out",
        "Settings",
        "Data, code and devices",
        "Commands",
    ]
    assert not re.search(r"https?://|url\(|@import", text.partition("</style>")[0])
    sources = [attrs.get("src") or attrs.get("href") for _, attrs in outline.seen]
    assert all(source.startswith(("#", "data:")) for source in sources if source)
    ids = [attrs["id"] for _, attrs in outline.seen if "id" in attrs]
    assert len(ids) == len({*ids})


@pytest.mark.slow
def test_every_table_cell_is_headed_and_every_picture_has_a_text(grid):
    seen = Outline(page(grid)).seen
    assert {attrs.get("scope") for tag, attrs in seen if tag == "th"} == {"col", "row", "rowgroup"}
    assert all(attrs.get("alt") for tag, attrs in seen if tag == "img")
    assert all(attrs.get("aria-label") for _, attrs in seen if attrs.get("role") == "region")


def test_what_users_write_is_text(grid):
    evil = "<img src=x onerror=alert(1)>"
    table = replace(grid.plan.tables[0], title=evil, caption=evil)
    text = page(replace(grid, plan=replace(grid.plan, tables=(table,)), overrides=(f"x={evil}",)))
    assert evil not in text


@pytest.mark.slow
def test_a_demo_says_so_and_begins_without_printed_numbers(grid):
    demo = grid_of(grid.plan, grid.out, demo=True)
    assert DEMO.replace("'", "&#x27;") in page(demo)
    assert '<body class="no-printed">' in page(demo)
    assert "<body>" in page(grid)
    assert "printed" in page(grid).partition('id="tables"')[0].partition("</style>")[2]
    assert "printed" not in page(demo).partition('id="tables"')[0].partition("</style>")[2].replace(
        "no-printed", ""
    )


@pytest.fixture
def browser():
    with chromium(500, 900) as found:
        yield found


def test_it_prints_on_a4_with_nothing_cut_off(grid, browser):
    """On paper nothing scrolls, and what is for the mouse alone is gone."""
    browser.get(write_report(grid).as_uri())
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # A4 less its margins, at 96 dots an inch.
    width = round((210 - 2 * 12) / 25.4 * 96)
    metrics = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    best = "return getComputedStyle(document.querySelector('#table5 .best')).printColorAdjust"
    assert browser.execute_script(best) == "exact", "or paper would not show which is best"
    wide = "return [...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > {})"
    assert browser.execute_script(f"{wide.format(width + 1)}.map(e => e.outerHTML.slice(0, 80))") == []
    shown = {name: browser.find_element("css selector", name).is_displayed() for name in ("nav", "#table5")}
    assert shown == {"nav": False, "#table5": True}
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert browser.execute_script(ground) == "rgb(255, 255, 255)"
    printed = base64.b64decode(browser.print_page())
    assert printed.startswith(b"%PDF")
    assert 1 <= printed.count(b"/Type /Page\n") <= 12


def test_tables_are_sorted_and_printed_numbers_switched_in_a_browser(grid, browser):
    browser.get(write_report(grid).as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 500, "only tables scroll"
    table = browser.find_element("css selector", "#table5")

    def values():
        cells = table.find_elements("css selector", "td:nth-child(3)")
        return [float(cell.text.split()[0]) for cell in cells]

    before = values()
    sort = table.find_elements("css selector", "thead button")[0]
    for state, expected in (
        ("descending", sorted(before, reverse=True)),
        ("ascending", sorted(before)),
        (None, before),
    ):
        sort.send_keys("\n")
        assert sort.find_element("xpath", "..").get_attribute("aria-sort") == state
        assert values() == expected
    switch = browser.find_element("css selector", "#switch")
    printed = browser.find_element("css selector", "#table5 .printed")
    for shown in (True, False, True):
        assert (printed.is_displayed(), switch.get_attribute("aria-pressed")) == (shown, str(shown).lower())
        switch.click()
    assert browser.get_log("browser") == []


def test_cells_whose_tests_are_withheld_are_cells(tmp_path):
    """Of Table 1 it said 0 of 0."""
    text = page(grid_of(real_plan("table1"), tmp_path))
    assert "<dt>cells with values</dt><dd>0 of 4</dd>" in text
