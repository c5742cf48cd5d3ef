"""What there is of a kind by word: what the files of one folder declare, and what plug-ins bring.

PyTorch takes seconds to load, and who asks for a name, a setting or a range needs none of it: a file that
declares something loads without it, and names what does the work, which is loaded when it is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar


@dataclass(frozen=True)
class Later:
    """A function or class that is loaded when it is first called.

    Attributes:
        module: where it is.
        name: its name there.
    """

    module: str
    name: str

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call it."""
        return self.loaded(*arguments, **named)

    @property
    def loaded(self) -> Any:
        """The function or class itself."""
        return getattr(import_module(self.module), self.name)


class HasWord(Protocol):
    """What is known by a word."""

    @property
    def word(self) -> str:
        """The word."""


Declared = TypeVar("Declared", bound=HasWord)


class Registry(Generic[Declared]):
    """The declarations of one kind.

    Args:
        kind: what one is called, such as "model".
        package: the folder whose modules declare them, one each.
        name: what a declaration is called in its module, such as "MODEL".
    """

    def __init__(self, kind: str, package: ModuleType, name: str) -> None:
        self._kind, self._package, self._name = kind, package, name
        self._own: dict[str, Declared] | None = None
        self.plugged_in: dict[str, Declared] = {}

    def known(self) -> dict[str, Declared]:
        """Return every declaration by its word, in alphabetical order."""
        if self._own is None:
            self._own = declared_in(self._package, self._name)
        return dict(sorted((self._own | self.plugged_in).items()))

    def ours_first(self) -> dict[str, Declared]:
        """Return the same, those from outside last: what is told of ours is not to become theirs."""
        return dict(sorted(self.known().items(), key=lambda item: item[0] in self.plugged_in))

    def register(self, declaration: Declared) -> None:
        """Add one from outside the folder; the same one again changes nothing.

        Raises:
            ValueError: its word is another one's.
        """
        if self.known().get(declaration.word, declaration) != declaration:
            raise ValueError(f"the word {declaration.word} is another {self._kind}'s")
        self.plugged_in[declaration.word] = declaration

    def forget(self, word: str) -> None:
        """Leave out one from outside the folder."""
        self.plugged_in.pop(word, None)


def declared_in(package: ModuleType, name: str) -> dict[str, Declared]:
    """Return what modules of a package declare under a name, by its word, in alphabetical order.

    Those are loaded that have a line which begins with the name.
    """
    (folder,) = map(Path, package.__path__)
    files = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    declaring = [file for file in files if f"\n{name} = " in f"\n{file.read_text(encoding='utf-8')}"]
    modules = (file.parent.name if file.name == "__init__.py" else file.stem for file in declaring)
    found = [getattr(import_module(f"{package.__name__}.{module}"), name) for module in modules]
    return {declaration.word: declaration for declaration in sorted(found, key=lambda one: one.word)}
