"""The code that runs is this project's: also on workers, and also beside a published package `datasets`."""

from __future__ import annotations

import hashlib
import platform
import re
import subprocess
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
from manifests.problem import Problem, ProblemError

if TYPE_CHECKING:
    import torch

ROOT = Path(__file__).resolve().parents[2]
_ROOMS = ("manifests", "hd2s", "datasets", "grid")
# The libraries that decode, train, predict and score.
_COMPUTING = ("torch", "numpy", "scipy", "av", "pillow")


def assert_ours() -> None:
    """Check that `datasets` is this project's package.

    Raises:
        ProblemError: another package of that name came first on the path.
    """
    here = ROOT / "datasets"
    found = Path(datasets.__file__ or ".").resolve().parent
    if found != here:
        raise ProblemError(
            Problem(
                "package datasets",
                str(here),
                str(found),
                "Run run_grid.py from the project's folder, or uninstall the other package named datasets.",
            )
        )


def source_version() -> str:
    """Return the project's version and a SHA-256 of its code and data, which need no git to be told."""
    files = [ROOT / "run_grid.py", *(path for room in _ROOMS for path in (ROOT / room).rglob("*"))]
    sources = {path.relative_to(ROOT).as_posix(): path for path in files if _is_source(path)}
    digest = hashlib.sha256()
    for name, path in sorted(sources.items()):
        content = path.read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return f"{_project()['name']} {_project()['version']}, sources {digest.hexdigest()[:16]}"


@cache
def commit() -> str:
    """Return the commit that is checked out, and whether files differ from it; empty without git."""
    # A copy inside another repository is none of its commits.
    if not (ROOT / ".git").exists():
        return ""
    changed = _git("status", "--porcelain", "--", "run_grid.py", *_ROOMS)
    head = _git("rev-parse", "HEAD")
    return f"{head} with changes" if head and changed else head


def address() -> str:
    """Return where the code was cloned from, without a user's name or password; empty if from no server."""
    found = re.fullmatch(r"(?:(https?|ssh|git)://)?(?:[^@/]+@)?([^/:@]+[.][^/:@]+)([:/].+)", _origin())
    return f"{found[1] + '://' if found[1] else ''}{found[2]}{found[3]}" if found else ""


def requirements() -> list[str]:
    """List the packages that the project declares with their installed versions, as pip reads them."""
    names = [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in _project()["dependencies"]]
    return [f"{name}=={metadata.version(name)}" for name in names]


def device_name(device: str | torch.device) -> str:
    """Name what computes: a GPU as its driver does, or "CPU"."""
    import torch  # noqa: PLC0415 - seconds, that all else here does without

    kind = torch.device(device)
    return torch.cuda.get_device_name(kind) if kind.type == "cuda" else "CPU"


def computed(device: str | torch.device, threads: int, batch: int | None = None) -> dict[str, Any]:
    """Say by what numbers are computed, as far as it may change their last digits.

    Args:
        device: that computes.
        threads: of PyTorch.
        batch: frames at once; None where a unit's id says it.
    """
    import torch  # noqa: PLC0415 - as above

    known = {"device": device_name(device), "threads": threads, **({"batch": batch} if batch else {})}
    known["instructions"] = torch.backends.cpu.get_cpu_capability()
    return known | {name: metadata.version(name) for name in _COMPUTING}


def unlike(found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return those of several descriptions that differ, in order."""
    different: list[dict[str, Any]] = []
    for each in filter(None, found):
        if each not in different:
            different.append(dict(each))
    return different


def python_version() -> str:
    """Name the Python that runs."""
    return f"{platform.python_implementation()} {platform.python_version()}"


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix in {".py", ".yaml", ".txt"} and "__pycache__" not in path.parts


def _origin() -> str:
    return _git("config", "--get", "remote.origin.url") if commit() else ""


def _git(*arguments: str) -> str:
    """Return what git answers in the project's folder; empty where there is no git, or no such answer."""
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
