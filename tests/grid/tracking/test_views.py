"""Prepared views of MLflow's runs table: their layout is undocumented, so that it is pinned here."""

import base64
import json
import zlib
from dataclasses import replace

from grid.specs.table import Variant
from grid.tracking.runs import RunStore
from grid.tracking.views import (
    description,
    metric_name,
    offer_views,
    seeds_state,
    summary_names,
    view_key,
    view_route,
    view_state,
    view_tag,
)
from tests.grid.invented import table5
from tests.grid.small_ledger import small_plan, table_spec

TABLE = table5().tables[0]


def test_the_tag_of_a_view_is_pinned():
    key, value = view_tag("domain_shift.table5", view_state("domain_shift", TABLE), now_ms=5)
    envelope = json.loads(value)
    assert key == "mlflow.sharedViewState.domain_shift.table5"
    assert set(envelope) == {"name", "createdAt", "updatedAt", "state"}
    assert envelope["createdAt"] == 5
    state = view_state("domain_shift", TABLE)
    assert state["searchFilter"] == (
        "tags.kind='summary' and tags.grid='domain_shift' and tags.table='table5'"
    )
    assert state["orderByKey"] == "metrics.`test/NSS`"
    assert state["orderByAsc"] is False
    assert len(value) < 20_000  # MLflow's limit
    packed = base64.b64decode(envelope["state"].removeprefix("deflate;"))
    assert json.loads(zlib.decompress(packed)) == state


def test_columns_are_the_metrics_and_then_what_a_cell_is_found_by():
    state = seeds_state("domain_shift", TABLE)
    metrics = [f"metrics.`test/{metric}`" for metric in TABLE.metrics]
    axes = [f"params.`{axis}`" for axis in ("source", "target", "test", "approach", "seed")]
    assert state["selectedColumns"] == [*metrics, *axes]
    assert state["columnOrder"] == ["attributes.`Run Name`", *metrics, *axes]
    assert state["columnWidths"].keys() == {*state["columnOrder"]}
    parallel, *pictures = state["compareRunCharts"]
    assert parallel["selectedMetrics"] == [metric_name(metric) for metric in TABLE.metrics]
    assert parallel["selectedParams"] == ["test", "approach"]
    assert [picture["imageKeys"] for picture in pictures] == [[f"pictures/{i}"] for i in (1, 2, 3)]
    sections = [section["uuid"] for section in state["compareRunSections"]]
    assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} == {*sections}


def test_a_sweep_and_variants_are_columns_and_what_is_selected_by_too():
    variants = (Variant("", ()), Variant("fast", ("train.lr=0.1",)))
    table = replace(TABLE, sweep=(("train.lr", ("1e-3", "2e-3")),), variants=variants)
    state = seeds_state("grid", table)
    assert {"params.`train.lr`", "params.`variant`", "metrics.`val/kld`"} <= set(state["selectedColumns"])
    assert state["compareRunCharts"][0]["selectedParams"] == ["variant", "train.lr", "test", "approach"]
    assert "metrics.`val/kld`" not in seeds_state("grid", TABLE)["selectedColumns"]


def test_rows_are_shown_over_their_seeds_first_and_seeds_beside():
    table = replace(TABLE, seeds=(0, 1), sweep=(("train.lr", ("1e-3", "2e-3")),))
    state = view_state("grid", table)
    names = [column.partition(".")[2].strip("`") for column in state["selectedColumns"]]
    metrics = [metric_name(metric) for metric in TABLE.metrics]
    assert names == [*metrics, "test/NSS.std", "n_seeds", "source", "target", "test", "approach"]
    assert "kind='cell'" in seeds_state("grid", table)["searchFilter"]
    assert summary_names("CC") == {
        "mean": "test/CC",
        **{part: f"test/CC.{part}" for part in ("std", "low", "high", "printed", "difference")},
    }


def test_an_experiments_description_leads_to_its_reports_first():
    tags = {"mlflow.sharedViewState.a.table5": "", "hd2s.report.a": "#/experiments/1/runs/x/artifacts/r.html"}
    lines = description("1", tags).splitlines()
    assert lines[0].endswith(" adds one. **[Report of a](#/experiments/1/runs/x/artifacts/r.html)**:")
    assert lines[2].startswith("- [a.table5](")


def test_a_route_leads_to_the_views_key_whatever_the_table_is_called():
    assert view_route("1", "grid", "table5").endswith(f"viewStateShareKey={view_key('grid', 'table5')}")
    assert view_route("7", "my grid", "a&b") == (
        "/#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=my%20grid.a%26b"
    )


def test_views_of_ours_follow_the_grid_and_a_readers_stay(new_store, tmp_path):
    uri = new_store(tmp_path)
    one, two = (small_plan(table_spec(seeds=seeds)) for seeds in ((0,), (0, 1)))
    tag = "mlflow.sharedViewState.mine.table5"

    def offered(plan):
        store = RunStore(uri, "experiment", tmp_path / "artifacts")
        offer_views(store, "mine", plan)
        return store.client, store.experiment_id, store.client.get_experiment(store.experiment_id).tags

    _, _, first = offered(one)
    client, experiment, second = offered(two)
    wanted = view_tag("", view_state("mine", two.tables[0]), 0)[1]
    assert json.loads(second[tag])["state"] == json.loads(wanted)["state"]
    assert second[tag] != first[tag]
    assert offered(two)[2] == second
    for readers in (json.dumps(json.loads(first[tag]) | {"updatedAt": 1}), "[]", "no JSON"):
        client.set_experiment_tag(experiment, tag, readers)
        assert offered(two)[2][tag] == readers
