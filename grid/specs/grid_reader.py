"""Grids as declared: YAML files read into frozen specs, with every mistake reported at once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard

from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grid.specs.dotted_keys import at_home
from grid.specs.plain_yaml import read_file
from grid.specs.settings import DEFAULT_MODEL
from grid.specs.table import CostSpec, GridSpec, TableSpec
from grid.specs.tables.table_reader import (
    NAME,
    PLUGINS,
    Instead,
    names_files,
    read_costs,
    read_table,
    unknown,
    wrong,
)
from manifests.problem import Problem, ProblemError, suggest

_AS_WRITTEN = Instead()
SPECS = Path(__file__).resolve().parent / "grids"


def available() -> dict[str, Path]:
    """List the grids and tables that come with the project, by name."""
    return {path.stem: path for path in sorted(SPECS.glob("*.yaml"))}


def load(name: str, instead: Instead = _AS_WRITTEN) -> GridSpec:
    """Read a grid by its name or by the path of a YAML file.

    Args:
        name: of `available`, or a path.
        instead: what the command line puts in the place of the files' seeds and models.

    Raises:
        ProblemError: the name is unknown, or the files hold mistakes; all of them are listed.
    """
    grid, problems = read(name, instead)
    if problems:
        raise ProblemError(problems)
    return grid


def read(name: str, instead: Instead = _AS_WRITTEN) -> tuple[GridSpec, list[Problem]]:
    """Read what can be read of a grid, and list all its mistakes; see `load`.

    Where there are mistakes, the grid is for finding the others: in its settings and in the data it needs.
    """
    problems: list[Problem] = []
    return _load(name, instead, problems, ()), problems


def files(name: str) -> list[Path]:
    """List the YAML files that a sound grid is read from, its own first."""
    return _files(name, ())


def plugin_folders(name: str) -> tuple[str, ...]:
    """List the folders of plug-ins that the files of a grid name, as far as these can be read; see `read`.

    What is relative there is so to the file's own folder.
    """
    return tuple(dict.fromkeys(_plugin_folders(name, ())))


def own_plugins(path: Path) -> list[str]:
    """List the folders of plug-ins that one file names, as it can be read."""
    named = (_read(path, []) or {}).get(PLUGINS)
    return [str(path.parent / at_home(word)) for word in named] if _are_words(named) else []


def _plugin_folders(name: str, within: tuple[Path, ...]) -> Iterator[str]:
    path = _find(name, within)
    if path is None or path in within or path.parent == SPECS:
        return
    yield from own_plugins(path)
    parts = (_read(path, []) or {}).get("tables")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, str):
            yield from _plugin_folders(part, (*within, path))


def _are_words(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(word, str) and word for word in value)


def _files(name: str, within: tuple[Path, ...]) -> list[Path]:
    path = _find(name, within)
    if path is None:
        raise FileNotFoundError(f"no grid or table {name}")
    content: Any = read_file(path)
    parts = content.get("tables", [])
    others = [found for part in parts if isinstance(part, str) for found in _files(part, (*within, path))]
    return list(dict.fromkeys([path, *others]))


def _load(name: str, instead: Instead, problems: list[Problem], within: tuple[Path, ...]) -> GridSpec:
    nothing = GridSpec(name, ())
    path = _find(name, within)
    if path is None:
        expected = "the name of a grid or the path of a YAML file"
        where = str(within[-1]) if within else "--grid"
        problems.append(Problem(where, expected, repr(name), suggest(name, available())))
        return nothing
    if path in within:
        problems.append(wrong(path, "tables that do not contain each other", " → ".join(map(str, within))))
        return nothing
    content = _read(path, problems)
    if content is None:
        return nothing
    if not _are_words(content.get(PLUGINS, [])):
        expected = f"{PLUGINS}: a list of folders, such as [ours]"
        problems.append(wrong(path, expected, repr(content[PLUGINS])))
    if "tables" not in content:
        return _alone(_table(path, content, instead, problems))
    return _family(path, content, instead, problems, (*within, path))


def _family(
    path: Path,
    content: dict[str, Any],
    instead: Instead,
    problems: list[Problem],
    within: tuple[Path, ...],
) -> GridSpec:
    """Read a family: names of other grids and tables, or tables in place."""
    for key in set(content) - {"name", "tables", PLUGINS}:
        problems.append(unknown(path, "key", str(key), ("name", "tables", PLUGINS)))
    parts = content["tables"] if isinstance(content["tables"], list) else []
    if not parts:
        problems.append(wrong(path, "tables: a list of names or tables", repr(content["tables"])))
    tables: list[TableSpec] = []
    costs: list[CostSpec] = []
    for part in parts:
        if isinstance(part, dict):
            if PLUGINS in part:
                problems.append(wrong(path, f"{PLUGINS} beside tables, for all of the file", "in a table"))
            found = _alone(_table(path, part, instead, problems))
        else:
            found = _load(str(part), instead, problems, within)
        tables += found.tables
        costs += found.costs
    names = [table.name for table in tables] + [table.name for table in costs]
    for name in {name for name in names if names.count(name) > 1}:
        problems.append(wrong(path, "each table once", name))
    places: dict[str, str] = {}
    for key, _, place in (item.partition("=") for table in tables for item in table.found_at):
        if places.setdefault(key, place) != place:
            problems.append(wrong(path, f"{key} the same in all tables", f"{places[key]} and {place}"))
    name = content.get("name", path.stem)
    if not names_files(name):
        problems.append(wrong(path, NAME, repr(name)))
    _keep_apart(path, name, problems)
    return GridSpec(str(name), tuple(tables), tuple(costs))


def _alone(table: TableSpec | CostSpec) -> GridSpec:
    if isinstance(table, CostSpec):
        return GridSpec(table.name, (), (table,))
    return GridSpec(table.name, (table,))


def _table(
    path: Path, content: dict[str, Any], instead: Instead, problems: list[Problem]
) -> TableSpec | CostSpec:
    read = read_costs if content.get("costs") else read_table
    table = read(path, content, instead, problems)
    _keep_apart(path, table.name, problems)
    if isinstance(table, TableSpec):
        _require_models(path, content.get("models", [DEFAULT_MODEL]), table, problems)
    return table


def _require_models(path: Path, listed: Any, table: TableSpec, problems: list[Problem]) -> None:
    """Refuse a user's row of models that the table has not: it would be nowhere, without a word.

    Ours may have one that `model=` brings.
    """
    if path.resolve().parent == SPECS or not isinstance(listed, list):
        return
    known = dict.fromkeys((*listed, *table.models))
    rows = {variant.plain: dict(variant.axes).get("models", ()) for variant in table.variants}
    for label, words in rows.items():
        kind = f"model of this table for row {label!r}"
        problems += [unknown(path, kind, word, known) for word in words if word not in known]


def _keep_apart(path: Path, name: Any, problems: list[Problem]) -> None:
    """Refuse a user's grid or table the name of one of ours: its files and runs would take their place."""
    if path.resolve().parent != SPECS and isinstance(name, str) and name in _ours():
        problems.append(wrong(path, "a name that no grid or table of the project has", repr(name)))


@cache
def _ours() -> frozenset[str]:
    contents: dict[str, Any] = {name: read_file(path) for name, path in available().items()}
    parts = [part for content in contents.values() for part in content.get("tables", ())]
    return frozenset(contents) | {part["name"] for part in parts if isinstance(part, dict)}


def _find(name: str, within: tuple[Path, ...]) -> Path | None:
    if name in available():
        return available()[name]
    # A family's own tables lie beside it.
    path = within[-1].parent / name if within else Path(name)
    return path if path.suffix in {".yaml", ".yml"} and path.is_file() else None


def _read(path: Path, problems: list[Problem]) -> dict[str, Any] | None:
    try:
        content: Any = read_file(path)
    except (OSError, UnicodeDecodeError, YAMLError, OmegaConfBaseException) as error:
        problems.append(wrong(path, "a readable YAML file", " ".join(str(error).split())))
        return None
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        problems.append(wrong(path, "a mapping of keys to values", found))
        return None
    return content
