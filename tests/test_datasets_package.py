"""``import datasets`` is this project's package, not the published one of the same name."""

import subprocess
import sys
from pathlib import Path

from tests.places import REPOSITORY


def test_the_imported_datasets_are_ours():
    import datasets

    assert Path(datasets.__file__).resolve() == REPOSITORY / "datasets" / "__init__.py"


def test_a_script_in_the_repository_imports_ours():
    command = [sys.executable, "-c", "import datasets; print(datasets.__file__)"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert Path(done.stdout.strip()).resolve() == REPOSITORY / "datasets" / "__init__.py"
