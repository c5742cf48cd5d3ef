"""CSV: a table's records, unrounded, and nothing else."""

import csv
import math

import pytest

from grid.outputs.tables import compile_tables
from grid.outputs.tables.formats.csv import csv as written
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, small_plan, table_spec
from tests.grid.small_tables import STYLE, table_of


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path)


def test_csv_has_a_line_for_each_row_and_metric_unrounded(ledger):
    small = small_plan(table_spec(seeds=(0, 1)))
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-1", NSS=2.0, CC=0.5)
    compile_tables(small, ledger, ledger.out, STYLE)
    with (ledger.out / "table5.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 6 * 2
    (line,) = [line for line in lines if line["approach"] == "adaptation" and line["mean"] == "1.5"]
    assert line == {
        "table": "table5",
        "sources": "DHF1K",
        "target": "UCFSports",
        "test": "UCFSports",
        "model": "hd2s",
        "approach": "adaptation",
        "variant": "",
        "label": "Domain Adaptation",
        "point": "",
        "metric": "NSS",
        "n_seeds": "2",
        "of_seeds": "2",
        "n_clips": "2",
        "n_unread": "0",
        "n_quarantined": "0",
        "n_shorter": "0",
        "n_constant": "0",
        "mean": "1.5",
        "std": str(math.sqrt(0.5)),
        # The first clip has the mean itself, the second a frame below and a frame above it.
        "per_video_mean": line["per_video_mean"],
        "paper": "2.514",
        "difference": str(1.5 - 2.514),
    }
    assert float(line["per_video_mean"]) == pytest.approx(1.5)


def test_a_text_with_commas_quotes_and_line_breaks_comes_back(ledger):
    nasty = 'UCF, "Sports"\nand more'
    table = table_of(small_plan(table_spec(targets=(nasty,), sources=("DHF1K",), paper="")), ledger)
    lines = list(csv.DictReader(written(table).splitlines(keepends=True)))
    assert {line["target"] for line in lines} == {nasty}
    assert lines[0]["mean"] == "", "what is undefined is empty"
