import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import pytest

from hd2s.approaches.registry import approaches
from hd2s.metrics.definitions import METRICS, find_metric
from hd2s.models.registry import models
from hd2s.registry import Later, Registry, declared_in
from tests.places import REPOSITORY


@dataclass(frozen=True)
class Thing:
    word: str
    title: str = ""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of two modules that declare a thing, and one that declares none."""
    name = f"things_of_{tmp_path.name}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "none.py").touch()
    for module, word in (("first", "b"), ("second", "a")):
        (folder / f"{module}.py").write_text(
            f"from types import SimpleNamespace\nTHING = SimpleNamespace(word={word!r})\n"
        )
    monkeypatch.syspath_prepend(tmp_path)
    return import_module(name)


def test_what_a_folders_modules_declare_is_known_by_word(package):
    assert list(declared_in(package, "THING")) == ["a", "b"]
    assert declared_in(package, "OTHER") == {}
    assert list(Registry("thing", package, "THING").known()) == ["a", "b"]


def test_a_word_is_one_declarations(package):
    registry = Registry("thing", package, "THING")
    registry.register(Thing("aa"))
    registry.register(Thing("aa"))
    assert list(registry.known()) == ["a", "aa", "b"]
    for taken in (Thing("a"), Thing("aa", "another")):
        with pytest.raises(ValueError, match=f"the word {taken.word} is another thing's"):
            registry.register(taken)


def test_one_from_outside_may_be_left_out_again(package):
    registry = Registry("thing", package, "THING")
    registry.register(Thing("aa"))
    for word in ("aa", "aa", "a"):
        registry.forget(word)
    assert list(registry.known()) == ["a", "b"], "the folder's own stay"


def test_two_registries_share_nothing(package):
    one, other = (Registry("thing", package, "THING") for _ in range(2))
    one.register(Thing("c"))
    assert "c" not in other.known()
    assert Registry("thing", ModuleType("nothing"), "THING").plugged_in == {}


def test_what_is_loaded_later_is_called_as_itself():
    add = Later("operator", "add")
    assert add(2, 3) == 5
    assert add == Later("operator", "add")
    with pytest.raises(AttributeError, match="no attribute 'ad'"):
        Later("operator", "ad")(2, 3)


def test_all_that_declarations_name_is_there():
    named = [model.build for model in models().values()]
    named += [each for approach in approaches().values() for each in (approach.learner, approach.around)]
    named += [form for name in METRICS for form in vars(find_metric(name)).values() if callable(form)]
    assert all(callable(each.loaded) for each in named if each)


def test_declarations_load_without_pytorch():
    source = (
        "import sys; sys.modules['torch'] = None\n"
        "from hd2s.approaches.registry import approaches; from hd2s.models.registry import models\n"
        "print(*approaches(), *models())"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=True)
    assert done.stdout.split() == [*approaches(), *models()]
