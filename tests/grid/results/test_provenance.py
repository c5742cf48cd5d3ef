"""Whose code runs, which version of it, and with what packages."""

import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from grid.results import provenance
from grid.results.provenance import address, assert_ours, commit, python_version, requirements, source_version
from manifests.problem import ProblemError
from tests.places import REPOSITORY


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A project of one file in each room."""
    for name in ("run_grid.py", "pyproject.toml"):
        (tmp_path / name).write_bytes((REPOSITORY / name).read_bytes())
    for room in ("manifests", "hd2s", "datasets", "grid"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "module.py").write_text(f"ROOM = {room!r}")
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    return tmp_path


def test_the_source_version_is_the_same_twice_and_names_the_project():
    assert source_version() == source_version()
    assert re.fullmatch(r"hd2s-grid \S+, sources [0-9a-f]{16}", source_version())


def test_every_change_of_code_or_data_is_another_version(copied):
    versions = [source_version()]
    for name in ("grid/module.py", "hd2s/module.py", "run_grid.py", "grid/new.yaml", "datasets/split.txt"):
        with (copied / name).open("a") as file:
            file.write(" ")
        versions.append(source_version())
    (copied / "grid" / "module.py").rename(copied / "grid" / "another.py")
    assert len({*versions, source_version()}) == len(versions) + 1


def test_what_is_no_source_changes_no_version(copied):
    before = source_version()
    for name in ("grid/__pycache__/module.py", "grid/module.pyc", "tests/test_it.py", "README.md"):
        (copied / name).parent.mkdir(exist_ok=True)
        (copied / name).write_text("anything")
    assert source_version() == before


@pytest.fixture
def cloned(copied):
    """The same as a git repository with one commit, and what calls git there."""

    def git(*arguments):
        who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", "-C", str(copied), *who, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "--message", "all")
    commit.cache_clear()
    yield git
    commit.cache_clear()


def test_a_commit_is_told_with_whether_sources_differ_from_it(cloned, copied):
    head = cloned("rev-parse", "HEAD")
    (copied / "notes.txt").write_text("not of the sources")
    assert commit() == head
    (copied / "grid" / "module.py").write_text("changed")
    commit.cache_clear()
    assert commit() == f"{head} with changes"


def test_without_git_and_inside_another_repository_there_is_no_commit(cloned, copied, monkeypatch):
    (copied / "inner").mkdir()
    monkeypatch.setattr(provenance, "ROOT", copied / "inner")
    assert commit() == ""
    assert address() == ""


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ("https://example.org/lab/grid.git", "https://example.org/lab/grid.git"),
        ("https://me:secret@example.org/lab/grid.git", "https://example.org/lab/grid.git"),
        ("git@example.org:lab/grid.git", "example.org:lab/grid.git"),
        ("/home/me/grid", ""),
        ("file:///home/me/grid", ""),
    ],
)
def test_an_address_names_a_server_and_nobody(cloned, origin, told):
    assert address() == "", "there is none yet"
    cloned("remote", "add", "origin", origin)
    assert address() == told


def test_requirements_are_the_installed_versions_of_what_is_declared():
    found = dict(line.split("==") for line in requirements())
    assert found.keys() >= {"torch", "ray", "mlflow", "scipy"}
    assert found["ray"] == __import__("ray").__version__
    assert python_version() == f"CPython {sys.version.split()[0]}"


def test_this_projects_datasets_is_ours():
    assert_ours()


def test_another_package_of_that_name_is_told_from_ours(monkeypatch, tmp_path):
    foreign = SimpleNamespace(__file__=str(tmp_path / "datasets" / "__init__.py"))
    monkeypatch.setattr(provenance, "datasets", foreign)
    with pytest.raises(ProblemError, match=f"found {tmp_path}/datasets.*uninstall the other package"):
        assert_ours()


@pytest.mark.slow
def test_the_version_that_an_export_tells_is_printed_by_the_command_that_it_gives():
    command = "from grid.results.provenance import source_version; print(source_version())"
    answer = subprocess.run(
        [sys.executable, "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == source_version()
