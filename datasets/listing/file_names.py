"""Which names of files and folders are looked at, and which lead astray."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath

_JUNK = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found")
"""Left by file managers and file systems, in lower case."""


def is_usable_name(name: str) -> bool:
    """Whether a file is not hidden, not left by a system, and has a name that can be written down."""
    junk = name.startswith(".") or name.lower() in _JUNK
    return not junk and is_writable_name(name)


def is_writable_name(name: str) -> bool:
    """Whether a name is text; the system allows others, which no manifest can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def escapes(name: str) -> bool:
    """Whether a name from a list would lead out of the folder it is looked for in, on any system."""
    windows = PureWindowsPath(name)
    return PurePosixPath(name).is_absolute() or bool(windows.anchor) or ".." in windows.parts
