"""Which names of files and folders are looked at, what their suffixes tell, and which lead astray."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import PurePosixPath, PureWindowsPath

VIDEO_SUFFIXES = ("avi", "mp4", "m4v", "mkv", "mov", "mpg", "mpeg", "webm", "wmv", "flv")
IMAGE_SUFFIXES = ("png", "jpg", "jpeg", "bmp", "webp", "tif", "tiff")

JUNK_NAMES = ("thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found")
"""Left by file managers and file systems, in lower case."""


def is_usable_name(name: str) -> bool:
    """Whether a file is not hidden, not left by a system, and has a name that can be written down."""
    junk = name.startswith(".") or name.lower() in JUNK_NAMES
    return not junk and is_writable_name(name)


def is_writable_name(name: str) -> bool:
    """Whether a name is text; the system allows others, which no manifest can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_image(name: str) -> bool:
    """Whether a file is an image by its suffix."""
    stem, _, suffix = name.rpartition(".")
    return bool(stem) and suffix.lower() in IMAGE_SUFFIXES


def is_a_folder(item: os.DirEntry) -> bool:
    """Whether it is one; a link that leads round in a circle is none, and no reason to list nothing more."""
    try:
        return item.is_dir()
    except OSError:
        return False


def first_few(names: Sequence[str], count: int = 5) -> str:
    """Return some names as a text, and that there are more."""
    return f"{', '.join(names[:count])}{' …' if len(names) > count else ''}"


def escapes(name: str) -> bool:
    """Whether a name from a list would lead out of the folder it is looked for in, on any system."""
    windows = PureWindowsPath(name)
    return PurePosixPath(name).is_absolute() or bool(windows.anchor) or ".." in windows.parts
