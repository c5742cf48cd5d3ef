"""The clips that an adapter lists, perhaps somebody's own: what is none is told before it is relied on."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

from datasets.corpus import Corpus, Entry, Listing
from manifests.problem import Problem, ProblemError

log = logging.getLogger(__name__)

_REMEDY = "Mend the adapter."


def listed(corpus: Corpus, root: Path, layout: str | None) -> Listing:
    """List a corpus's clips; where there is nothing at all, say where the corpus is had from.

    Raises:
        ProblemError: as `Corpus.list`, or it lists what are no clips.
    """
    log.info("%s: looking for clips in %s", corpus.name, root)
    try:
        found: object = corpus.list(root, layout)
    except ProblemError as error:
        # Who gives a folder with something in it has the corpus.
        if not corpus.had_from or (root.exists() and any(root.iterdir() if root.is_dir() else [root])):
            raise
        where = f"{corpus.name} is had from {corpus.had_from}."
        raise ProblemError(
            replace(problem, remedy=f"{problem.remedy} {where}") for problem in error.problems
        ) from error
    if not isinstance(found, Listing):
        what = type(found).__name__
        raise ProblemError(Problem(_place(corpus), "a Listing", f"a {what}", _REMEDY))
    others = {type(entry).__name__ for entry in found.entries if not isinstance(entry, Entry)}
    if others:
        told = ", ".join(sorted(others))
        raise ProblemError(
            Problem(_place(corpus), "a Listing whose entries are each an Entry", told, _REMEDY)
        )
    return found


def _place(corpus: Corpus) -> str:
    file = getattr(sys.modules.get(type(corpus).__module__), "__file__", type(corpus).__module__)
    return f"corpus {corpus.name} of {file}, list"
