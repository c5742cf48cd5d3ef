"""What is asked for: names that exist, fields of the types that they declare, and sound declarations."""

from __future__ import annotations

import ast
import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

_LONGEST = 80  # characters of a value in a message
_NEARLY = 0.82  # as difflib has it: another letter, one more or less, or two exchanged
_KINDS = {"bool": (bool, bool), "int": (Integral, int), "float": (Real, float), "str": (str, str)}


def unknown(kind: str, word: str, available: Iterable[str]) -> str:
    """Return "Unknown KIND WORD. Did you mean …? Available: …"."""
    available = list(available)
    similar = difflib.get_close_matches(word, available, n=1)
    hint = f" Did you mean {similar[0]}?" if similar else ""
    return f"Unknown {kind} {word}.{hint} Available: {', '.join(available)}"


def settle_types(config) -> list[str]:
    """Make plain Python values of a configuration's fields.

    Plain, because a checkpoint that holds a configuration is read back without running code, which NumPy's
    numbers would need.

    Args:
        config: a frozen dataclass, whose fields are bool, int, float or str, one of these or None, or tuples
            of one of these. They are set in place.

    Returns:
        Of each field that has the wrong type, which it must have and what was found.
    """
    problems = []
    for name, kind, is_tuple, or_none in _declared_fields(config.__class__):
        value = getattr(config, name)
        # Most values are what they should be: grids make thousands of configurations while they are planned.
        if (value is None and or_none) or (not is_tuple and type(value) is _KINDS[kind][1]):
            continue
        if is_tuple and (isinstance(value, str) or not isinstance(value, Iterable)):
            problems.append(f"{name} must be a list of {kind}, found {value!r}")
            continue
        values = tuple(value) if is_tuple else (value,)
        if wrong := [item for item in values if not _is(item, kind)]:
            problems.append(f"{name} must be {kind}, found {wrong[0]!r}")
            continue
        plain = tuple(_KINDS[kind][1](item) for item in values)
        object.__setattr__(config, name, plain if is_tuple else plain[0])
    return problems


@cache
def _declared_fields(config: type) -> list[tuple[str, str, bool, bool]]:
    """Return of each field the name, the kind of value, and whether it is a tuple of them, or may be None."""
    found = []
    for field in fields(config):
        declared = _declared(field.type)
        kind = declared.removesuffix(" | None").removeprefix("tuple[").removesuffix(", ...]")
        if kind not in _KINDS:
            expected = f"{', '.join(_KINDS)}, a tuple[KIND, ...] or a KIND | None of them"
            raise TypeError(f"the type of {field.name} is to be one of {expected}, found {declared}")
        found.append((field.name, kind, "tuple" in declared, declared.endswith(" | None")))
    return found


def _declared(annotation: object) -> str:
    """Return a field's type as text: it is one only where annotations are not evaluated."""
    if isinstance(annotation, str):
        return annotation
    return (
        annotation.__name__
        if isinstance(annotation, type) and not hasattr(annotation, "__args__")
        else str(annotation)
    )


def _is(value: object, kind: str) -> bool:
    # Python counts True as a number.
    return isinstance(value, _KINDS[kind][0]) and (kind == "bool" or not isinstance(value, bool))


class Wrong(NamedTuple):
    """What of a declaration cannot be taken: its field, what is expected there, and what was found."""

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expected}, found {self.found}"


class DeclarationError(ValueError):
    """A declaration that cannot be taken.

    Attributes:
        wrong: all that is wrong with it.
    """

    def __init__(self, wrong: Iterable[Wrong]):
        self.wrong = list(wrong)
        super().__init__("; ".join(map(str, self.wrong)))


Rules = Mapping[str, tuple[str, Callable[[Any], bool]]]
"""Field → what is expected of it, and whether a value is that."""


def broken(kind: type, rules: Rules, declared: object) -> Iterator[Wrong]:
    """Yield which fields of a declaration break their rules, or that it is none of its kind."""
    if not isinstance(declared, kind):
        yield Wrong("itself", f"a {kind.__module__}.{kind.__name__}", told(declared))
        return
    for name, (expected, holds) in rules.items():
        value = getattr(declared, name)
        if not holds(value):
            yield Wrong(name, expected, told(value))


def told(value: object) -> str:
    """Return a value as messages have it: one of another's class may be long."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def require_known(kind: type, base: type) -> None:
    """Make sure that no method of a class is nearly one of its base's, which nobody would call.

    What the class has under the base's name as well, or what its folder names elsewhere, is called there.

    Raises:
        ValueError: naming both.
    """
    lines = [each for each in kind.__mro__ if issubclass(each, base)]
    for place, each in enumerate(lines[:-1]):
        offered = {name for above in lines[place + 1 :] for name in _methods(above)}
        own = _methods(each)
        for name in own.keys() - offered:
            alike = [other for other in offered - own.keys() if abs(len(other) - len(name)) < 2]
            near = difflib.get_close_matches(name, alike, n=1, cutoff=_NEARLY)
            if near and not _is_named_elsewhere(name, own[name]):
                remedy = f"write {near[0]}, or another name for something else"
                raise ValueError(f"`{name}` of {each.__name__} is called by nobody: {remedy}")


def _methods(kind: type) -> dict[str, CodeType]:
    """Return the code of a class's own methods and properties, but private ones, by name."""
    found = {name: getattr(value, "fget", value) for name, value in vars(kind).items() if name[0] != "_"}
    return {name: inspect.unwrap(each).__code__ for name, each in found.items() if inspect.isfunction(each)}


def _is_named_elsewhere(name: str, code: CodeType) -> bool:
    """Whether a method is named in its folder's files besides where it is made, or may be by a text."""
    folder = Path(code.co_filename).parent
    files = folder.rglob("*.py") if Path(code.co_filename).is_file() else ()
    sources = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    named = sum(len(re.findall(rf"\b{name}\b", source)) for source in sources)
    return named != 1 or any(_may_ask_for(name, source, folder.parts) for source in sources)


def _may_ask_for(name: str, source: str, inside: Iterable[str]) -> bool:
    """Whether code asks something for what a text says, which may be this name without being written there.

    Not so of what is from elsewhere, as in `getattr(torch, kind)`.

    Args:
        name: of a method.
        source: of a file.
        inside: what its folder's packages may be called.
    """
    try:
        nodes = [*ast.walk(ast.parse(source if "getattr" in source else ""))]
    except (SyntaxError, ValueError):
        return True
    imported = {known: root for node in nodes for known, root in _imported(node)}
    foreign = {known for known, root in imported.items() if root not in inside}
    asked = [node for node in nodes if isinstance(node, ast.Call) and _called(node.func) == "getattr"]
    if len(asked) < sum(_called(node) == "getattr" for node in nodes):
        return True  # handed to something that calls it
    own = [call.args for call in asked if len(call.args) < 2 or _root(call.args[0]) not in foreign]
    texts = [args[1] if len(args) > 1 else ast.Name("any") for args in own]
    return any(re.fullmatch(_form(text), name) for text in texts if not _goes_through_words(text, nodes))


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what an import of something absolute makes known, with the package that it is from."""
    if isinstance(node, ast.Import):
        roots = [(each.asname, each.name.partition(".")[0]) for each in node.names]
        yield from ((asname or root, root) for asname, root in roots)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from ((each.asname or each.name, node.module.partition(".")[0]) for each in node.names)


def _called(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    """Return the name that an expression such as `torch.nn.functional` begins with; empty of another one."""
    return _root(node.value) if isinstance(node, ast.Attribute) else _called(node)


def _goes_through_words(text: ast.expr, nodes: Iterable[ast.AST]) -> bool:
    """Whether code has a variable that it sets in loops over lists alone, whose words are written there."""
    name, lists = _called(text), []
    sets = [node for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    times = sum(node.id == name for node in sets) + sum(getattr(node, "arg", "") == name for node in nodes)
    for node in nodes:
        if isinstance(node, ast.For | ast.comprehension) and _called(node.target) == name:
            lists += [node.iter] if isinstance(node.iter, ast.Tuple | ast.List | ast.Set) else []
    return times == len(lists) > 0 and all(
        isinstance(one, ast.Constant) for each in lists for one in each.elts
    )


def _form(text: ast.expr) -> str:
    """Return a pattern of what a text may say."""
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    return "".join(re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".*" for each in parts)


def is_plain(word: object) -> bool:
    """Whether something may be called so: in ids, files' names, settings and MLflow's metrics."""
    return isinstance(word, str) and re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]*", word) is not None


def is_text(value: object) -> bool:
    """Whether it is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def or_none(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Return what None passes too."""
    return lambda value: value is None or holds(value)


def each(kind: type) -> Callable[[Any], bool]:
    """Return what tuples of a kind pass."""
    return lambda value: isinstance(value, tuple) and all(isinstance(item, kind) for item in value)


WORD = ("letters, digits, _ and -, a letter or digit first", is_plain)
TITLE = ("a text", is_text)
FLAG = ("True or False", lambda value: isinstance(value, bool))
FUNCTION = ("a function", callable)
FUNCTION_OR_NONE = ("a function, or None", or_none(callable))
MAPPING = ("a mapping", lambda value: isinstance(value, Mapping))
COUNT = ("a whole number, 1 or more", lambda value: _is(value, "int") and value >= 1)
