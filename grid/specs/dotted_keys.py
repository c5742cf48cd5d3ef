"""Sections of settings as single settings, each under the key that a command line gives it."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grid.specs.plain_yaml import dotted, parse
from manifests.problem import Problem, ProblemError

# Where a value begins: of its own, of a list, in quotes or not.
_HOME = re.compile(r"""(?<![^\s\[,"'])~(?=/)""")


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        name = f"{prefix}{key}"
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def references(overrides: Iterable[str]) -> dict[str, Any]:
    """Return the settings that refer to something, such as ${oc.env:NAME}, as they were given."""
    given: Any = OmegaConf.to_container(OmegaConf.merge(*map(dotted, overrides), {}), resolve=False)
    return {key: value for key, value in flatten(given).items() if "${" in str(value)}


def with_references(settings: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Return nested settings to be written down: what was given as a reference is one again.

    Args:
        settings: as followed; those of a model may stand under `options`, whichever model they were given to.
        overrides: as given.
    """
    told = copy.deepcopy(dict(settings))
    # `model=` says which models, and has no place beside the settings of one.
    given = references(item for item in overrides if item.partition("=")[0] != "model")
    for key, value in given.items():
        *sections, name = key.split(".")
        for place in (sections, [*sections, "options"], [*sections[:1], "options"]):
            found: Any = told
            for section in place:
                found = found.get(section, {}) if isinstance(found, dict) else {}
            if isinstance(found, dict) and name in found:
                found[name] = value
                break
    return told


def from_file(path: Path) -> list[str]:
    """Read a file of settings, with sections or dotted keys, as a command line gives them.

    What they refer to, such as ${oc.env:NAME}, is followed where they are used.

    Raises:
        ProblemError: it is no YAML file of settings.
    """
    expected = "a YAML file of settings, such as train: {lr: 3e-4}"
    try:
        content = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        found = " ".join(str(error).split())
        raise ProblemError(Problem(f"--config {path}", expected, found, "Correct the file.")) from error
    if not isinstance(content, dict):
        found = type(content).__name__
        raise ProblemError(Problem(f"--config {path}", expected, found, "Correct the file."))
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in flatten(content).items()]


def spelled(where: str, overrides: Iterable[str]) -> list[str]:
    """Return settings with `models=` as `model=`, which means the same, and ~/ as the user's folder.

    A shell puts it in for a word that begins with it, and for no list and behind no dotted key.

    Args:
        where: they are given, for messages.
        overrides: as given there.

    Raises:
        ProblemError: both are given.
    """
    given = [item.partition("=") for item in overrides]
    both = [f"{key}={value}" for key, _, value in given if key in ("model", "models")]
    if len({item.partition("=")[0] for item in both}) > 1:
        raise ProblemError(Problem(where, "model=… or models=…, which are one", " ".join(both), "Give one."))
    return [
        f"{'model' if key == 'models' and equals else key}{equals}{at_home(value)}"
        for key, equals, value in given
    ]


def at_home(value: str) -> str:
    """Return a value, or a list of them, with ~/ as the user's folder."""
    return _HOME.sub(lambda _: str(Path("~").expanduser()), value)


def listed(key: str, value: str) -> tuple[str, ...]:
    """Return what a setting of one word or of a list of words says.

    Raises:
        ProblemError: it is no list.
    """
    try:
        told: Any = OmegaConf.to_container(dotted(f"{key}={value}"), resolve=True)
        named = told[key]
    except (OmegaConfBaseException, YAMLError) as error:
        found = " ".join(str(error).split())
        raise ProblemError(Problem(key, "a word, or words as [one,two]", found, "Correct it.")) from error
    return tuple(map(str, named if isinstance(named, list) else [named]))
