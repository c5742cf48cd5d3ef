"""Whether results can be written, asked before the time is spent that they take."""

from __future__ import annotations

import os
from pathlib import Path

from manifests import Problem, ProblemError


def require_folder(option: str, folder: Path) -> None:
    """Refuse a folder that nothing can be written to; makes none.

    Raises:
        ProblemError: a file is in its way, or the folder that is there is read-only.
    """
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        found = f"{there}, which is {'read-only' if there.is_dir() else 'a file'}"
        remedy = f"Give another {option}."
        raise ProblemError(Problem(f"{option} {folder}", "a folder to write to", found, remedy))


def require_file(option: str, path: Path) -> None:
    """Refuse a file that cannot be written.

    Raises:
        ProblemError: a folder is in its place, or its own folder is none to write to.
    """
    if path.is_dir():
        raise ProblemError(Problem(f"{option} {path}", "a file to write", "a folder", "Name a file in it."))
    require_folder(option, path.parent)
