"""Words for what was asked for and is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(kind: str, word: str, available: Iterable[str]) -> str:
    """Return "Unknown KIND WORD. Did you mean …? Available: …"."""
    available = list(available)
    similar = difflib.get_close_matches(word, available, n=1)
    hint = f" Did you mean {similar[0]}?" if similar else ""
    return f"Unknown {kind} {word}.{hint} Available: {', '.join(available)}"
