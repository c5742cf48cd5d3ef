"""Where a corpus lies: a folder on this machine, or a url."""

from __future__ import annotations

from pathlib import Path


def is_url(root: Path | str) -> bool:
    """Whether a corpus root is no folder on this machine."""
    return "://" in str(root)


def absolute(root: Path | str) -> str:
    """Return a root as it is found from any folder."""
    return str(root) if is_url(root) else str(Path(root).resolve())
