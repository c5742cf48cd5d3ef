"""Names in the output folder: those that folders of today have, and one home for all of them."""

import ast
import re
from pathlib import Path

import pytest

from grid.results import output_folder
from tests.places import REPOSITORY

HOME = REPOSITORY / "grid" / "results" / "output_folder.py"


@pytest.mark.parametrize(
    ("name", "on_disk"),
    [
        (output_folder.result("training", "u"), "results/training-u.parquet"),
        (output_folder.result("evaluation", "u"), "results/evaluation-u.parquet"),
        (output_folder.checkpoint("u"), "checkpoints/u.pt"),
        (output_folder.checkpoint("u", "last"), "checkpoints/u.last.pt"),
        (output_folder.states("u"), "resume/u"),
        (output_folder.state("u", 12, "ab"), "resume/u/checkpoint_00000012_ab/state.pt"),
        (output_folder.part("u", 3), "parts/u/3.parquet"),
        (output_folder.picture("u", "a/clip"), "pictures/u/a_clip.png"),
        (output_folder.failure("u"), "logs/u.error.txt"),
        (output_folder.log("small", "20260101-120000"), "logs/small-20260101-120000.log"),
        (output_folder.call("small"), "grids/small.json"),
        (output_folder.demo_manifest("dhf1k"), "manifests/dhf1k"),
        (output_folder.shared_manifest("DHF1K", "12"), "manifests/DHF1K-12"),
        (output_folder.shared_weights("12"), "weights/12.pt"),
        (output_folder.LOCK, ".lock"),
        (output_folder.MLFLOW_STORE, "mlflow.db"),
    ],
)
def test_names_are_those_of_the_folders_that_there_are(name, on_disk):
    assert name == on_disk


@pytest.mark.parametrize("kind", ["training", "evaluation"])
@pytest.mark.parametrize("unit", ["plain", "training-of.evaluation-1"])
def test_a_result_tells_its_unit(kind, unit):
    assert output_folder.unit_of(Path("out", output_folder.result(kind, unit)), kind) == unit


def test_later_states_sort_behind_earlier_ones_whoever_saves_them():
    names = [output_folder.state("u", step, save) for step, save in ((9, "ff"), (10, "00"), (100_000, "aa"))]
    assert names == sorted(names)


def test_a_units_folders_lie_in_those_that_are_cleared():
    assert Path(output_folder.states("u")).parent == Path(output_folder.STATES)
    assert Path(output_folder.parts("u")).parent == Path(output_folder.PARTS)


def test_no_other_module_spells_such_a_name():
    spelt = re.compile(r"(results|checkpoints|resume|parts|logs|grids|manifests)/\S*|mlflow\.db|\.lock")
    found = [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}: {node.value}"
        for path in [*(REPOSITORY / "grid").rglob("*.py"), REPOSITORY / "run_grid.py"]
        if path != HOME
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and spelt.fullmatch(node.value)
    ]
    assert found == []
