"""What is asked for: names that exist, and configurations whose fields have the types that they declare."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import fields
from functools import cache
from numbers import Integral, Real

_KINDS = {"bool": (bool, bool), "int": (Integral, int), "float": (Real, float), "str": (str, str)}


def unknown(kind: str, word: str, available: Iterable[str]) -> str:
    """Return "Unknown KIND WORD. Did you mean …? Available: …"."""
    available = list(available)
    similar = difflib.get_close_matches(word, available, n=1)
    hint = f" Did you mean {similar[0]}?" if similar else ""
    return f"Unknown {kind} {word}.{hint} Available: {', '.join(available)}"


def settle_types(config) -> list[str]:
    """Make plain Python values of a configuration's fields.

    Plain, because a checkpoint that holds a configuration is read back without running code, which NumPy's
    numbers would need.

    Args:
        config: a frozen dataclass, whose fields are bool, int, float or str, one of these or None, or tuples
            of one of these. They are set in place.

    Returns:
        Of each field that has the wrong type, which it must have and what was found.
    """
    problems = []
    for name, kind, is_tuple, or_none in _declared_fields(config.__class__):
        value = getattr(config, name)
        # Most values are what they should be: grids make thousands of configurations while they are planned.
        if (value is None and or_none) or (not is_tuple and type(value) is _KINDS[kind][1]):
            continue
        if is_tuple and (isinstance(value, str) or not isinstance(value, Iterable)):
            problems.append(f"{name} must be a list of {kind}, found {value!r}")
            continue
        values = tuple(value) if is_tuple else (value,)
        if wrong := [item for item in values if not _is(item, kind)]:
            problems.append(f"{name} must be {kind}, found {wrong[0]!r}")
            continue
        plain = tuple(_KINDS[kind][1](item) for item in values)
        object.__setattr__(config, name, plain if is_tuple else plain[0])
    return problems


@cache
def _declared_fields(config: type) -> list[tuple[str, str, bool, bool]]:
    """Return of each field the name, the kind of value, and whether it is a tuple of them, or may be None."""
    found = []
    for field in fields(config):
        declared = _declared(field.type)
        kind = declared.removesuffix(" | None").removeprefix("tuple[").removesuffix(", ...]")
        found.append((field.name, kind, "tuple" in declared, declared.endswith(" | None")))
    return found


def _declared(annotation: object) -> str:
    """Return a field's type as text: it is one only where annotations are not evaluated."""
    if isinstance(annotation, str):
        return annotation
    return (
        annotation.__name__
        if isinstance(annotation, type) and not hasattr(annotation, "__args__")
        else str(annotation)
    )


def _is(value: object, kind: str) -> bool:
    # Python counts True as a number.
    return isinstance(value, _KINDS[kind][0]) and (kind == "bool" or not isinstance(value, bool))
