"""The numbers printed in the papers, as data: one YAML for each paper, and their look-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from grid.specs.plain_yaml import read_file
from hd2s.models.registry import models as known_models
from manifests.problem import Problem, ProblemError, suggest

FOLDER = Path(__file__).parent / "printed_numbers"
_PLACE = ("model", "source", "target", "test", "approach")

Key = tuple[str, frozenset[str], str | None, str, str, str, str]


class NotRun(NamedTuple):
    """A row that a paper prints of a system that is not run here: column → number."""

    system: str
    test: str
    numbers: dict[str, float | None]


class Costs(NamedTuple):
    """What a paper prints of a system: megabytes, and seconds for a frame."""

    size: float
    seconds: float


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
    return values(paper).get((table, frozenset(sources), target, test, approach, metric, model))


def not_run(place: str, models: Sequence[str], test: str) -> list[NotRun]:
    """List what a table prints of systems that are none of the models of a grid's table.

    Args:
        place: as `paper_value` takes it; empty for none.
        models: the words of those that are run here.
        test: the corpus that they were tested on.

    Raises:
        ProblemError: the paper is unknown.
    """
    if not place:
        return []
    known = known_models()
    ours = {known[word].title for word in models}
    paper, _, table = place.partition("/")
    content = _read(paper)["tables"][table]
    metrics = _metrics(content)
    others = [
        NotRun(system, tested, dict(zip(metrics, numbers, strict=True)))
        for system, tested, *numbers in content.get("others", ())
        if tested == test and system not in ours
    ]
    rows = (dict(zip(content["columns"], row, strict=True)) for row in content["rows"])
    for row in rows:
        model = row.get("model", _read(paper)["model"])
        if row["test"] == test and model not in models:
            system = ", ".join((known[model].title if model in known else model, row["approach"]))
            others.append(NotRun(system, test, {metric: row[metric] for metric in metrics}))
    return others


def costs(place: str) -> dict[str, Costs]:
    """Return what a table of costs prints, by the title of each system; nothing for no table.

    Raises:
        ProblemError: the paper is unknown.
    """
    paper, _, table = place.partition("/")
    rows = _read(paper)["tables"][table]["costs"] if place else ()
    return {system: Costs(*numbers) for system, *numbers in rows}


def remarks(place: str) -> list[str]:
    """List what must be known of a table's printed numbers, such as where papers print different ones.

    Raises:
        ProblemError: the paper is unknown.
    """
    paper, _, table = place.partition("/")
    return list(_read(paper)["tables"][table].get("remarks", ())) if place else []


def citation(place: str) -> str:
    """Say where a table's numbers are printed, such as "Table 5 of …".

    Raises:
        ProblemError: the paper is unknown.
    """
    paper, _, table = place.partition("/")
    return f"{table.replace('table', 'Table ', 1)} of {_read(paper)['cite']}"


@cache
def values(paper: str) -> dict[Key, float]:
    """Collect what a paper prints of models, by (table, sources, target, test, approach, metric, model).

    Raises:
        ProblemError: the paper is unknown.
    """
    found: dict[Key, float] = {}
    for table, content in _read(paper)["tables"].items():
        for numbers in content.get("rows", ()):
            row = dict(zip(content["columns"], numbers, strict=True))
            sources, model = frozenset(row["source"].split("+")), row.get("model", _read(paper)["model"])
            for metric in _metrics(content):
                key = table, sources, row["target"], row["test"], row["approach"], metric, model
                found[key] = row[metric]
    return found


def _metrics(content: Mapping[str, Any]) -> list[str]:
    return [column for column in content["columns"] if column not in _PLACE]


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
