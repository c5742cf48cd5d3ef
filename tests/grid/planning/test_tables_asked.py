"""Columns and order of tables that no table can follow are told before anything is compiled."""

from dataclasses import replace

import pytest

from grid.planning.tables_asked import table_problems
from grid.specs import grid_reader, settings_reader
from grid.specs.plugins import load
from grid.specs.tables.shown import Tables
from hd2s.metrics.definitions import find_metric
from tests.grid.plans import FROM_SCRATCH
from tests.plugged import OURS


def told(grid="paper", **shown):
    config = replace(settings_reader.load([FROM_SCRATCH], demo=False), tables=Tables(**shown))
    return "\n".join(map(str, table_problems(grid_reader.load(grid), config)))


def test_what_tables_have_may_be_asked_for():
    assert told() == ""
    assert told(columns=("KLD", "NSS"), order=("KLD",)) == ""
    assert told(order=("transfer", "Hollywood2", "hd2s")) == ""
    assert told("table3", order=("+ conspicuity 1",)) == ""


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"columns": ("NNS",)}, "tables.columns: expected a known metric, found 'NNS'. Did you mean NSS?"),
        ({"columns": ("NSS", "NSS")}, "different metrics, one or more"),
        ({"columns": (["NSS"],)}, "tables.columns: expected a list of words, found [['NSS']]"),
        ({"columns": ()}, "different metrics, one or more"),
        ({"order": ("transfr",)}, "found 'transfr'. Did you mean transfer?"),
        ({"order": ("NSS", "transfer")}, "one metric alone, or words of rows"),
        ({"order": ("KLD",)}, "tables.order: expected an approach"),
        ({"order": ("s-AUC",)}, "a metric that table6 shows"),
        ({"gap": True}, "tables.gap: expected a table with rows of source and target, found none"),
        ({"columns": ("CC",), "order": ("NSS",)}, "or a metric that it shows, found 'NSS'"),
    ],
)
def test_what_they_have_not_is_told(shown, found):
    assert found in told(**shown)


def test_a_plug_ins_metric_is_scored_for_the_tables_alone_that_name_it():
    load([OURS])
    assert "a metric that is scored for table5, table6, table7, found 'hits'" in told(columns=("NSS", "hits"))


def test_stopping_is_told_where_no_table_has_a_sweep():
    config = settings_reader.load([FROM_SCRATCH, "sweep.stop=asha"], demo=False)
    (problem,) = table_problems(grid_reader.load("table5"), config)
    assert str(problem).startswith("sweep.stop: expected a table with a sweep, to stop points of")


def test_a_plug_ins_metric_that_scores_no_frame_is_told_before_anything_is_trained(monkeypatch):
    load([OURS])
    hits = find_metric("hits")
    spec = grid_reader.load("table5")
    spec = replace(spec, tables=tuple(replace(table, metrics=("NSS", "hits")) for table in spec.tables))
    config = settings_reader.load([FROM_SCRATCH], demo=False)
    assert table_problems(spec, config) == []
    scores = hits.of_frame
    object.__setattr__(hits, "of_frame", lambda frame: frame.saliency.values)
    try:
        (problem,) = table_problems(spec, config)
    finally:
        object.__setattr__(hits, "of_frame", scores)
    assert "metric hits of " in problem.where
    assert "metric hits: expected a number, found TypeError" in problem.found
