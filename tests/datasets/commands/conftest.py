"""A corpus that was indexed from the command line, shared by the commands' tests."""

import shutil
import subprocess
import sys

import pytest

from tests.datasets.small_corpora import write_dhf1k
from tests.places import REPOSITORY


@pytest.fixture(scope="package")
def indexed(tmp_path_factory):
    """A corpus with one damaged clip, its manifest, and what index said."""
    folder = tmp_path_factory.mktemp("indexed")
    for number in (1, 2, 601, 702):
        write_dhf1k(folder / "corpus", number)
    (folder / "corpus/annotation/0002/maps/0012.png").unlink()
    command = [sys.executable, "-m", "datasets", "index", "dhf1k", "--root", str(folder / "corpus")]
    command += ["--out", str(folder / "m"), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    return folder, done


@pytest.fixture
def copied(indexed, tmp_path):
    """The same, to be changed: the files keep their times."""
    shutil.copytree(indexed[0], tmp_path / "copy")
    return tmp_path / "copy" / "corpus", tmp_path / "copy" / "m"


@pytest.fixture
def refused(tmp_path, capsys, monkeypatch):
    """Run a command in an empty folder that is wrongly used: told with status 2, and nothing is written."""
    from datasets.__main__ import main

    def run(*arguments, text):
        monkeypatch.chdir(tmp_path)
        assert main([*arguments, "--root", str(tmp_path)]) == 2
        assert text in capsys.readouterr().err
        assert not list(tmp_path.iterdir())

    return run
