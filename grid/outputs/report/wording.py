"""How the report puts lists and amounts into words."""

from __future__ import annotations

from collections.abc import Sequence


def listed(words: Sequence[str], last: str = "and") -> str:
    """Join words as a sentence does: "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def span(low: str, high: str) -> str:
    """Write from where to where values go; one value once."""
    return low if low == high else f"{low} to {high}"


def energy(joules: float) -> str:
    """Write energy as it is paid for; a dash where nobody told it."""
    return f"{joules / 3.6e6:,.2f} kWh" if joules else "–"


def duration(seconds: float) -> str:
    """Write how long something took."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
