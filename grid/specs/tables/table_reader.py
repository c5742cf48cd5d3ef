"""One table's content in a YAML file → its spec, with all that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from grid.specs.printed import tables as printed_tables
from grid.specs.settings import DEFAULT_MODEL
from grid.specs.table import (
    AXES,
    EXPECTED_SEEDS,
    SOURCE,
    CostSpec,
    TableSpec,
    Variant,
    are_seeds,
    selected_words,
)
from grid.specs.tables.compared import Row, apart, read_compared
from grid.specs.tables.early_stopping import SweepSettings
from grid.specs.tables.row_settings import FINETUNING, read_settings
from grid.specs.tables.sweep_reader import read_sweep
from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import known_metrics
from hd2s.models.registry import models
from manifests.problem import Problem, suggest

NAME = "name: letters, digits, _ and -, since files are named after it"
PLUGINS = "plugins"
"""The key of a file, of a table's or of a family's, whose folders are known before its words are read."""
_REQUIRED = ("name", "title", "metrics", "sources", "approaches")
_LISTS = ("metrics", "sources", "targets", "tests", "models", "approaches")
_TEXTS = ("name", "title", "caption", "paper")
_NO_KEYS = {"found_at", "drawn", "stop"}
_SINGULAR = {"metrics": "metric", "models": "model", "approaches": "approach"}


class Instead(NamedTuple):
    """What the command line puts in the place of what files say; None leaves it as they say."""

    seeds: tuple[int, ...] | None = None
    models: tuple[str, ...] | None = None
    select: tuple[str, ...] | None = None
    sweep: SweepSettings = SweepSettings()


def read_table(
    path: Path, content: Mapping[str, Any], instead: Instead, problems: list[Problem]
) -> TableSpec:
    """Return what can be read of a table, after adding its mistakes to `problems`.

    Args:
        path: of the file, for messages.
        content: of the table.
        instead: of its own seeds, models and selection.
        problems: what is wrong so far.
    """
    return _Reader(path, content).table(instead, problems)


def read_costs(path: Path, content: Mapping[str, Any], instead: Instead, problems: list[Problem]) -> CostSpec:
    """Return what can be read of a table of costs; arguments of `read_table`."""
    return _Reader(path, content).costs(instead, problems)


def names_files(name: Any) -> bool:
    """Whether files may be named so."""
    return isinstance(name, str) and re.fullmatch(r"[\w-]+", name) is not None


def wrong(path: Path, expected: str, found: str) -> Problem:
    """Say what a file should have held."""
    return Problem(str(path), expected, found, "Correct the file.")


def unknown(path: Path, kind: str, word: str, known: Collection[str]) -> Problem:
    """Say which word of a file is none of those known."""
    return Problem(str(path), f"a known {kind}", repr(word), suggest(word, known))


class _Reader:
    """One table's content, and what is wrong with it."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path, self.content = path, content
        self.mistakes: list[Problem] = []
        # Lists that cannot be read, so that nothing follows from what they lack.
        self.unread: set[str] = set()

    def table(self, instead: Instead, problems: list[Problem]) -> TableSpec:
        """Return the table; what cannot be read of it is left out, and told."""
        named = {field.name for field in fields(TableSpec)} - _NO_KEYS | {"corpora", "points"}
        self._check_keys(named, _REQUIRED)
        values: dict[str, Any] = {"name": self.path.stem, "title": ""}
        values |= dict.fromkeys(("metrics", "sources", "approaches"), ())
        values |= {key: self._text(key) for key in _TEXTS if key in self.content}
        values |= {key: self._words(key) for key in _LISTS if key in self.content}
        values |= {key: self._settings(key, self.content.get(key, {})) for key in ("overrides", FINETUNING)}
        values["withheld"] = self._switch("withheld")
        values |= {"seeds": self._seeds(instead.seeds), "select": self._select(instead.select)}
        values |= self._sweep(instead.sweep, values["select"])
        selected = (variant.selected_by(values["select"]) for variant in self._variants())
        values["variants"] = tuple(variant for variants in selected for variant in variants)
        values |= {"found_at": self._places(), "folds": self._folds()}
        values["compare"] = self._compare(values, instead.models or ())
        values["models"] = instead.models or values.get("models") or (DEFAULT_MODEL,)
        self._check_names(values)
        table = TableSpec(**values)
        if self.unread.isdisjoint(("sources", "targets", "tests", "approaches")):
            for _, part in table.parts():
                self._check_cells(part)
            for pair in apart(table):
                expected = "compare: two approaches or rows that have sources, target and test in common"
                self._wrong(expected, " and ".join(pair))
        problems += self.mistakes
        return table

    def costs(self, instead: Instead, problems: list[Problem]) -> CostSpec:
        """Return the table of costs; what cannot be read of it is left out, and told."""
        self._check_keys({field.name for field in fields(CostSpec)} | {"costs"}, ("name", "title", "models"))
        self._switch("costs")
        values: dict[str, Any] = {"name": self.path.stem, "title": ""}
        values |= {key: self._text(key) for key in _TEXTS if key in self.content}
        values["models"] = self._words("models") if "models" in self.content else ()
        values["models"] = instead.models or values["models"]
        self._check_names(values)
        problems += self.mistakes
        return CostSpec(**values)

    def _check_keys(self, known: Collection[str], required: Iterable[str]) -> None:
        known = {*known, PLUGINS}
        self.mistakes += [unknown(self.path, "key", str(key), known) for key in set(self.content) - known]
        for key in required:
            if key not in self.content:
                self._wrong(f"the key {key}", "nothing")
                self.unread.add(key)

    def _switch(self, key: str) -> bool:
        value = self.content.get(key, False)
        if not isinstance(value, bool):
            self._wrong(f"{key}: true or false", repr(value))
        return value is True

    def _text(self, key: str) -> str:
        value = self.content[key]
        if not isinstance(value, str):
            self._wrong(f"{key}: a text", repr(value))
            return ""
        return value.strip()

    def _words(self, key: str) -> tuple[str, ...]:
        return self._listed(key, key, self.content[key])

    def _listed(self, key: str, where: str, value: Any) -> tuple[str, ...]:
        """Return a list of words; `where` says which, for messages."""
        if not isinstance(value, list) or not value or not all(isinstance(word, str) for word in value):
            self._wrong(f"{where}: a list of words", repr(value))
            self.unread.add(key)
            return ()
        for word in sorted({word for word in value if value.count(word) > 1}):
            self._wrong(f"{where}: each word once", word)
        known_words = {"metrics": known_metrics(), "models": tuple(models()), "approaches": _askable()}
        known = known_words.get(key, ())
        strange = [word for word in value if known and word not in known]
        self.mistakes += [unknown(self.path, _SINGULAR[key], word, known) for word in strange]
        if strange:
            self.unread.add(key)
        return tuple(dict.fromkeys(word for word in value if word not in strange))

    def _settings(self, where: str, value: Any) -> tuple[str, ...]:
        """Return settings as a dot-list."""
        found, mistakes = read_settings(where, value)
        for expected, told in mistakes:
            self._wrong(expected, told)
        return found

    def _places(self) -> tuple[str, ...]:
        """Return where corpora are as a dot-list: of each the manifest's folder, or manifest and root."""
        value, found = self.content.get("corpora", {}), []
        if not isinstance(value, Mapping):
            self._wrong("corpora: each with the folder of its manifest", repr(value))
            return ()
        for name, place in value.items():
            parts = {"manifest": place} if isinstance(place, str) else place
            if not isinstance(parts, Mapping) or not parts or set(parts) - {"manifest", "root"}:
                self._wrong(f"corpora: for {name} a folder, or manifest: DIR and root: DIR", repr(place))
                continue
            found += [f"corpora.{name}.{key}={json.dumps(item)}" for key, item in parts.items()]
        return tuple(found)

    def _variants(self) -> tuple[Variant, ...]:
        value = self.content.get("variants", {"": {}})
        if not isinstance(value, Mapping) or not value:
            self._wrong("variants: a label and its settings each", repr(value))
            return (Variant(),)
        return tuple(self._variant(str(label), content) for label, content in value.items())

    def _variant(self, label: str, content: Any) -> Variant:
        where = f"variant {label}"
        if not isinstance(content, Mapping):
            return Variant(label, self._settings(where, content))
        own = {key: self._listed(key, f"{where}, {key}", content[key]) for key in AXES if key in content}
        settings = {key: value for key, value in content.items() if key not in AXES}
        return Variant(label, self._settings(where, settings), tuple(own.items()))

    def _sweep(self, instead: SweepSettings, select: tuple[str, ...]) -> dict[str, Any]:
        found, mistakes = read_sweep(self.content, instead, select)
        self._settings("sweep", found.axes)
        for expected, told in mistakes:
            self._wrong(expected, told)
        return {"sweep": found.sweep, "drawn": (found.points, found.seed), "stop": found.stop}

    def _select(self, instead: tuple[str, ...] | None) -> tuple[str, ...]:
        found, mistakes = selected_words(self.content.get("select", SOURCE))
        for each in mistakes:
            self._wrong(f"select: {each.expected}", each.found)
        if self._switch("withheld") and (instead or found) != (SOURCE,):
            self._wrong(f"select: {SOURCE}, where a test is withheld", ", ".join(instead or found))
        return instead or found

    def _seeds(self, seeds: tuple[int, ...] | None) -> tuple[int, ...]:
        value = self.content.get("seeds", [0])
        if not are_seeds(value):
            self._wrong(f"seeds: {EXPECTED_SEEDS}", repr(value))
            return ()
        return tuple(value) if seeds is None else seeds

    def _compare(self, values: Mapping[str, Any], asked: tuple[str, ...]) -> Any:
        of_all = {**values, "models": (*values.get("models", (DEFAULT_MODEL,)), *asked)}
        rows: dict[str, Row] = {}
        for variant in values["variants"] if self.unread.isdisjoint(Row._fields) else ():
            own = of_all | dict(variant.axes)
            rows[variant.plain] = Row(own["approaches"], own["models"])
        found, mistakes = read_compared(self.content.get("compare", []), rows)
        self.mistakes += [Problem(str(self.path), *mistake) for mistake in mistakes]
        return () if mistakes else found

    def _folds(self) -> tuple[tuple[str, int, int], ...]:
        """Return the corpora that are read in folds: a number of them, or `of` and `seed`."""
        value, found = self.content.get("folds", {}), []
        if not isinstance(value, Mapping):
            self._wrong("folds: corpora, each with a number of folds", repr(value))
            return ()
        for name, item in value.items():
            asked = {"of": item} if type(item) is int else item
            if not isinstance(asked, Mapping) or set(asked) - {"of", "seed"} or not _are_folds(asked):
                self._wrong(
                    f"folds: for {name} a number from 3 on, or of: NUMBER and seed: NUMBER", repr(item)
                )
                continue
            found.append((str(name), asked["of"], asked.get("seed", 0)))
        if len({of for _, of, _ in found}) > 1:
            self._wrong(
                "folds: as many of each corpus, since they are gone through together", repr(dict(value))
            )
            return ()
        return tuple(found)

    def _check_names(self, values: Mapping[str, Any]) -> None:
        name, paper = values["name"], values.get("paper")
        if "name" in self.content and not names_files(name):
            self._wrong(NAME, repr(name))
        if paper and paper not in printed_tables():
            self.mistakes.append(unknown(self.path, "paper", paper, printed_tables()))

    def _check_cells(self, table: TableSpec) -> None:
        """Find approaches that a table, as a variant has it, cannot place, and folds of what is not read."""
        for name in (name for name, *_ in table.folds if name not in table.corpora()):
            self.mistakes.append(unknown(self.path, "corpus of the table in folds", name, table.corpora()))
        if "target" in table.tests and not table.targets:
            self._wrong("targets, to test on them", "none")
        for word in table.approaches:
            approach = approaches()[word]
            if approach.needs_target and not table.targets:
                self._wrong(f"targets, which the approach {word} takes part of its data from", "none")
            elif not table.places(approach):
                self._wrong(f"a source with another corpus as target for {word}", "no such pair")

    def _wrong(self, expected: str, found: str) -> None:
        self.mistakes.append(wrong(self.path, expected, found))


def _are_folds(asked: Mapping[str, Any]) -> bool:
    of, seed = asked.get("of"), asked.get("seed", 0)
    return type(of) is int and of >= 3 and type(seed) is int and seed >= 0


def _askable() -> tuple[str, ...]:
    """Return the approaches that a table may ask for: what has no weights comes by its model."""
    return tuple(word for word, approach in approaches().items() if approach.trains)
