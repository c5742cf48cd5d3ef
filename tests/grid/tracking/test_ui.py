"""MLflow's interface as a reader of the paper meets it, in a real browser.

Asked for by HD2S_BROWSER=1, with `pip install '.[browser]'` and Chromium with its driver on the machine.
"""

import time

import numpy as np
import pytest

from grid.commands.run import summaries
from grid.evaluation import pictures
from grid.outputs.tables import Style, compile_tables
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from grid.specs.tables.shown import Tables
from grid.tracking import Tracker
from tests.browser import chromium
from tests.grid.invented import DIGESTS, complete, table5
from tests.grid.mlflow_server import serving
from tests.grid.outputs.report.reported import grid_of

METRICS = ["test/NSS", "test/CC", "test/SIM", "test/AUC-J", "test/s-AUC"]
WAIT_S, TYPED_AGAIN_AFTER_S = 60, 15


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window, of a laptop's size."""
    with chromium(1500, 1000) as found:
        yield found


class Interface:
    """A served store with Table 5's cells, as its prepared view's link opens it."""

    def __init__(self, browser, address: str, link: str, client) -> None:
        self.browser, self.address, self.client = browser, address, client
        self.route = link.partition("/#/")[2]

    def open(self, route: str) -> None:
        self.browser.get("about:blank")
        self.browser.get(f"{self.address}/#/{route}")

    def filter(self, wanted: str, shows) -> None:
        """Type a filter over the prepared view's own, again where that comes late and takes its place."""
        from selenium.webdriver.common.keys import Keys

        again_at = 0.0

        def taken() -> bool:
            nonlocal again_at
            boxes = self.elements("input[value^='tags.kind']")
            if boxes and time.monotonic() > again_at:
                again_at = time.monotonic() + TYPED_AGAIN_AFTER_S
                boxes[0].send_keys(Keys.CONTROL, "a")
                boxes[0].send_keys(wanted, Keys.ENTER)
            return shows()

        self.wait(taken, wanted)

    def wait(self, condition, what: str):
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.browser, WAIT_S, ignored_exceptions=[StaleElementReferenceException])
        return waiting.until(lambda _: condition(), what)

    def elements(self, selector: str):
        return self.browser.find_elements("css selector", selector)

    def seen(self, label: str) -> list:
        """Elements in sight whose own text contains a quoted label."""
        found = self.browser.find_elements("xpath", f"//body//*[contains(text(), {label})]")
        return [element for element in found if element.is_displayed()]

    def text(self) -> str:
        return self.browser.find_element("css selector", "body").text

    def names(self) -> list[str]:
        """The names of the runs in the table."""
        return [element.text for element in self.elements("[col-id*='Run Name'] a") if element.text]

    def run_id(self, tag: str) -> str:
        (run,) = self.client.search_runs(["1"], f"tags.id = '{tag}'")
        return run.info.run_id


@pytest.fixture(scope="module")
def interface(browser, tmp_path_factory):
    from mlflow import MlflowClient

    out = tmp_path_factory.mktemp("runs")
    plan, ledger = table5(), Ledger(out)
    complete(plan, ledger)
    drawn = pictures.draw(
        np.full((64, 64, 3), 90, np.uint8),
        np.array([[20, 20]]),
        np.eye(64, dtype=np.uint8) * 255,
        np.ones((64, 64), np.float32),
        "clip1",
    )
    for evaluation in plan.evaluations:
        pictures.keep(Storage(folder=str(out)), evaluation, {"clip1": drawn})
    tables = compile_tables(plan, ledger, out / "tables", Style(Tables(), "command", True))
    tracker = Tracker(None, out, "domain_shift")
    tracker.start_grid(plan, {}, DIGESTS)
    tracker.sync(plan, ledger)
    tracker.log_summaries(summaries(grid_of(plan, out)))
    tracker.finish_grid("FINISHED", tables)
    link = tracker.link("table5")
    tracker.close()
    assert tracker.warnings == []
    with serving(tracker.uri) as (_, address):
        browser.get(address)
        # It would cover a quarter of the page.
        browser.execute_script("localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false')")
        browser.execute_script(
            "localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true')"
        )
        yield Interface(browser, address, link, MlflowClient(tracker.uri))


@pytest.mark.timeout(900)
def test_a_tables_cells_are_rows_with_five_metrics_as_columns(interface):
    interface.open(interface.route)
    interface.wait(lambda: "18 matching runs" in interface.text(), "all cells")
    headings = interface.wait(
        lambda: [e.text for e in interface.elements(".ag-header-cell-text, .ag-header-cell") if e.text],
        "the headings",
    )
    assert [metric for metric in METRICS if metric in headings] == METRICS, "in sight, without scrolling"
    assert "DHF1K → UCFSports, adaptation" in interface.names()


def test_cells_are_filtered_by_table_source_and_target(interface):
    interface.open(interface.route)
    approaches = ("generalization", "adaptation", "transfer")
    expected = {f"DHF1K → UCFSports, {approach}, seed 0" for approach in approaches}
    interface.filter(
        "tags.table='table5' and tags.kind='cell' and tags.source='DHF1K' and tags.target='UCFSports'",
        lambda: "3 matching runs" in interface.text() and set(interface.names()) == expected,
    )


def test_gradient_reversal_is_compared_with_none(interface):
    interface.open(f"{interface.route}&compareRunsMode=CHART")
    interface.filter(
        "tags.kind='summary' and tags.approach != 'transfer'",
        lambda: "12 matching runs" in interface.text(),
    )
    told = ("Parallel Coordinates", "approach", *METRICS)
    interface.wait(lambda: all(word in interface.text() for word in told), "the chart and its axes")
    pictures_shown = (
        "return [...document.images].some(i => i.src.includes('pictures') && i.naturalWidth > 99)"
    )
    (heading,) = interface.wait(
        lambda: interface.browser.find_elements("xpath", "//*[text()='pictures']/.."), "pictures"
    )
    interface.browser.execute_script("arguments[0].scrollIntoView()", heading)
    interface.wait(lambda: interface.browser.execute_script(pictures_shown), "their pictures")


def test_the_grids_tables_are_rendered(interface):
    run = interface.run_id("domain_shift")
    interface.open(f"experiments/1/runs/{run}/artifacts/tables/table5.html")
    frame = interface.wait(lambda: interface.elements("iframe"), "the page")[0]
    interface.browser.switch_to.frame(frame)
    interface.wait(lambda: "Domain Generalization" in interface.text(), "its rows")
    interface.browser.switch_to.default_content()
    interface.open(f"experiments/1/runs/{run}/artifacts/tables/table5.json")
    interface.wait(lambda: "UCFSports" in interface.text() and "metric" in interface.text(), "the records")


def test_a_cells_picture_is_rendered(interface):
    cells = interface.client.search_runs(["1"], "tags.kind = 'cell'", max_results=1)
    interface.open(f"experiments/1/runs/{cells[0].info.run_id}/artifacts")
    for label in ("'images'", "'.png'"):
        interface.wait(lambda label=label: interface.seen(label), label)[0].click()
    script = "return [...document.images].some(image => image.naturalWidth === 288)"
    interface.wait(lambda: interface.browser.execute_script(script), "the picture")
