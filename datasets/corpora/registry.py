"""The corpora there are: one file of this folder for each, found by the adapter in it, `CORPUS`.

Those of plug-in folders are registered, by each process that is to know them.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import ModuleType

from datasets.corpus import Corpus
from manifests import ManifestError, Problem, ProblemError
from manifests.parquet import read_metadata
from manifests.plugins import import_digested
from manifests.problem import gathered, suggest
from manifests.store import CLIPS

OWN_FOLDER = "folder"
"""As the command line says a corpus of the user's own, which needs no adapter."""

_MANIFESTS = Path("manifests")

_registered: dict[str, Corpus] = {}
_code: dict[str, str] = {}
"""Of each of a plug-in folder, by its word, the digest of its file and of what that may import there."""


def available() -> list[str]:
    """Return the command-line words of all adapters."""
    return list(_adapters())


def get(word: str) -> Corpus:
    """Return the adapter with this command-line word or corpus name.

    Raises:
        ProblemError: there is none; names the nearest and all there are.
    """
    by_word = _adapters()
    by_name = {corpus.name: corpus for corpus in by_word.values()}
    known = by_word | by_name
    if word in known:
        return known[word]
    raise ProblemError(Problem("corpus", "a known corpus", repr(word), suggest(word, known)))


def find(name: str) -> Corpus | None:
    """Return the adapter of the corpus of this name; None if no adapter has it."""
    return next((corpus for corpus in _adapters().values() if corpus.name == name), None)


def title(name: str) -> str:
    """Return how tables write the name of a corpus; that of one without an adapter is left as it is."""
    corpus = find(name)
    return corpus.title or name if corpus else name


def default_folder(corpus: Corpus | str) -> Path:
    """Return where a corpus's manifest lies unless said otherwise: manifests/<word> in the current folder."""
    return _MANIFESTS / (get(corpus) if isinstance(corpus, str) else corpus).word


def indexed() -> dict[str, Path]:
    """Return corpus → the folder of its manifest, of every corpus that is indexed below manifests/.

    Of several manifests of one corpus the one in its default folder counts, else none does.
    """
    found: dict[str, list[Path]] = {}
    for clips in sorted(_MANIFESTS.glob(f"*/{CLIPS}")):
        # A damaged one is told when it is asked for by its place.
        with suppress(ManifestError):
            found.setdefault(read_metadata(clips)["corpus"], []).append(clips.parent)
    alone = {name: folders[0] for name, folders in found.items() if len(folders) == 1}
    names = {corpus.name: default_folder(corpus) for corpus in _adapters().values()}
    usual = {name: names.get(name, _MANIFESTS / name) for name in found}
    return alone | {name: folder for name, folder in usual.items() if folder in found[name]}


def manifest_folder(word: str) -> Path:
    """Return where the manifest of a corpus is, or would be, by its command-line word or its name."""
    corpus = _adapters().get(word) or find(word)
    name = corpus.name if corpus else word
    return indexed().get(name) or (default_folder(corpus) if corpus else _MANIFESTS / word)


def is_plain(name: str) -> bool:
    """Whether a corpus may be called so: it stands on command lines, in tables and in names of folders."""
    return re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", name) is not None


def taken(besides: Corpus | None = None) -> dict[str, str]:
    """Return the words and names of all adapters in lower case, and the name of the corpus that has each.

    Args:
        besides: an adapter that may keep its own.
    """
    others = [corpus for corpus in _adapters().values() if not (besides and _same(corpus, besides))]
    return {text.lower(): corpus.name for corpus in others for text in (corpus.word, corpus.name)}


def register(corpus: Corpus) -> None:
    """Add an adapter from outside the checkout, for this process; the same module's again replaces it.

    Raises:
        ProblemError: it is no adapter, or its word or name is none that is free.
    """
    if not isinstance(corpus, Corpus):
        remedy = "Make it an instance of a class that extends Corpus."
        raise ProblemError(Problem("CORPUS", "a datasets.corpus.Corpus", repr(corpus), remedy))
    where, problems = f"corpus adapter in {type(corpus).__module__}", []
    used = {OWN_FOLDER: "a folder of one's own"} | taken(besides=corpus)
    for what in ("word", "name"):
        text = getattr(corpus, what, "")
        if not is_plain(text):
            remedy = "Use letters, digits, _ and -."
            problems.append(Problem(where, f"a plain {what}", repr(text), remedy))
        elif text.lower() in used:
            found = f"{text!r}, which {used[text.lower()]} has"
            problems.append(Problem(where, f"a {what} of its own", found, "Choose another."))
    if problems:
        raise ProblemError(problems)
    _registered[corpus.word] = corpus


def register_plugins(folders: Iterable[Path]) -> None:
    """Register the `CORPUS` of each file in these plug-in folders that has one.

    Raises:
        ProblemError: all that is wrong with the folders, their files and their adapters.
    """
    problems: list[Problem] = []
    for folder in folders:
        found: dict[ModuleType, str] = {}
        with gathered(problems):
            found = import_digested(folder, lists_data=True)
        for module, code in found.items():
            with gathered(problems):
                if hasattr(module, "CORPUS"):
                    register(module.CORPUS)
                    _code[module.CORPUS.word] = code
    if problems:
        raise ProblemError(problems)


def code_of(corpus: Corpus) -> str:
    """Return the digest of the code that reads a corpus, if it is a plug-in folder's; else nothing."""
    return _code.get(corpus.word, "") if corpus.word in _registered else ""


def is_built_in(name: str) -> bool:
    """Whether the adapter of the corpus of this name is one of this folder."""
    return any(corpus.name == name for corpus in _own().values())


def _adapters() -> dict[str, Corpus]:
    return {**_own(), **_registered}


@cache
def _own() -> Mapping[str, Corpus]:
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return {module.CORPUS.word: module.CORPUS for module in modules if hasattr(module, "CORPUS")}


def _same(one: Corpus, other: Corpus) -> bool:
    """Whether two adapters are one, be it that its module was imported twice."""
    words = [getattr(corpus, "word", "") for corpus in (one, other)]
    return one is other or (words[0] == words[1] and type(one).__module__ == type(other).__module__)
