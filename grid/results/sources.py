"""Which code makes a result: every file that a training or a test imports, found by reading its imports.

A comparison of results is one of models only if one code made them all, so each result says which did.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from datasets.corpora import registry as corpora
from grid.plan import Evaluation, Training
from grid.results.provenance import ROOT, commit
from hd2s.metrics.definitions import find_metric

# Of the grid, the room where a unit's own work is done; what else it holds moves settings, which are in a
# unit's id, and files.
_ROOMS = ("manifests", "hd2s", "datasets", "grid.training", "grid.evaluation")
_DECLARATIONS = ("MODEL", "APPROACH", "CORPUS", "METRIC")
# What `_declared` has found: thousands of modules are loaded, and a plan has as many units.
_HOMES: dict[int, list[tuple[str, Any]]] = {}

Modules = tuple[str, ...]
Code = Mapping[str, Any]
"""`commit` (empty outside a git checkout), and `files`: path below the project or a plug-in → SHA-256."""


def training_modules(training: Training) -> Modules:
    """Name the modules that a training begins in: its loop, its model, its approach and its corpora."""
    spec = training.spec
    read = dict.fromkeys(entry.corpus for entry in (*spec.labelled, *spec.unlabelled, spec.validation))
    homes = _homes(spec.model.declaration, spec.approach.declaration, *map(corpora.find, read))
    return ("grid.training.loop", *homes)


def evaluation_modules(evaluation: Evaluation, training: Training) -> Modules:
    """Name the modules that a test begins in; the approach too, since it may leave something on the model."""
    spec = training.spec
    metrics = map(find_metric, evaluation.spec.metrics)
    declared = (spec.model.declaration, spec.approach.declaration, corpora.find(evaluation.test), *metrics)
    return ("grid.evaluation.evaluate", *_homes(*declared))


def code_of(modules: Modules) -> dict[str, Any]:
    """Return the code of these modules and of all that they import, as it was when this process first asked.

    A process goes on with what it has imported, whatever becomes of the files: workers ask before they work.
    """
    files = {_shown(name, path): _digest(path) for name, path in _closure(modules)}
    return {"commit": commit(), "files": dict(sorted(files.items()))}


def differing(made: Code, now: Code) -> list[str]:
    """List the files in which the code that made a result differs from another, those of one alone too."""
    before, after = made["files"], now["files"]
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def eldest(codes: Iterable[Code | None], now: Code) -> Code:
    """Return the first that differs from the present code, which is that of all that does not."""
    return next((code for code in codes if code and differing(code, now)), now)


def _homes(*declarations: Any) -> list[str]:
    """Name the module that each declaration stands in; a corpus without an adapter has none."""
    wanted = [id(declaration) for declaration in declarations if declaration is not None]
    if not _HOMES.keys() >= set(wanted):
        _HOMES.update(_declared())
    return [name for each in wanted for name, _ in _HOMES.get(each, ())]


def _declared() -> dict[int, list[tuple[str, Any]]]:
    """Map the identity of all that loaded modules declare to their names, and to itself, which is kept."""
    found: dict[int, list[tuple[str, Any]]] = {}
    for name, module in list(sys.modules.items()):
        for word in _DECLARATIONS if module else ():
            if (declared := vars(module).get(word)) is not None:
                found.setdefault(id(declared), []).append((name, declared))
    return found


@cache
def _closure(modules: Modules) -> tuple[tuple[str, Path], ...]:
    seen: dict[str, Path] = {}
    waiting = list(modules)
    homes = {name.partition(".")[0] for name in modules}
    while waiting:
        name = waiting.pop()
        path = _file(name) if name not in seen and _counts(name, homes) else None
        if path is None:
            continue
        seen[name] = path
        waiting += _imports(name, path)
        # A package's own file runs before what is in it.
        waiting += [name.rpartition(".")[0]] if "." in name else []
    return tuple(seen.items())


def _counts(name: str, homes: Iterable[str]) -> bool:
    top = name.partition(".")[0]
    if top != "grid" and top not in _ROOMS:
        return top in homes  # a plug-in's folder
    return any(name == room or name.startswith(f"{room}.") for room in _ROOMS)


@cache
def _imports(name: str, path: Path) -> tuple[str, ...]:
    """Name all that a module imports, anywhere in it: also what it names in a string to import later."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            found += [base, *(f"{base}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "." in node.value:
            found.append(node.value)
    return tuple(found)


@cache
def _file(name: str) -> Path | None:
    """Return a module's file, of the project or of a plug-in's folder; None for any other name."""
    if not all(part.isidentifier() for part in name.split(".")):
        return None
    top, *parts = name.split(".")
    folder = _folder(top)
    if folder is None:
        return None
    path = folder.joinpath(*parts)
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


@cache
def _folder(top: str) -> Path | None:
    if (ROOT / top / "__init__.py").is_file():
        return ROOT / top
    module = sys.modules.get(top)
    places = list(getattr(module, "__path__", ())) or list(_spec_places(top))
    return Path(places[0]) if places else None


def _spec_places(top: str) -> Iterable[str]:
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return ()
    return (spec.submodule_search_locations if spec else None) or ()


def _shown(name: str, path: Path) -> str:
    """Name a file from the project's folder on, or from a plug-in's, whose place is of one machine."""
    if path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    return f"{name.replace('.', '/')}.py"


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
