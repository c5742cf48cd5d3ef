"""Lower floors never import higher ones, and only the top two floors know Ray and MLflow."""

import ast
import os
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
    "hd2s": {"numpy", "scipy", "torch", "omegaconf"},
    "hd2s's commands": {"numpy", "torch", "av", "PIL", "rich"},
    "datasets": {"numpy", "pyarrow", "torch", "av", "scipy", "h5py", "PIL", "rich", "yaml"},
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
        ("datasets", "from hd2s.models.registry import x", {"hd2s"}),
        ("hd2s", "from sklearn import svm", {"sklearn"}),
        ("hd2s's commands", "import datasets.reading.video, av", set()),
        ("hd2s's commands", "from grid import plan", {"grid"}),
        ("grid", "import ray, mlflow, datasets", set()),
        ("grid", "from run_grid import main", {"run_grid"}),
        ("hd2s", "from . import losses\nimport math", set()),
    ],
)
def test_a_breach_is_found(room, source, expected):
    assert breaches(source, room) == expected


# What each folder or file of a room may import of the other ones in it, from the ground up.
WITHIN = {
    "manifests": {
        "escaping": set(),
        "secrets": set(),
        "problem": {"secrets"},
        "command_line": {"problem"},
        "schema": set(),
        "plugins": {"problem"},
        "digests": {"schema"},
        "parquet": {"problem", "schema"},
        "clip_check": {"problem", "schema"},
        "clips": {"schema"},
        "findings": {"parquet", "problem"},
        "store": {"clips", "digests", "findings", "parquet", "problem", "schema"},
        "writing": {"clip_check", "clips", "digests", "findings", "parquet", "problem", "schema", "store"},
        "folds": {"schema", "store"},
    },
    "hd2s": {
        "checks": set(),
        "files": set(),
        "filters": set(),
        "losses": set(),
        "registry": set(),
        "layers": {"checks"},
        "metrics": {"checks", "filters", "registry"},
        "models": {"checks", "layers", "losses", "registry"},
        "weights": {"checks", "files", "models"},
        "approaches": {"checks", "filters", "layers", "losses", "models", "registry"},
        "training": {"approaches", "checks", "layers", "losses", "models"},
        "plugins": {"approaches", "checks", "metrics", "models"},
        "prediction": {"approaches", "checks", "files", "filters", "layers", "models", "plugins", "weights"},
        "commands": {"checks", "files", "filters", "metrics", "models", "plugins", "prediction", "weights"},
    },
    "datasets": {
        "remote": set(),
        "resizing": set(),
        "worker_pool": set(),
        "corpus": set(),
        "damaged": {"corpus"},
        "listing": {"corpus"},
        "reading": {"corpus", "damaged", "listing", "resizing"},
        "corpora": {"corpus", "damaged", "listing", "reading", "resizing"},
        "indexing": {"corpora", "corpus", "damaged", "listing", "reading", "worker_pool"},
        "frame_store": {"corpora", "reading", "remote", "resizing", "worker_pool"},
        "loading": {"corpora", "corpus", "frame_store", "reading", "resizing"},
        "demo": {"corpora", "corpus", "listing", "reading"},
        "statistics": {"reading", "remote"},
        "commands": {"corpora", "corpus", "demo", "indexing", "listing", "loading", "reading", "statistics"},
    },
    "grid": {
        "clusters": set(),
        "specs": set(),
        "plan": {"specs"},
        "results": {"plan", "specs"},
        "planning": {"plan", "results", "specs"},
        "training": {"plan", "results", "specs"},
        "evaluation": {"plan", "results", "specs"},
        "running": {"evaluation", "plan", "planning", "results", "specs", "training"},
        "outputs": {"evaluation", "plan", "planning", "results", "specs"},
        "tracking": {"evaluation", "plan", "results", "running", "specs"},
        "commands": {"evaluation", "outputs", "plan", "planning", "results", "running", "specs", "tracking"},
    },
}
# Folders of which the project will have many of one kind, one file each.
REGISTRIES = {
    "datasets/corpora",
    "datasets/listing/splits",
    "grid/specs/grids",
    "grid/specs/printed_numbers",
    "grid/outputs/figures",
    "grid/outputs/tables/formats",
    "hd2s/approaches",
    "hd2s/models",
}
# Tested with the cluster that it is for.
TESTED_ELSEWHERE = {"grid.clusters.aws_account": "tests/cluster/test_aws.py"}
LARGEST_FOLDER, LONGEST_FILE, LONGEST_FUNCTION = 14, 300, 40


def modules() -> dict[str, Path]:
    """Return every module of the rooms by its dotted name."""
    files = [file for room in WITHIN for file in sorted((REPOSITORY / room).rglob("*.py"))]
    names = (".".join(file.relative_to(REPOSITORY).with_suffix("").parts) for file in files)
    return {name.removesuffix(".__init__"): file for name, file in zip(names, files, strict=True)}


def arrows(name: str, known: dict[str, Path]) -> set[str]:
    """Return the modules that a module imports, anywhere in it and for types as well."""
    found = set()
    for node in ast.walk(ast.parse(known[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found |= {module if module in known else node.module for module in names}
    return {module for module in found if module in known and module != name}


@pytest.mark.parametrize("room", WITHIN)
def test_folders_import_only_from_below(room):
    known = modules()
    inside = {name: name.split(".")[1] for name in known if name.startswith(f"{room}.")}
    entries = {entry for entry in inside.values() if entry != "__main__"}
    assert entries == WITHIN[room].keys(), "every folder has its place"
    upward = {
        (name, other)
        for name, entry in inside.items()
        for other in arrows(name, known) & inside.keys()
        if entry not in ("__main__", inside[other]) and inside[other] not in WITHIN[room][entry]
    }
    assert upward == set()


def test_no_modules_import_each_other_in_a_circle():
    known = modules()
    # A package's own file stands for what it offers, and loads hd2s' lazily.
    graph = {name: arrows(name, known) - {"hd2s"} for name in known}
    while free := {name for name, others in graph.items() if not others & graph.keys()}:
        graph = {name: others for name, others in graph.items() if name not in free}
    circles = {name: others & graph.keys() for name, others in graph.items()}
    assert circles == {}


def test_no_folder_shows_more_names_than_can_be_read_at_a_glance():
    folders = [folder for room in WITHIN for folder in (REPOSITORY / room, *(REPOSITORY / room).rglob("*/"))]
    shown = {
        folder.relative_to(REPOSITORY).as_posix(): [
            entry.name for entry in folder.iterdir() if not entry.name.startswith(("__", "."))
        ]
        for folder in folders
        if folder.name != "__pycache__" and folder.is_dir()
    }
    assert {place: len(names) for place, names in shown.items() if len(names) > LARGEST_FOLDER} == {
        place: len(names)
        for place, names in shown.items()
        if place in REGISTRIES and len(names) > LARGEST_FOLDER
    }


def test_every_module_has_a_test_file_of_its_name():
    missing = [
        name
        for name, file in modules().items()
        if not file.name.startswith("__")
        and name not in TESTED_ELSEWHERE
        and not (REPOSITORY / "tests" / file.relative_to(REPOSITORY)).with_name(f"test_{file.name}").is_file()
    ]
    assert missing == []
    assert all((REPOSITORY / place).is_file() for place in TESTED_ELSEWHERE.values())


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    told = function.body[0] if ast.get_docstring(function) else None
    return function.end_lineno - function.lineno + 1 - (told.end_lineno - told.lineno + 1 if told else 0)


def test_long_files_and_functions_are_split():
    texts = {name: file.read_text(encoding="utf-8") for name, file in modules().items()}
    long_files = {name: n for name, text in texts.items() if (n := len(text.splitlines())) > LONGEST_FILE}
    long_functions = {
        f"{name}.{node.name}": length(node)
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and length(node) > LONGEST_FUNCTION
    }
    assert (long_files, long_functions) == ({}, {})


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


@pytest.mark.slow
def test_the_rooms_under_the_grid_run_without_ray_and_mlflow():
    command = [sys.executable, "-c", _WITHOUT_RAY]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    assert done.returncode == 0, done.stderr


_WITHOUT_PYTORCH = """
import runpy, sys
sys.modules.update(dict.fromkeys(("torch", "ray", "mlflow", "matplotlib", "scipy", "h5py")))
sys.argv = ["run_grid.py", *sys.argv[1:]]
runpy.run_path("run_grid.py", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--help",), 0),
        (("--list",), 0),
        (("--grid", "table6", "--plan"), 0),
        (("--grid", "table6", "--plan", "train.lrr=3"), 2),
    ],
)
def test_what_starts_nothing_is_answered_without_what_takes_seconds_to_load(words, status, tmp_path):
    """PyTorch counts the operations of a plan that this machine has not seen before."""
    surroundings = os.environ | {"HD2S_GRID_LOCAL": str(tmp_path / "local")}
    words = [*words, *(["--out", str(tmp_path)] if "--plan" in words else [])]
    command = [sys.executable, "-c", _WITHOUT_PYTORCH, *words]
    if "--plan" in words and not status:
        seen = [sys.executable, "run_grid.py", *words]
        subprocess.run(seen, capture_output=True, cwd=REPOSITORY, env=surroundings, check=True)
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=REPOSITORY, env=surroundings, check=False
    )
    assert done.returncode == status, done.stderr
