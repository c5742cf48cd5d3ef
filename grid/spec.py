"""Grids as declared: YAML files read into frozen specs, with every mistake reported at once."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grid.approaches import approaches
from grid.paper import tables as printed_tables
from grid.tablespec import GridSpec, TableSpec, Variant
from hd2s.metrics import METRICS
from manifests.check import Problem, ProblemError, suggest

SPECS = Path(__file__).parent / "specs"
_REQUIRED = ("name", "title", "metrics", "sources", "approaches")
_LISTS = ("metrics", "sources", "targets", "tests", "approaches")
_TEXTS = ("name", "title", "caption", "paper")
_FILE_NAME = "name: letters, digits, _ and -, since files are named after it"
# Settings that all rows share: where the weights to start from are, and how the run is spread and saved.
_OF_THE_RUN = ("model.backbone_weights", "train.world_size", "train.checkpoint_every")
# Settings under which validation KLDs cannot be compared.
_OF_VALIDATION = ("train.validation_windows", "model.clip_length", "model.height", "model.width")
_ONE = {"metrics": "metric", "approaches": "approach"}


def available() -> dict[str, Path]:
    """List the grids and tables that come with the project, by name."""
    return {path.stem: path for path in sorted(SPECS.glob("*.yaml"))}


def load(name: str, seeds: tuple[int, ...] | None = None) -> GridSpec:
    """Read a grid by its name or by the path of a YAML file.

    Args:
        name: of `available`, or a path.
        seeds: in place of those that the files give, which are 0 unless they say so.

    Raises:
        ProblemError: the name is unknown, or the files hold mistakes; all of them are listed.
    """
    problems: list[Problem] = []
    grid = _load(name, seeds, problems, ())
    if problems or grid is None:
        raise ProblemError(problems)
    return grid


def files(name: str) -> list[Path]:
    """List the YAML files that a sound grid is read from, its own first."""
    return _files(name, ())


def _files(name: str, within: tuple[Path, ...]) -> list[Path]:
    path = _find(name, within)
    parts = OmegaConf.load(path).get("tables", [])
    others = [found for part in parts if isinstance(part, str) for found in _files(part, (*within, path))]
    return list(dict.fromkeys([path, *others]))


def _load(
    name: str, seeds: tuple[int, ...] | None, problems: list[Problem], within: tuple[Path, ...]
) -> GridSpec | None:
    path = _find(name, within)
    if path is None:
        expected = "the name of a grid or the path of a YAML file"
        where = str(within[-1]) if within else "--grid"
        problems.append(Problem(where, expected, repr(name), suggest(name, available())))
        return None
    if path in within:
        problems.append(_wrong(path, "tables that do not contain each other", " → ".join(map(str, within))))
        return None
    content = _read(path, problems)
    if content is None:
        return None
    if "tables" not in content:
        table = _Reader(path, content).table(seeds, problems)
        return GridSpec(table.name, (table,)) if table else None
    return _family(path, content, seeds, problems, (*within, path))


def _family(
    path: Path,
    content: dict[str, Any],
    seeds: tuple[int, ...] | None,
    problems: list[Problem],
    within: tuple[Path, ...],
) -> GridSpec:
    """Read a family: names of other grids and tables, or tables in place."""
    for key in set(content) - {"name", "tables"}:
        problems.append(_unknown(path, "key", str(key), ("name", "tables")))
    parts = content["tables"] if isinstance(content["tables"], list) else []
    if not parts:
        problems.append(_wrong(path, "tables: a list of names or tables", repr(content["tables"])))
    tables: list[TableSpec] = []
    for part in parts:
        if isinstance(part, dict):
            table = _Reader(path, part).table(seeds, problems)
            tables += [table] if table else []
        elif grid := _load(str(part), seeds, problems, within):
            tables += grid.tables
    names = [table.name for table in tables]
    for name in {name for name in names if names.count(name) > 1}:
        problems.append(_wrong(path, "each table once", name))
    name = content.get("name", path.stem)
    if not _names_files(name):
        problems.append(_wrong(path, _FILE_NAME, repr(name)))
    return GridSpec(str(name), tuple(tables))


def _find(name: str, within: tuple[Path, ...]) -> Path | None:
    if name in available():
        return available()[name]
    # A family's own tables lie beside it.
    path = within[-1].parent / name if within else Path(name)
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


class _Reader:
    """One table's content, and what is wrong with it."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path, self.content = path, content
        self.mistakes: list[Problem] = []

    def table(self, seeds: tuple[int, ...] | None, problems: list[Problem]) -> TableSpec | None:
        """Return the table, or None after adding its mistakes to `problems`."""
        known = {field.name for field in fields(TableSpec)}
        self.mistakes += [_unknown(self.path, "key", str(key), known) for key in set(self.content) - known]
        for key in _REQUIRED:
            if key not in self.content:
                self._wrong(f"the key {key}", "nothing")
        values = {key: self._text(key) for key in _TEXTS if key in self.content}
        values |= {key: self._words(key) for key in _LISTS if key in self.content}
        values |= {"overrides": self._settings("overrides", self.content.get("overrides", {}))}
        values |= {"variants": self._variants(), "sweep": self._sweep(), "seeds": self._seeds(seeds)}
        self._check_names(values)
        if not self.mistakes:
            table = TableSpec(**values)
            self._check_cells(table)
        problems += self.mistakes
        return None if self.mistakes else table

    def _text(self, key: str) -> str:
        value = self.content[key]
        if not isinstance(value, str):
            self._wrong(f"{key}: a text", repr(value))
            return ""
        return value.strip()

    def _words(self, key: str) -> tuple[str, ...]:
        value = self.content[key]
        if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
            self._wrong(f"{key}: a list of words", repr(value))
            return ()
        for word in sorted({word for word in value if value.count(word) > 1}):
            self._wrong(f"{key}: each word once", word)
        known = {"metrics": METRICS, "approaches": tuple(approaches())}.get(key)
        unknown = [word for word in value if known and word not in known]
        self.mistakes += [_unknown(self.path, _ONE[key], word, known) for word in unknown]
        return tuple(value)

    def _settings(self, where: str, value: Any) -> tuple[str, ...]:
        """Return settings as a dot-list; whether they exist and fit is the configuration's to say."""
        if not isinstance(value, Mapping):
            self._wrong(f"{where}: settings and their values", repr(value))
            return ()
        for key in value:
            if str(key).partition(".")[0] not in ("model", "train", "test"):
                self._wrong(f"{where}: settings of model, train or test", repr(key))
            elif key in _OF_THE_RUN:
                self._wrong(f"{where}: what may differ between rows; give {key} on the command line", key)
        return tuple(f"{key}={json.dumps(item)}" for key, item in value.items())

    def _variants(self) -> tuple[Variant, ...]:
        value = self.content.get("variants", {"": {}})
        if not isinstance(value, Mapping) or not value:
            self._wrong("variants: a label and its settings each", repr(value))
            return ()
        return tuple(
            Variant(str(label), self._settings(f"variant {label}", settings))
            for label, settings in value.items()
        )

    def _sweep(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        value = self.content.get("sweep", {})
        if not isinstance(value, Mapping) or not all(isinstance(v, list) and v for v in value.values()):
            self._wrong("sweep: settings and a list of values each", repr(value))
            return ()
        self._settings("sweep", value)
        for key, items in value.items():
            if key in _OF_VALIDATION or str(key).startswith("test."):
                self._wrong("sweep: what validation on the same windows can decide between", repr(key))
            if len({json.dumps(item) for item in items}) < len(items):
                self._wrong(f"sweep: different values of {key}", repr(items))
        return tuple((key, tuple(json.dumps(item) for item in items)) for key, items in value.items())

    def _seeds(self, seeds: tuple[int, ...] | None) -> tuple[int, ...]:
        value = self.content.get("seeds", [0])
        sound = isinstance(value, list) and value and all(type(item) is int and item >= 0 for item in value)
        if not sound or len(set(value)) < len(value):
            self._wrong("seeds: different numbers from 0 on", repr(value))
            return ()
        return tuple(value) if seeds is None else seeds

    def _check_names(self, values: Mapping[str, Any]) -> None:
        name, paper = values.get("name"), values.get("paper")
        if name is not None and not _names_files(name):
            self._wrong(_FILE_NAME, repr(name))
        if paper and paper not in printed_tables():
            self.mistakes.append(_unknown(self.path, "paper", paper, printed_tables()))

    def _check_cells(self, table: TableSpec) -> None:
        """Find approaches that this table cannot place."""
        if "target" in table.tests and not table.targets:
            self._wrong("targets, to test on them", "none")
        for word in table.approaches:
            approach, places = approaches()[word], []
            if approach.needs_target and not table.targets:
                self._wrong(f"targets, which the approach {word} takes part of its data from", "none")
            elif not (places := table.places(approach)):
                self._wrong(f"a source with another corpus as target for {word}", "no such pair")
            for place in places if "domains" in approach.options(()) else ():
                if place.test not in place.sources:
                    self._wrong(f"tests of {word} on its sources, for which alone it has layers", place.test)

    def _wrong(self, expected: str, found: str) -> None:
        self.mistakes.append(_wrong(self.path, expected, found))


def _names_files(name: Any) -> bool:
    return isinstance(name, str) and re.fullmatch(r"[\w-]+", name) is not None


def _wrong(path: Path, expected: str, found: str) -> Problem:
    return Problem(str(path), expected, found, "Correct the file.")


def _unknown(path: Path, kind: str, word: str, known: Collection[str]) -> Problem:
    return Problem(str(path), f"a known {kind}", repr(word), suggest(word, known))
