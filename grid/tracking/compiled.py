"""Results as MLflow shows them: compiled tables, and the numbers of units as metrics."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grid.plan import Row
from grid.results.unit_results import EvaluationResult
from grid.tracking.views import metric_name


def records_of(table: Path) -> list[Mapping[str, Any]]:
    """Read a compiled table, numbers as numbers."""
    with table.open(encoding="utf-8", newline="") as file:
        return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]


def numbers(section: str, summary: Mapping[str, Any]) -> list[Row]:
    """Give the numbers of a summary as metrics of one section, each said once."""
    found = {key: value for key, value in summary.items() if isinstance(value, int | float)}
    return [{"step": 0, "name": f"{section}/{key}", "value": value} for key, value in found.items()]


def scored(result: EvaluationResult) -> tuple[dict[str, float], dict[str, int]]:
    """Give an evaluation's scores and sizes by their metrics, and what of these is counted in tags."""
    values = {metric_name(metric): value for metric, value in result.scores.items()}
    values |= {f"test_per_video/{metric}": value for metric, value in result.per_video.items()}
    noted = {"unread": len(result.summary.get("unread", ()))}
    noted |= {name: result.summary.get(name, 0) for name in ("quarantined", "shorter", "constant")}
    sizes = {"frames": result.n_frames, "clips": result.n_clips, **noted}
    return values | {f"test_size/{name}": value for name, value in sizes.items()}, noted


def _value(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text
