"""Grids as declared: YAML files read into frozen specs, with every mistake reported at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grid.approaches import approaches
from grid.paper import available as papers
from hd2s.metrics import METRICS
from manifests.check import Problem, ProblemError, suggest

SPECS = Path(__file__).parent / "specs"
_LISTS = ("metrics", "sources", "targets", "approaches")
_TEXTS = ("name", "title", "caption", "paper")
_ONE = {"metrics": "metric", "approaches": "approach"}


@dataclass(frozen=True)
class TableSpec:
    """One table: a block for each source, a group for each target, a row for each approach.

    A source is never its own target. `paper` names the file of `grid/paper/` that holds the printed
    numbers, or is empty.
    """

    name: str
    title: str
    metrics: tuple[str, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    approaches: tuple[str, ...]
    caption: str = ""
    paper: str = ""
    seeds: tuple[int, ...] = (0,)

    def pairs(self) -> list[tuple[str, str]]:
        """All (source, target), in the table's order."""
        return [(s, t) for s in self.sources for t in self.targets if s != t]


@dataclass(frozen=True)
class GridSpec:
    """A named family of tables that share their trainings."""

    name: str
    tables: tuple[TableSpec, ...]

    def corpora(self) -> tuple[str, ...]:
        """Every corpus that the grid reads, in order of first mention."""
        names = [name for table in self.tables for name in (*table.sources, *table.targets)]
        return tuple(dict.fromkeys(names))


def available() -> dict[str, Path]:
    """List the grids and tables that come with the project, by name."""
    return {path.stem: path for path in sorted(SPECS.glob("*.yaml"))}


def load(name: str, seeds: tuple[int, ...]) -> GridSpec:
    """Read a grid by its name or by the path of a YAML file.

    Raises:
        ProblemError: the name is unknown, or the files hold mistakes; all of them are listed.
    """
    problems: list[Problem] = []
    grid = _load(name, seeds, problems)
    if problems or grid is None:
        raise ProblemError(problems)
    return grid


def _load(name: str, seeds: tuple[int, ...], problems: list[Problem]) -> GridSpec | None:
    path = _find(name)
    if path is None:
        problems.append(
            Problem(
                "--grid",
                "the name of a grid or the path of a YAML file",
                repr(name),
                suggest(name, available()),
            )
        )
        return None
    content = _read(path, problems)
    if content is None:
        return None
    if "tables" not in content:
        table = _table(path, content, seeds, problems)
        return GridSpec(table.name, (table,)) if table else None
    for key in set(content) - {"name", "tables"}:
        problems.append(_unknown(path, "key", str(key), ("name", "tables")))
    parts = [_load(str(part), seeds, problems) for part in content["tables"]]
    tables = tuple(table for part in parts if part for table in part.tables)
    return GridSpec(str(content.get("name", path.stem)), tables)


def _find(name: str) -> Path | None:
    if name in available():
        return available()[name]
    path = Path(name)
    return path if path.suffix in {".yaml", ".yml"} and path.is_file() else None


def _read(path: Path, problems: list[Problem]) -> dict[str, Any] | None:
    try:
        content = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException) as error:
        problems.append(_wrong(path, "a readable YAML file", " ".join(str(error).split())))
        return None
    if not isinstance(content, dict):
        problems.append(_wrong(path, "a mapping of keys to values", type(content).__name__))
        return None
    return content


def _table(path: Path, content: dict, seeds: tuple[int, ...], problems: list[Problem]) -> TableSpec | None:
    known = {field.name for field in fields(TableSpec)} - {"seeds"}
    mistakes = [_unknown(path, "key", str(key), known) for key in set(content) - known]
    required = ("name", "title", *_LISTS)
    mistakes += [_wrong(path, f"the key {key}", "nothing") for key in required if key not in content]
    for key in _TEXTS:
        if key in content and not isinstance(content[key], str):
            mistakes.append(_wrong(path, f"{key}: a text", repr(content[key])))
    name, paper = content.get("name", ""), content.get("paper", "")
    if isinstance(name, str) and not re.fullmatch(r"[\w-]+", name):
        mistakes.append(
            _wrong(path, "name: letters, digits, _ and -, since files are named after it", repr(name))
        )
    if paper and paper not in papers():
        mistakes.append(_unknown(path, "paper", str(paper), papers()))
    for key in _LISTS:
        mistakes += _check_list(path, key, content.get(key, []))
    problems += mistakes
    if mistakes:
        return None
    values = {key: tuple(value) if key in _LISTS else value.strip() for key, value in content.items()}
    table = TableSpec(**values, seeds=seeds)
    if not table.pairs():
        problems.append(_wrong(path, "a source with another corpus as target", "no such pair"))
        return None
    return table


def _check_list(path: Path, key: str, value: Any) -> list[Problem]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
        return [_wrong(path, f"{key}: a list of words", repr(value))]
    mistakes = [_wrong(path, f"{key}: each word once", word) for word in set(value) if value.count(word) > 1]
    words = {"metrics": METRICS, "approaches": tuple(approaches())}.get(key)
    if words:
        mistakes += [_unknown(path, _ONE[key], word, words) for word in value if word not in words]
    return mistakes


def _wrong(path: Path, expected: str, found: str) -> Problem:
    return Problem(str(path), expected, found, "Correct the file.")


def _unknown(path: Path, kind: str, word: str, known: Collection[str]) -> Problem:
    return Problem(str(path), f"a known {kind}", repr(word), suggest(word, known))
