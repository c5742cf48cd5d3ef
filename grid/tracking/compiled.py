"""Compiled tables as MLflow shows tables."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def records_of(table: Path) -> list[Mapping[str, Any]]:
    """Read a compiled table, numbers as numbers."""
    with table.open(encoding="utf-8", newline="") as file:
        return [{name: _value(text) for name, text in row.items()} for row in csv.DictReader(file)]


def _value(text: str) -> float | str | None:
    try:
        return float(text) if text else None
    except ValueError:
        return text
