"""Pieces of HTML; whatever a user or a file has written is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def paragraph(text: str, kind: str = "") -> str:
    """Write a paragraph, of a class."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def bullets(texts: Iterable[str], kind: str = "") -> str:
    """Write a list; empty of nothing."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul{_class(kind)}>{items}</ul>" if items else ""


def command(text: str) -> str:
    """Write a command that is there to be copied."""
    return f'<pre tabindex="0"><code>{escape(text)}</code></pre>'


def folded(title: str, content: str) -> str:
    """Write what is shown when it is asked for; empty of nothing."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>" if content else ""


def section(word: str, title: str, content: str) -> str:
    """Write a section that links lead to; empty of nothing."""
    if not content:
        return ""
    heading = f'<h2 id="{word}-title">{escape(title)}</h2>'
    return f'<section id="{word}" aria-labelledby="{word}-title">{heading}{content}</section>'


def plain_table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table of texts, each row headed by its first; empty of nothing."""
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(text)}</td>" for text in rest)}</tr>'
        for first, *rest in rows
    )
    if not body:
        return ""
    head = "".join(f'<th scope="col">{escape(heading)}</th>' for heading in headings)
    return scrolled(
        caption,
        f'<table class="plain"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>",
    )


def scrolled(name: str, content: str) -> str:
    """Let what is wider than the page scroll, also by keys."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(name)}">{content}</div>'


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
