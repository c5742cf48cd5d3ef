"""What a unit of work is called: a hash of everything that changes its result, and of nothing else.

A setting at its default stays out of it, so that a setting which comes new renames nothing. A default that
changes therefore raises a recipe (`grid.planning.planner`), as does code by which another result comes out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from typing import Any


def content_hash(spec: Any) -> str:
    """Return twelve hexadecimal digits of the SHA-256 of a specification as canonical JSON.

    Raises:
        TypeError: it holds something that JSON cannot say, whose text could differ between machines.
    """
    text = json.dumps(
        departures(spec), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def departures(value: Any) -> Any:
    """Return plain values of a dataclass, and of those in it, without fields that are at their default."""
    if is_dataclass(value):
        kept = {each.name: getattr(value, each.name) for each in fields(value)}
        return {
            each.name: departures(kept[each.name])
            for each in fields(value)
            if each.default is MISSING or kept[each.name] != each.default
        }
    if isinstance(value, Mapping):
        return {name: departures(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [departures(item) for item in value]
    return value


def options_of(value: Any) -> dict[str, Any]:
    """Return the fields of a flat dataclass that are not at their default; none of None."""
    return {} if value is None else departures(value)
