"""The clips that an adapter lists, perhaps somebody's own: what is none is told before it is relied on."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

from datasets.corpus import Corpus, Entry, Listing
from datasets.damaged import describe
from manifests.clip_check import clip_problems
from manifests.plugins import last_line, line_of
from manifests.problem import Problem, ProblemError

log = logging.getLogger(__name__)

_REMEDY = "Mend the adapter."


def listed(corpus: Corpus, root: Path, layout: str | None) -> Listing:
    """List a corpus's clips; where there is nothing at all, say where the corpus is had from.

    What keeps the clips from being a manifest, whatever is in them, is told before they are read.

    Raises:
        ProblemError: as `Corpus.list`, or it fails, or lists what are no clips or makes no manifest.
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
    except OSError:  # of a disk, or of rights
        raise
    except Exception as error:  # whatever another's code raises
        raise ProblemError(_failed(corpus, error)) from error
    if not isinstance(found, Listing):
        what = type(found).__name__
        raise ProblemError(Problem(_place(corpus), "a Listing", f"a {what}", _REMEDY))
    if not isinstance(found.entries, list):
        what = type(found.entries).__name__
        raise ProblemError(
            Problem(_place(corpus), "a Listing whose entries are a list", f"a {what}", _REMEDY)
        )
    others = {type(entry).__name__ for entry in found.entries if not isinstance(entry, Entry)}
    if others:
        told = ", ".join(sorted(others))
        raise ProblemError(
            Problem(_place(corpus), "a Listing whose entries are each an Entry", told, _REMEDY)
        )
    rows = [describe(corpus.name, entry, status="quarantined", reason="unread") for entry in found.entries]
    if problems := clip_problems(corpus.name, rows):
        raise ProblemError(problems)
    return found


def _failed(corpus: Corpus, error: Exception) -> Problem:
    """Say what an adapter raised, and in which of its lines."""
    line = line_of(error, Path(file_of(corpus)))
    return Problem(
        f"{_place(corpus)}{f', line {line}' if line else ''}", "a Listing", last_line(error), _REMEDY
    )


def _place(corpus: Corpus) -> str:
    return f"corpus {corpus.name} of {file_of(corpus)}, list"


def file_of(corpus: Corpus) -> str:
    """Return the file that an adapter's class is from."""
    return getattr(sys.modules.get(type(corpus).__module__), "__file__", None) or type(corpus).__module__
