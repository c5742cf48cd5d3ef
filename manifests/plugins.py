"""Plug-in folders: plain folders of Python files from outside the checkout, imported as they lie."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import keyword
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import ModuleType

from manifests.problem import Problem, ProblemError

_UNNAMED_IMPORTS = {"exec", "importlib", "__import__", "pkgutil", "runpy"}
# What reads a folder may import all that it finds there.
_FOLDERS_READ = {"glob", "rglob", "iterdir", "listdir", "scandir", "walk"}


def import_folder(folder: Path) -> list[ModuleType]:
    """Import every file of a plug-in folder, so that its files may import each other by the folder's name.

    Each ``<folder>/<stem>.py`` that does not begin with ``_`` becomes the module ``<folder's name>.<stem>``;
    the folder's parent goes to the end of `sys.path`. A folder that was imported before is not read again.

    Args:
        folder: whose name is an identifier that no other module has.

    Returns:
        The modules, in order of their names.

    Raises:
        ProblemError: all that is wrong with the folder or its files; files that fail to import with the line.
    """
    folder = Path(folder).resolve()
    if problem := _unfit(folder):
        raise ProblemError(problem)
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    if not files:
        remedy = "Put each plug-in into a file of its own there."
        raise ProblemError(Problem(str(folder), "Python files", "none", remedy))
    if str(folder.parent) not in sys.path:
        sys.path.append(str(folder.parent))
    importlib.invalidate_caches()
    imported = [_import(file) for file in files]
    if problems := [each for each in imported if isinstance(each, Problem)]:
        raise ProblemError(problems)
    return [each for each in imported if not isinstance(each, Problem)]


def import_digested(folder: Path, *, lists_data: bool = False) -> dict[ModuleType, str]:
    """Import a plug-in folder; return the `digest` of each module's file. Arguments and errors of both."""
    modules, files = import_folder(folder), python_files(folder)
    names = {module: f"{module.__name__.rpartition('.')[2]}.py" for module in modules}
    return {module: digest(files, name, lists_data=lists_data) for module, name in names.items()}


def python_files(folder: Path) -> dict[str, bytes]:
    """Return the contents of the Python files below a folder, by their names relative to it."""
    found = {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob("*.py")}
    return {name: found[name].read_bytes() for name in found if "__pycache__" not in name.split("/")}


def digest(texts: Mapping[str, bytes], file: str = "", *, lists_data: bool = False) -> str:
    """Return sha256 (hex) over the names and contents of Python files.

    Args:
        texts: the `python_files` of a plug-in's folder.
        file: the name of one; empty for all. It stands for itself and for what it may import there: each file
            whose name is a word of its text, and what these name in turn. That is all of them where a text
            can import what it does not name.
        lists_data: the folders that it reads are those of a corpus, in which there is nothing to import.
    """
    content, unnamed = hashlib.sha256(), _UNNAMED_IMPORTS | (set() if lists_data else _FOLDERS_READ)
    for name in sorted(_used(file, texts, unnamed) if file else texts):
        content.update(f"{name}\0{len(texts[name])}\0".encode())
        content.update(texts[name])
    return content.hexdigest()


def _used(file: str, texts: Mapping[str, bytes], unnamed: set[str]) -> set[str]:
    used: set[str] = set()
    waiting = {file, "__init__.py"} & texts.keys()
    while waiting:
        used |= waiting
        # Words, not statements: what is imported within a function, or by a string, is seen as well.
        named = set().union(*(re.findall(r"\w+", texts[name].decode(errors="replace")) for name in waiting))
        if named & unnamed:
            return set(texts)
        waiting = {name for name in texts if _called(name) in named} - used
    return used


def _called(name: str) -> str:
    """Return what a file is imported as, a package's by its folder."""
    path = PurePosixPath(name)
    return path.parent.name if path.stem == "__init__" else path.stem


def _unfit(folder: Path) -> Problem | None:
    """Return why a folder cannot be imported under its name, if it cannot."""
    name, where = folder.name, f"plug-in folder {folder}"
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        return Problem(where, "a folder of Python files", found, "Check the path.")
    if not name.isidentifier() or keyword.iskeyword(name):
        remedy = "Rename it: letters, digits and _, and no digit first."
        return Problem(where, "a name that Python can import", repr(name), remedy)
    if other := _taken_by(folder):
        remedy = "Rename the folder: one name stands for one place."
        return Problem(where, "a name that no other module has", f"{name} at {other}", remedy)
    return None


def _taken_by(folder: Path) -> str:
    """Return what is imported by a folder's name and is not the folder itself; empty if nothing is."""
    try:
        spec = importlib.util.find_spec(folder.name)
    except ValueError:  # of a module that was made and not found, such as __main__
        return "a module that is loaded"
    if spec is None:
        return ""
    places: Sequence[str] = spec.submodule_search_locations or [spec.origin or "the interpreter"]
    others = [place for place in places if Path(place).resolve() != folder]
    return ", ".join(others)


def _import(file: Path) -> ModuleType | Problem:
    if not file.stem.isidentifier():
        remedy = "Rename it: letters, digits and _, and no digit first."
        return Problem(str(file), "a name that Python can import", repr(file.stem), remedy)
    try:
        return importlib.import_module(f"{file.parent.name}.{file.stem}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever another's code raises
        line = line_of(error, file)
        where = f"{file}, line {line}" if line else str(file)
        remedy = "Mend it; files whose names begin with _ are left aside."
        if isinstance(error, ModuleNotFoundError) and file.with_name(f"{error.name}.py").is_file():
            remedy = f"Files of a folder import each other as: from .{error.name} import …"
        return Problem(where, "a file that can be imported", last_line(error), remedy)


def last_line(error: BaseException) -> str:
    """Return what the last line of an error's traceback says: its type and its message."""
    return traceback.format_exception_only(error)[-1].strip()


def line_of(error: BaseException, file: Path) -> int | None:
    """Return the line of a file at which an error arose, or which led there."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return frames[-1].lineno if frames else None
