"""Views of MLflow's runs table prepared for comparison: one per table of the paper.

MLflow's own table shows no metrics and folds child runs away, so a reader would have to build the
comparison by hand. Its interface can save a view as a tag of the experiment; the layout of that tag is
undocumented and was read from the interface's own code in MLflow 3.17 (the share button writes the same),
which is why a test pins it.
"""

from __future__ import annotations

import base64
import json
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from grid.plan import Plan
from grid.specs.table import TableSpec
from grid.tracking.runs import NOTE_BEGINS, RunStore
from hd2s.approaches.registry import approaches
from manifests.escaping import markdown

TAG_PREFIX = "mlflow.sharedViewState."
REPORT_PREFIX = "hd2s.report."
"""What tags of an experiment begin with that lead to a grid's page."""
AXES = ("source", "target", "test", "approach", "seed")
PICTURES = tuple(f"pictures/{i}" for i in (1, 2, 3))
"""The names of a cell's pictures: one for each of the clips drawn (`grid.evaluation.pictures.shown`)."""
SUMMARY = "summary"
"""The kind of a run that is over the seeds of a table's row."""
N_SEEDS = "n_seeds"
SELECTION = "val/kld"
"""What the points of a sweep are chosen by."""
OF_PAPER = ("printed", "difference")
"""What of a summary is the paper's, or set against it."""
# MLflow keeps 5,000 characters of a description.
_MOST_LINKS = 30
_NAME_COLUMN = "attributes.`Run Name`"
# In pixels, so that names of cells and five metrics, then axes, fit on a laptop's screen.
_AXIS_WIDTHS = {"approach": 115, "variant": 150, "seed": 60}
_NAME_WIDTH, _METRIC_WIDTH, _OTHER_WIDTH = 300, 80, 100


def metric_name(metric: str) -> str:
    """Name a test metric in MLflow; what stands before the slash becomes a section of charts."""
    return f"test/{metric}"


def difference_names(metric: str) -> tuple[str, str]:
    """Name a metric's difference from the approach that is improved on, and its p, in MLflow."""
    return f"difference/{metric}", f"p/{metric}"


def summary_names(metric: str) -> dict[str, str]:
    """Name in MLflow what a row says of a metric: field of a summary → name."""
    whole = metric_name(metric)
    return {"mean": whole} | {part: f"{whole}.{part}" for part in ("std", "low", "high", *OF_PAPER)}


def view_key(grid: str, table: str) -> str:
    """Name a table's view in tags and links."""
    return f"{grid}.{table}"


def view_state(grid: str, table: TableSpec) -> dict[str, Any]:
    """Show a table's rows over their seeds, best first by its first metric, with metrics and axes as columns.

    Its charts begin with one in which every row is a line through its axes and metrics.
    """
    spread = [summary_names(table.metrics[0])["std"]] if len(table.seeds) > 1 else []
    shown = [*map(metric_name, table.metrics), *spread, N_SEEDS]
    return _compared(grid, table, SUMMARY, shown=shown, axes=[axis for axis in AXES if axis != "seed"])


def seeds_state(grid: str, table: TableSpec) -> dict[str, Any]:
    """Show a table's cells likewise: a row for each seed and point of a sweep."""
    swept = [key for key, _ in table.sweep]
    shown = [*map(metric_name, table.metrics), *([SELECTION] if swept else [])]
    return _compared(grid, table, "cell", shown=shown, axes=[*AXES], swept=swept)


def _compared(
    grid: str, table: TableSpec, kind: str, *, shown: list[str], axes: list[str], swept: Sequence[str] = ()
) -> dict[str, Any]:
    varied = ["variant"] if len(table.variants) > 1 else []
    several = ["model"] if len(table.models) > 1 else []
    axes = [*axes, *several, *varied, *swept]
    metrics = [metric_name(metric) for metric in table.metrics]
    columns = [*_columns("metrics", shown), *_columns("params", axes)]
    widths = [_METRIC_WIDTH] * len(shown) + [_AXIS_WIDTHS.get(axis, _OTHER_WIDTH) for axis in axes]
    return {
        "searchFilter": f"tags.kind='{kind}' and tags.grid='{grid}' and tags.table='{table.name}'",
        "orderByKey": f"metrics.`{metrics[0]}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [_NAME_COLUMN, *columns],
        "columnWidths": {_NAME_COLUMN: _NAME_WIDTH, **dict(zip(columns, widths, strict=True))},
        # Charts leave out all but the first ten runs unless told otherwise.
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [
            _section("cells", columns=1, height=440),
            _section("pictures", columns=3, height=640),
        ],
        "compareRunCharts": [
            _parallel([*several, *varied, *swept, "test", "approach"], shown),
            *map(_picture, PICTURES),
        ],
    }


def prepared_views(grid: str, plan: Plan) -> dict[str, dict[str, Any]]:
    """Return a grid's views by their keys: each table's rows, its seeds, what approaches gain, trainings."""
    found = {view_key(grid, table.name): view_state(grid, table) for table in plan.tables}
    found |= {view_key(grid, f"{table.name}.seeds"): seeds_state(grid, table) for table in plan.tables}
    for table in plan.tables:
        improving = [word for word in table.approaches if approaches()[word].improves_on in table.approaches]
        for word in improving:
            found[view_key(grid, f"{table.name}.{word}")] = _gains(grid, table, word)
    found[view_key(grid, "trainings")] = _list_of(
        f"tags.kind='training' and tags.grid='{grid}'",
        ["training/best_kld", "training/seconds", "val/kld"],
        [axis for axis in AXES if axis != "test"],
        ascending=True,
    )
    return found


def _gains(grid: str, table: TableSpec, approach: str) -> dict[str, Any]:
    """Show the cells of one approach with their differences from the one that it improves on."""
    told = f"tags.kind='cell' and tags.grid='{grid}' and tags.table='{table.name}'"
    told += f" and tags.approach='{approach}'"
    names = [name for metric in table.metrics for name in difference_names(metric)]
    return _list_of(told, names, list(AXES), ascending=False)


def _list_of(told: str, metrics: list[str], axes: list[str], *, ascending: bool) -> dict[str, Any]:
    columns = [*_columns("metrics", metrics), *_columns("params", axes)]
    return {
        "searchFilter": told,
        "orderByKey": f"metrics.`{metrics[0]}`",
        "orderByAsc": ascending,
        "selectedColumns": columns,
        "columnOrder": [_NAME_COLUMN, *columns],
        "columnWidths": {_NAME_COLUMN: _NAME_WIDTH},
        "runsHiddenMode": "SHOW_ALL",
    }


def description(experiment_id: str, tags: Mapping[str, str]) -> str:
    """Describe an experiment by links to its prepared views, in MLflow's Markdown."""
    keys = sorted(key.removeprefix(TAG_PREFIX) for key in tags if key.startswith(TAG_PREFIX))[:_MOST_LINKS]
    links = [f"- [{markdown(key)}]({route(experiment_id, key).removeprefix('/')})" for key in keys]
    reports = [
        f"**[Report of {markdown(key.removeprefix(REPORT_PREFIX))}]({page})**"
        for key, page in sorted(tags.items())
        if key.startswith(REPORT_PREFIX)
    ]
    # The first line is all that is shown of it until it is unfolded.
    first = ". ".join([f"{NOTE_BEGINS}, renewed by every run that adds one", *reports])
    return "\n".join([f"{first}:", "", *links])


def view_tag(key: str, state: Mapping[str, Any], now_ms: int) -> tuple[str, str]:
    """Make the experiment tag (key, value) by which MLflow offers a view."""
    packed = zlib.compress(json.dumps(state).encode())
    envelope = {
        "name": key,
        "createdAt": now_ms,
        "updatedAt": now_ms,
        "state": "deflate;" + base64.b64encode(packed).decode(),
    }
    return TAG_PREFIX + key, json.dumps(envelope)


def offer_views(store: RunStore, grid: str, plan: Plan) -> None:
    """Offer a grid's prepared views, in place of ours of before; what a reader has saved since stays."""
    now = int(time.time() * 1000)
    for key, state in prepared_views(grid, plan).items():
        tag, view = view_tag(key, state, now)
        there = store.experiment_tags.get(tag)
        if there is None or _ours_is_old(there, view):
            store.tag_experiment(tag, view)


def _ours_is_old(there: str, view: str) -> bool:
    """Whether a view is ours and shows something else: the interface notes when it saves one again."""
    try:
        before, now = json.loads(there), json.loads(view)
        return before["createdAt"] == before["updatedAt"] and before["state"] != now["state"]
    except (ValueError, KeyError, TypeError):
        return False


def view_route(experiment_id: str, grid: str, table: str) -> str:
    """Where the interface shows the view, as a path on the server."""
    return route(experiment_id, view_key(grid, table))


def route(experiment_id: str, key: str) -> str:
    """Where the interface shows the view of a key."""
    shared = quote(key, safe="")
    return f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={shared}"


def prepared(uri: str) -> list[tuple[str, str]]:
    """List the views that a store's experiments offer: (name, path on the server) of each."""
    from mlflow import MlflowClient  # noqa: PLC0415 - it takes more than a second

    return [
        (key.removeprefix(TAG_PREFIX), route(found.experiment_id, key.removeprefix(TAG_PREFIX)))
        for found in MlflowClient(tracking_uri=uri).search_experiments()
        for key in sorted(found.tags)
        if key.startswith(TAG_PREFIX)
    ]


def _section(name: str, *, columns: int, height: int) -> dict[str, Any]:
    """Describe a section of charts, of a height in pixels; MLflow adds its own for all other metrics."""
    switches = {"display": True, "isReordered": False, "deleted": False, "isGenerated": False}
    return {"uuid": name, "name": name, **switches, "columns": columns, "cardHeight": height}


def _chart(name: str, kind: str, section: str) -> dict[str, Any]:
    switches = {"deleted": False, "isGenerated": False, "runsCountToCompare": 100}
    return {"uuid": name, "type": kind, "metricSectionId": section, **switches}


def _parallel(params: list[str], metrics: list[str]) -> dict[str, Any]:
    """Describe a chart of parallel coordinates, in which every cell is a line."""
    chosen = {"selectedParams": params, "selectedMetrics": metrics, "showAllRuns": True}
    return {**_chart("parallel", "PARALLEL", "cells"), **chosen}


def _picture(key: str) -> dict[str, Any]:
    """Describe a chart of one picture of each cell."""
    return {**_chart(key, "IMAGE", "pictures"), "imageKeys": [key], "step": 0, "showRunParams": False}


def _columns(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]
