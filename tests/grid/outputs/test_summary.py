"""Rows over their seeds."""

import math
from dataclasses import replace

import pytest

from grid.outputs.summary import summarised
from grid.outputs.tables.scores import Results
from grid.results.ledger import Ledger
from tests.grid.small_ledger import finish, finish_clips, small_plan, table_spec


def test_a_row_has_mean_spread_interval_and_the_papers_number(tmp_path):
    plan, ledger = small_plan(table_spec(seeds=(0, 1))), Ledger(tmp_path)
    for seed, mean in ((0, 1.0), (1, 2.0)):
        finish(ledger, plan, f"transfer-DHF1K-UCFSports-{seed}", NSS=mean, CC=0.5)
    found = {row.metric: row for row in summarised(Results(plan, ledger))}
    row = found["NSS"]
    assert (row.n_seeds, row.cell.approach, row.cell.seed) == (2, "transfer", 0)
    assert row.mean == pytest.approx(1.5)
    assert row.std == pytest.approx(math.sqrt(0.5))
    assert row.low <= row.mean <= row.high
    assert row.difference == pytest.approx(row.mean - row.printed)


def test_long_clips_weigh_more_as_in_the_mean_that_is_printed(tmp_path):
    plan, ledger = small_plan(table_spec()), Ledger(tmp_path)
    finish(ledger, plan, "transfer-DHF1K-UCFSports-0", NSS=1.0, CC=0.5)
    row = next(row for row in summarised(Results(plan, ledger)) if row.metric == "NSS")
    # Frames of 1.0 in one clip; of 0.9 and 1.1 in the other, and one without a score.
    assert row.mean == pytest.approx(1.0)
    assert row.low == pytest.approx(1.0)
    assert math.isnan(row.std)


def test_there_is_no_interval_of_clips_that_some_seed_has_not_read(tmp_path):
    """The mean, over each seed's own clips, lay outside an interval over those that both had."""
    plan, ledger = small_plan(table_spec(metrics=("NSS",), seeds=(0, 1))), Ledger(tmp_path)
    for seed, clips in enumerate(({"a": 1.0, "b": 1.25, "c": 9.0}, {"a": 1.0, "b": 1.25})):
        finish_clips(ledger, plan, f"transfer-DHF1K-UCFSports-{seed}", NSS=clips)
    row = summarised(Results(plan, ledger))[0]
    assert row.mean == pytest.approx((11.25 / 3 + 2.25 / 2) / 2)
    assert math.isnan(row.low) and math.isnan(row.high)


def test_folds_weigh_in_the_interval_as_in_the_mean(tmp_path):
    """It lay about the mean over the frames of all folds, of which the larger have more."""
    seeds, ledger = small_plan(table_spec(metrics=("NSS",), seeds=(0, 1))), Ledger(tmp_path)
    plan = replace(seeds, cells=tuple(replace(cell, seed=0, fold=cell.seed) for cell in seeds.cells))
    few, many = {"a": 1.0, "b": 1.1}, {f"{n}": 3 + n / 100 for n in range(60)}
    for fold, clips in enumerate((few, many)):
        finish_clips(ledger, plan, f"transfer-DHF1K-UCFSports-{fold}", NSS=clips)
    row = summarised(Results(plan, ledger))[0]
    assert (row.mean, row.n_seeds) == (pytest.approx((1.05 + 3.295) / 2), 2)
    assert row.low < row.mean < row.high


def test_what_has_no_value_is_no_row(tmp_path):
    plan = small_plan(table_spec())
    assert summarised(Results(plan, Ledger(tmp_path))) == []
