"""What there is of a kind by word: what the files of one folder declare, and what plug-ins bring."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Generic, Protocol, TypeVar


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

    def register(self, declaration: Declared) -> None:
        """Add one from outside the folder; the same one again changes nothing.

        Raises:
            ValueError: its word is another one's.
        """
        if self.known().get(declaration.word, declaration) != declaration:
            raise ValueError(f"the word {declaration.word} is another {self._kind}'s")
        self.plugged_in[declaration.word] = declaration


def declared_in(package: ModuleType, name: str) -> dict[str, Declared]:
    """Return what modules of a package declare under a name, by its word, in alphabetical order."""
    modules = (
        importlib.import_module(f"{package.__name__}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
    )
    found = [getattr(module, name) for module in modules if hasattr(module, name)]
    return {declaration.word: declaration for declaration in sorted(found, key=lambda one: one.word)}
