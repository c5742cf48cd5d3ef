from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import pytest

from hd2s.registry import Registry, declared_in


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


def test_two_registries_share_nothing(package):
    one, other = (Registry("thing", package, "THING") for _ in range(2))
    one.register(Thing("c"))
    assert "c" not in other.known()
    assert Registry("thing", ModuleType("nothing"), "THING").plugged_in == {}
