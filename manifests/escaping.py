"""Any text inside Markdown (pages, MLflow's notes) and inside a shell's command, as itself and nothing else.

HTML has `html.escape`, LaTeX `grid.outputs.tables.formats.tex`, SQLite's addresses
`grid.tracking.local_store.address_of`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

# What means something anywhere in a line of GitHub's Markdown: also dollars, and the ampersands of entities.
_MEANINGS = re.compile(r"([\\`*_<>|\[\]#$~&])")
# What means something where a line begins: lists and rules.
_AT_THE_BEGINNING = re.compile(r"^([-+=]|\d+(?=[.)]))")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\\": r"\\", "'": r"\'"}


def markdown(text: str) -> str:
    """Write a text on one line of Markdown."""
    return _MEANINGS.sub(r"\\\1", one_line(text))


def markdown_line(text: str) -> str:
    """Write a text as the beginning of a line of Markdown."""
    found = _AT_THE_BEGINNING.match(text := markdown(text))
    if not found:
        return text
    head = found[1]
    return f"{head}\\{text[len(head) :]}" if head.isdigit() else f"\\{text}"


def markdown_code(text: str) -> str:
    """Write a text as code, which ends at as many backticks as it began with, and keeps its spaces."""
    text = _CONTROL.sub(" ", text)
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if len(fence) > 1 else ""
    return f"{fence}{space}{text}{space}{fence}"


def one_line(text: str) -> str:
    """Return a text without line breaks and other control characters, with single spaces."""
    return " ".join(_CONTROL.sub(" ", text).split())


def shell(words: Iterable[str]) -> str:
    """Write words as one line that bash takes for them, whatever they hold; no word may hold a NUL."""
    return " ".join(_ansi_c(word) if _CONTROL.search(word) else shlex.quote(word) for word in words)


def _ansi_c(word: str) -> str:
    written = (_NAMED.get(c) or (_bytes(c) if _CONTROL.match(c) else c) for c in word)
    return f"$'{''.join(written)}'"


def _bytes(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode())
