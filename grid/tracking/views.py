"""Views of MLflow's runs table prepared for comparison: one per table of the paper.

MLflow's own table shows no metrics and folds child runs away, so a reader would have to build the
comparison by hand. Its interface can save a view as a tag of the experiment; the layout of that tag is
undocumented and was read from the interface's own code in MLflow 3.17 (the share button writes the same),
which is why a test pins it.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from grid.plan import Cell, Training
    from grid.tablespec import TableSpec

TAG_PREFIX = "mlflow.sharedViewState."
AXES = ("source", "target", "test", "approach", "seed")
# Okabe and Ito's palette, told apart by colour-blind readers too.
COLOURS = {"generalization": "#0072B2", "adaptation": "#D55E00", "transfer": "#009E73"}
OTHER_COLOUR = "#999999"


def metric_name(metric: str) -> str:
    """Name a test metric in MLflow; what stands before the slash becomes a section of charts."""
    return f"test/{metric}"


def view_key(grid: str, table: str) -> str:
    """Name a table's view in tags and links."""
    return f"{grid}.{table}"


def view_state(grid: str, table: TableSpec) -> dict[str, Any]:
    """Show a table's cells as rows, best first by its first metric, with axes and metrics as columns."""
    first = metric_name(table.metrics[0])
    columns = [*_columns("params", AXES), *_columns("metrics", map(metric_name, table.metrics))]
    return {
        "searchFilter": f"tags.kind='cell' and tags.grid='{grid}' and tags.table='{table.name}'",
        "orderByKey": f"metrics.`{first}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": columns,
        "columnWidths": {"params.`approach`": 120, "params.`seed`": 60},
        # Charts leave out all but the first ten runs unless told otherwise.
        "runsHiddenMode": "SHOW_ALL",
    }


def view_tag(grid: str, table: TableSpec, now_ms: int) -> tuple[str, str]:
    """Make the experiment tag (key, value) by which MLflow offers a table's view."""
    packed = zlib.compress(json.dumps(view_state(grid, table)).encode())
    envelope = {
        "name": view_key(grid, table.name),
        "createdAt": now_ms,
        "updatedAt": now_ms,
        "state": "deflate;" + base64.b64encode(packed).decode(),
    }
    return TAG_PREFIX + view_key(grid, table.name), json.dumps(envelope)


def view_route(experiment_id: str, grid: str, table: str) -> str:
    """Where the interface shows the view, as a path on the server."""
    key = quote(view_key(grid, table), safe="")
    return f"/#/experiments/{experiment_id}/runs?workflowType=machine_learning&viewStateShareKey={key}"


def axes(work: Training | Cell) -> dict[str, str]:
    """Give what a table's reader filters and groups by; "none" where there is no target."""
    values = ("+".join(work.sources), work.target or "none", work.approach, str(work.seed))
    return dict(zip([axis for axis in AXES if axis != "test"], values, strict=True))


def corpora_of(training: Training) -> tuple[str, ...]:
    """List the corpora that a training learns from."""
    return (*training.sources, training.target) if training.target else training.sources


def _columns(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind}.`{name}`" for name in names]
