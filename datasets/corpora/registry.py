"""The corpora there are: one file of this folder for each, found by the adapter in it, `CORPUS`."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from datasets.corpus import Corpus
from manifests import Problem, ProblemError
from manifests.problem import suggest


def available() -> list[str]:
    """Return the command-line words of all adapters."""
    return list(_adapters())


def _adapters() -> dict[str, Corpus]:
    names = [module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)])]
    modules = [importlib.import_module(f"{__package__}.{name}") for name in names]
    return {module.CORPUS.word: module.CORPUS for module in modules if hasattr(module, "CORPUS")}


def find(name: str) -> Corpus | None:
    """Return the adapter of the corpus of this name; None if no adapter has it."""
    return next((corpus for corpus in _adapters().values() if corpus.name == name), None)


def title(name: str) -> str:
    """Return how tables write the name of a corpus; that of one without an adapter is left as it is."""
    corpus = find(name)
    return corpus.title or name if corpus else name


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


def default_folder(corpus: Corpus | str) -> Path:
    """Return where a corpus's manifest lies unless said otherwise: manifests/<word> in the current folder."""
    return Path("manifests") / (get(corpus) if isinstance(corpus, str) else corpus).word
