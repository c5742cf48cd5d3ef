"""Whether the columns, order and stopping that a user wants of tables are of something that they have."""

from __future__ import annotations

from collections.abc import Iterator

from grid.specs.plugins import blamed, digest_of, origin_of
from grid.specs.settings import Config
from grid.specs.table import SOURCE, TARGET, GridSpec, TableSpec
from grid.specs.tables.early_stopping import ASHA
from grid.specs.tables.shown import Tables
from hd2s.metrics.definitions import find_metric, known_metrics
from hd2s.registry import Later
from manifests.problem import Problem, gathered, suggest

_try_on_frames = Later("hd2s.metrics.checked", "try_on_frames")
_COLUMNS, _ORDER = "tables.columns", "tables.order"


def table_problems(spec: GridSpec, config: Config) -> list[Problem]:
    """List what of `tables.columns`, `order` and `gap`, and of `sweep.stop`, no table could follow."""
    shown = config.tables
    given = {_COLUMNS: shown.columns or (), _ORDER: shown.order}
    nested = [
        Problem(key, "a list of words", str(list(words)), f"Write {key}=[NSS].")
        for key, words in given.items()
        if not all(isinstance(word, str) for word in words)
    ]
    return nested or [
        *_metric_problems(spec),
        *_column_problems(spec, shown),
        *_order_problems(spec, shown),
        *(_gap_problems(spec) if shown.gap else ()),
        *(_stop_problems(spec) if config.sweep.stop == ASHA else ()),
    ]


def _metric_problems(spec: GridSpec) -> Iterator[Problem]:
    """Try each metric of a plug-in on one frame: in a test it would be told after the training."""
    for name in dict.fromkeys(name for table in spec.tables for name in table.metrics):
        metric = find_metric(name)
        problems: list[Problem] = []
        if origin_of(metric):
            with gathered(problems), blamed(metric):
                _try_on_frames(name)
        yield from problems


def _gap_problems(spec: GridSpec) -> Iterator[Problem]:
    if not any({SOURCE, TARGET} <= {variant.select for variant in table.variants} for table in spec.tables):
        remedy = f"Give select=[{SOURCE},{TARGET}], or leave it out."
        yield Problem("tables.gap", f"a table with rows of {SOURCE} and {TARGET}", "none", remedy)


def _stop_problems(spec: GridSpec) -> Iterator[Problem]:
    if not any(table.sweep for table in spec.tables):
        yield Problem("sweep.stop", "a table with a sweep, to stop points of", "none", "Leave it out.")


def _column_problems(spec: GridSpec, shown: Tables) -> Iterator[Problem]:
    columns = shown.columns
    if columns is None:
        return
    if not columns or len(set(columns)) < len(columns):
        yield Problem(_COLUMNS, "different metrics, one or more", str(list(columns)), "Correct it.")
    for name in dict.fromkeys(columns):
        if name not in known_metrics():
            yield Problem(_COLUMNS, "a known metric", repr(name), suggest(name, known_metrics()))
            continue
        # All of the project's own are scored in every evaluation.
        lacking = [table.name for table in spec.tables if name not in table.metrics]
        if digest_of(find_metric(name)) and lacking:
            remedy = "Leave it out, or name it in the metrics of these tables and run the grid."
            yield Problem(_COLUMNS, f"a metric that is scored for {', '.join(lacking)}", repr(name), remedy)


def _order_problems(spec: GridSpec, shown: Tables) -> Iterator[Problem]:
    metrics = [word for word in shown.order if word in known_metrics()]
    if metrics and len(shown.order) > 1:
        remedy = f"Write {_ORDER}=[{metrics[0]}]."
        yield Problem(_ORDER, "one metric alone, or words of rows", str(list(shown.order)), remedy)
        return
    columns = shown.columns or tuple(name for table in spec.tables for name in table.metrics)
    known = dict.fromkeys(word for table in spec.tables for word in (*_rows(table), *columns))
    for word in shown.order:
        if word not in known:
            expected = "an approach, model, corpus or variant of the grid, or a metric that it shows"
            yield Problem(_ORDER, expected, repr(word), suggest(word, known))
    for table in spec.tables:
        if metrics and not shown.columns and metrics[0] in known and metrics[0] not in table.metrics:
            remedy = f"Show it: {_COLUMNS}=[{','.join((*table.metrics, metrics[0]))}]."
            yield Problem(_ORDER, f"a metric that {table.name} shows", repr(metrics[0]), remedy)


def _rows(table: TableSpec) -> Iterator[str]:
    yield from (*table.approaches, *table.models, *table.corpora())
    yield from (variant.label for variant in table.variants if variant.label)
