"""Lower floors never import higher ones, and only the top two floors know Ray and MLflow."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import REPOSITORY

# What each room may import of this project.
OURS = {
    "manifests": set(),
    "hd2s": set(),
    "hd2s's commands": {"manifests", "hd2s", "datasets"},
    "datasets": {"manifests"},
    "grid": {"manifests", "hd2s", "datasets"},
    "run_grid": {"manifests", "hd2s", "datasets", "grid"},
}
# Command lines of a room, where it meets the room beside it; nothing else of the project imports them.
ENTRY_POINTS = {"hd2s": ("hd2s/__main__.py", "hd2s/commands/")}
# What else the rooms under the grid may import, besides the standard library.
THIRD_PARTY = {
    "manifests": {"numpy", "pyarrow"},
    "hd2s": {"numpy", "torch", "omegaconf"},
    "hd2s's commands": {"numpy", "torch", "av", "PIL", "rich"},
    "datasets": {"numpy", "pyarrow", "torch", "av", "scipy", "h5py", "PIL", "rich"},
}


def sources(room: str) -> list[Path]:
    room, _, commands = room.partition("'s ")
    folder = REPOSITORY / room
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [REPOSITORY / f"{room}.py"]
    entries = ENTRY_POINTS.get(room, ())
    return [f for f in files if f.relative_to(REPOSITORY).as_posix().startswith(entries) == bool(commands)]


def imported(source: str, room: str) -> set[str]:
    """Return the top-level names a module imports anywhere in it, at the top or inside a function."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(room if node.level else node.module.partition(".")[0])
    return names


def breaches(source: str, room: str) -> set[str]:
    """Return what a module of a room imports and may not."""
    names = imported(source, room) - {room} - sys.stdlib_module_names
    ours = names & set(OURS)
    allowed = THIRD_PARTY.get(room)
    return (ours - OURS[room]) | (set() if allowed is None else names - ours - allowed)


@pytest.mark.parametrize("room", OURS)
def test_rooms_import_only_from_below(room):
    files = sources(room)
    assert files
    found = {str(f.relative_to(REPOSITORY)): breaches(f.read_text(encoding="utf-8"), room) for f in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_only_entry_points_import_entry_points():
    others = [f for room in OURS for f in sources(room) if "'s " not in room]
    assert [f for f in others if "hd2s.commands" in f.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("room", "source", "expected"),
    [
        ("manifests", "from datasets import video", {"datasets"}),
        ("hd2s", "def f():\n    import manifests.store as s", {"manifests"}),
        ("datasets", "import numpy\nimport ray.train", {"ray"}),
        ("datasets", "from hd2s.models.hd2s.model import x", {"hd2s"}),
        ("hd2s", "from scipy import ndimage", {"scipy"}),
        ("hd2s's commands", "import datasets.reading.video, av", set()),
        ("hd2s's commands", "from grid import plan", {"grid"}),
        ("grid", "import ray, mlflow, datasets", set()),
        ("grid", "from run_grid import main", {"run_grid"}),
        ("hd2s", "from . import losses\nimport math", set()),
    ],
)
def test_a_breach_is_found(room, source, expected):
    assert breaches(source, room) == expected


_WITHOUT_RAY = """
import importlib, pkgutil, sys
for name in ("ray", "mlflow", "grid"):
    sys.modules[name] = None
for room in ("manifests", "hd2s", "datasets"):
    package = importlib.import_module(room)
    for module in pkgutil.walk_packages(package.__path__, f"{room}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


def test_the_rooms_under_the_grid_run_without_ray_and_mlflow():
    command = [sys.executable, "-c", _WITHOUT_RAY]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr
