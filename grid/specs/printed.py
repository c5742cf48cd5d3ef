"""The numbers printed in the papers, as data: one YAML for each paper, and their look-up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from grid.specs.plain_yaml import read_file
from manifests.problem import Problem, ProblemError, suggest

FOLDER = Path(__file__).parent / "printed_numbers"
_PLACE = ("source", "target", "test", "approach")

Key = tuple[str, frozenset[str], str | None, str, str, str]


def available() -> list[str]:
    """List the papers whose numbers are at hand."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def tables() -> list[str]:
    """List the printed tables at hand, as paper/table."""
    return [f"{paper}/{table}" for paper in available() for table in _read(paper)["tables"]]


def paper_value(
    place: str,
    *,
    sources: Sequence[str],
    target: str | None,
    test: str,
    model: str,
    approach: str,
    metric: str,
) -> float | None:
    """Look up a printed number.

    Args:
        place: paper and table, such as `hd2s/table5`.
        sources: the corpora that the model was trained on with their maps, in any order.
        target: the corpus that it was adapted to or fine-tuned on; None where no second domain took part.
        test: the corpus that it was tested on.
        model: its word.
        approach: the approach's word, or the label of its variant.
        metric: the metric's name.

    Returns:
        The number with the digits printed, or None where the paper prints none.

    Raises:
        ProblemError: the paper is unknown.
    """
    paper, _, table = place.partition("/")
    if model != _read(paper)["model"]:
        return None
    return values(paper).get((table, frozenset(sources), target, test, approach, metric))


def citation(place: str) -> str:
    """Say where a table's numbers are printed, such as "Table 5 of …".

    Raises:
        ProblemError: the paper is unknown.
    """
    paper, _, table = place.partition("/")
    return f"{table.replace('table', 'Table ', 1)} of {_read(paper)['cite']}"


@cache
def values(paper: str) -> dict[Key, float]:
    """Collect every printed number of a paper by (table, sources, target, test, approach, metric).

    Raises:
        ProblemError: the paper is unknown.
    """
    found: dict[Key, float] = {}
    for table, content in _read(paper)["tables"].items():
        metrics = content["columns"][len(_PLACE) :]
        for row in content["rows"]:
            source, target, test, approach = row[: len(_PLACE)]
            for metric, value in zip(metrics, row[len(_PLACE) :], strict=True):
                found[table, frozenset(source.split("+")), target, test, approach, metric] = value
    return found


@cache
def _read(paper: str) -> dict[str, Any]:
    if paper not in available():
        raise ProblemError(
            Problem(
                "paper", "a paper of grid/specs/printed_numbers/", repr(paper), suggest(paper, available())
            )
        )
    content: Any = read_file(FOLDER / f"{paper}.yaml")
    return content
