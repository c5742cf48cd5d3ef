"""YAML as people mean it: the one reader of command lines, settings and grids.

YAML 1.1 takes 010 for 8, 1:40 for 100 and `no` for false. Here a number is what is written as a decimal one,
and all else is a text, which a setting of another type turns into its own (010 → 10, yes → true) or refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml
from omegaconf import OmegaConf

_TAG = "tag:yaml.org,2002:"
_RESOLVERS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    # Without leading zeros: a folder may be called 010, and an integer setting makes 10 of the text.
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+|(?:0|[1-9][0-9]*)(?=[eE]))"
        r"(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+0123456789."),
    ),
    ("merge", r"<<", ["<"]),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain scalars by our rules, and no key twice; in C, where PyYAML was built with it."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's way

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """Make a mapping; a key given twice with other values is a mistake that YAML would pass over."""
        node.value = _whole(node.value)
        keys = [key.value for key, _ in node.value if key.tag != f"{_TAG}merge"]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.constructor.ConstructorError(None, None, f"{twice} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: Any) -> int:
        """Make an integer, of no more digits than Python reads."""
        try:
            return int(self.construct_scalar(node))
        except ValueError as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from error


def _whole(pairs: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
    """Return keys and values with those whole that have a comma in brackets: inside braces it ends a value.

    `{a: uniform(0, 1), b: uniform(0, 1)}` has, as YAML reads it, a key `1)` twice.
    """
    found: list[tuple[Any, Any]] = []
    for key, value in pairs:
        last: Any = found[-1][1] if found else None
        torn = _is_plain(last) and "(" in last.value and ")" not in last.value
        if torn and _is_plain(key) and key.value.endswith(")") and _is_plain(value) and not value.value:
            text = f"{last.value}, {key.value}"
            found[-1] = found[-1][0], yaml.ScalarNode(f"{_TAG}str", text, last.start_mark, key.end_mark)
        else:
            found.append((key, value))
    return found


def _is_plain(node: Any) -> bool:
    """Whether a node is a single value without quotes."""
    return isinstance(node, yaml.ScalarNode) and not node.style


for _kind, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"^(?:{_pattern})$"), _first)
_Loader.add_constructor(f"{_TAG}int", _Loader.construct_yaml_int)
# What no setting can be: of such a tag it is said that nothing is known.
for _kind in ("binary", "timestamp", "omap", "pairs", "set"):
    del _Loader.yaml_constructors[f"{_TAG}{_kind}"]


def parse(text: str) -> Any:
    """Return what a text says in YAML: plain values, lists and mappings.

    Raises:
        yaml.YAMLError: it is none, a mapping in it has a key twice, or something is inside itself.
    """
    try:
        return _unshared(yaml.load(text, Loader=_Loader))
    except (ValueError, KeyError) as error:
        # Of a value that is not what its tag says, such as `!!float x`.
        raise yaml.YAMLError(f"a value that is not what its tag says: {error}") from error
    except RecursionError as error:
        raise yaml.YAMLError("lists and mappings inside each other without an end, or nearly so") from error


def read_file(path: Path) -> Any:
    """Return what a YAML file says, in which `${…}` refer to its own keys; see `parse`.

    Raises:
        OSError, UnicodeDecodeError: the file cannot be read.
        yaml.YAMLError: it is no YAML.
        omegaconf.errors.OmegaConfBaseException: a reference leads nowhere.
    """
    text = path.read_text(encoding="utf-8")
    content = parse(text)
    if not isinstance(content, dict | list):
        return content
    if "${" not in text and _has_plain_keys(content):
        # OmegaConf would give the same after a third of the time that a wrong setting takes to be told.
        return content
    return OmegaConf.to_container(OmegaConf.create(content), resolve=True)


def with_list(text: str, key: str, words: Sequence[str]) -> str:
    """Return the text of a YAML mapping in which a list has other words; all else is as people wrote it."""
    # Some editors begin a file with a mark, which YAML does not count.
    text = text.removeprefix("\ufeff")
    ((name, old),) = (item for item in yaml.compose(text, Loader=_Loader).value if item[0].value == key)
    # A list of lines, or a folded word, ends as YAML reads it where the next key begins, behind comments.
    last = old.value[-1] if isinstance(old, yaml.SequenceNode) and not old.flow_style else old
    new = json.dumps(list(words), ensure_ascii=False)
    end = len(text[: last.end_mark.index].rstrip())
    return f"{text[: name.end_mark.index]}: {new}{text[end:]}"


def _has_plain_keys(content: Any) -> bool:
    """Whether all keys are such as OmegaConf takes."""
    if isinstance(content, dict):
        return all(isinstance(key, str | int | float) for key in content) and _has_plain_keys(
            [*content.values()]
        )
    return not isinstance(content, list) or all(map(_has_plain_keys, content))


def _unshared(content: Any) -> Any:
    """Return a copy in which what YAML's anchors put in several places is in each of them anew."""
    if isinstance(content, dict):
        return {key: _unshared(value) for key, value in content.items()}
    return [_unshared(value) for value in content] if isinstance(content, list) else content


def dotted(override: str) -> Any:
    """Return `key.of.sections=value` as settings to be merged; without a value it is null.

    Raises:
        yaml.YAMLError: the value is no YAML.
        omegaconf.errors.OmegaConfBaseException: the key is none.
    """
    key, _, value = override.partition("=")
    settings = OmegaConf.create()
    OmegaConf.update(settings, key, parse(value))
    return settings
