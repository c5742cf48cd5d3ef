"""A benchmark that nobody runs is none: each of them as small as it can be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.places import REPOSITORY

FOLDER = Path(__file__).parent
# What is no benchmark of its own.
PARTS = {"released_style.py"}
ON_RAY = {"orchestration_overhead.py"}
FILES = sorted({path.name for path in FOLDER.glob("*.py")} - PARTS - {Path(__file__).name})


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.ray, pytest.mark.long] * (name in ON_RAY)) for name in FILES],
)
def test_it_runs_and_prints_a_table(name):
    surroundings = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(FOLDER / name), "--tiny"]
    done = subprocess.run(command, capture_output=True, text=True, env=surroundings, check=False)
    assert done.returncode == 0, done.stderr
    assert any(char.isdigit() for char in done.stdout)
