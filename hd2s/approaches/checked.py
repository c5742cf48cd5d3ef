"""Whether an approach from outside the project is declared as it must be, before any of it is used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args

from hd2s.approaches.declaration import Approach, Need
from hd2s.checks import (
    COUNT,
    FLAG,
    FUNCTION,
    FUNCTION_OR_NONE,
    MAPPING,
    TITLE,
    WORD,
    Rules,
    Wrong,
    broken,
    each,
    is_text,
    or_none,
    told,
)

_NEEDS = get_args(Need)
_KEEPS = ("best", "last")


def _is_settings(value: Any) -> bool:
    return (
        isinstance(value, type)
        and is_dataclass(value)
        and all(field.default is not MISSING for field in fields(value))
    )


def _are_of_training(value: Any) -> bool:
    return isinstance(value, Mapping) and all(is_text(key) and key.startswith("train.") for key in value)


_FLAGS = ("pools", "needs_target", "learns_smoothing", "follows_lambda", "trains")
_RULES: Rules = {
    "word": WORD,
    "title": TITLE,
    **dict.fromkeys(("labelled", "unlabelled", "learner", "options", "misfits"), FUNCTION),
    **dict.fromkeys(("around", "iterations"), FUNCTION_OR_NONE),
    **dict.fromkeys(_FLAGS, FLAG),
    "parent": ("an approach's word, or None", or_none(is_text)),
    "trained_as": ("an approach's word, or an empty text", lambda value: isinstance(value, str)),
    "improves_on": ("an approach's word, or an empty text", lambda value: isinstance(value, str)),
    "needs": (
        f"a set of some of {', '.join(_NEEDS)}",
        lambda value: isinstance(value, set | frozenset) and value <= set(_NEEDS),
    ),
    "settings": ("a dataclass whose fields have defaults, or None", or_none(_is_settings)),
    "keeps": (" or ".join(_KEEPS), lambda value: value in _KEEPS),
    "further": ("a tuple of words", each(str)),
    "colour": (
        "#rrggbb, six hexadecimal digits",
        lambda value: isinstance(value, str) and re.fullmatch("#[0-9A-Fa-f]{6}", value) is not None,
    ),
    "smallest_batch": COUNT,
    "training": ("a mapping of settings train.*", _are_of_training),
    "of_protocol": MAPPING,
}
# Corpora that there are, as a declaration may tell them apart.
_SOURCES, _TARGET = ("DHF1K", "UCFSports"), "Hollywood2"


def faults(approach: Any) -> Iterator[Wrong]:
    """Yield all that is wrong with what stands as an approach, whatever others there are."""
    yield from [*broken(Approach, _RULES, approach)] or _answers(approach)


def _answers(approach: Approach) -> Iterator[Wrong]:
    """Yield which of its functions answer what cannot be used; what raises is told when it is planned."""
    known = {*_SOURCES, _TARGET}
    for name in ("labelled", "unlabelled"):
        with suppress(Exception):
            found: Any = getattr(approach, name)(_SOURCES, _TARGET)
            if not isinstance(found, tuple) or not all(one in known for one in found):
                yield Wrong(name, "what returns a tuple of some of the sources and the target", told(found))
    with suppress(Exception):
        options: Any = approach.options(_SOURCES)
        if not isinstance(options, Mapping):
            yield Wrong("options", "what returns a dictionary", told(options))


def dangling(approach: Approach, known: Mapping[str, Approach]) -> Iterator[Wrong]:
    """Yield the fields that name an approach that there is not, or that lead back to this one."""
    for name in ("parent", "trained_as", "improves_on"):
        word = getattr(approach, name)
        if word and word not in known:
            yield Wrong(name, f"one of {', '.join(known)}", repr(word))
    if approach.parent and approach.parent in known and known[approach.parent].around:
        yield Wrong("parent", "an approach that puts nothing around its model", repr(approach.parent))
    name = "trained_as" if approach.trained_as else "parent"
    if approach.word in _rests_on(approach, known):
        yield Wrong(name, "an approach that does not rest on this one", repr(getattr(approach, name)))


def _rests_on(approach: Approach, known: Mapping[str, Approach]) -> list[str]:
    """List the approaches that must be trained for this one, as far as they are known and differ."""
    found: list[str] = []
    word = approach.trained_as or approach.parent
    while word and word in known and word not in found:
        found.append(word)
        word = known[word].trained_as or known[word].parent
    return found
