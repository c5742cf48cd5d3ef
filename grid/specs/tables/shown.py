"""What compiled tables show: the settings `tables.*`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tables:
    """What the compiled tables show; changes no result."""

    # Beside our values: the paper's number and the difference from it, the difference alone, or nothing, as
    # in the demo, whose numbers cannot be compared with any.
    paper: str = "beside"
    # Which notes the LaTeX float has: none, what a reader of a paper needs (short), or working notes too
    # (full). The others follow it as comments; Markdown and HTML always have all.
    notes: str = "short"
    # Digits after the point; of printed numbers never more than were printed.
    digits: int = 3
    # Metrics, in this order, in place of each table's own; any of the project's, since all are scored.
    columns: tuple[str, ...] | None = None
    # The oracle's values (select: target) minus those of the training's own selection, as a column.
    gap: bool = False
    # What comes first: words of approaches, models and corpora, and labels of variants; or one metric, by
    # which the rows of a group stand from the best to the worst.
    order: tuple[str, ...] = ()
