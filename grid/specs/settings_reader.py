"""Settings as they lie over each other: defaults, the model's paper, the demo, a table, the user, a row."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException
from yaml import YAMLError

from grid.specs.dotted_keys import listed
from grid.specs.plain_yaml import dotted, read_file
from grid.specs.settings import DEFAULT_MODEL, OF_APPROACHES, Config
from grid.specs.settings_checks import impossible
from grid.specs.settings_schema import as_config, schema, suggest_setting, with_identifier
from grid.specs.table import selected_words
from hd2s.approaches.protocol import settings_of
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models
from manifests.problem import Problem, ProblemError, suggest

PROFILES = Path(__file__).parent / "profiles"
_NOT_TAKEN = (OmegaConfBaseException, YAMLError, TypeError, ValueError)


class Reading(NamedTuple):
    """Settings as far as they can be read, the overrides in which nothing is wrong, and what is wrong."""

    config: Config
    overrides: list[str]
    problems: list[Problem]


def load(
    overrides: Sequence[str],
    *,
    demo: bool,
    model: str = DEFAULT_MODEL,
    among: Sequence[str] = (),
    approach: str = "",
) -> Config:
    """Load the settings of one model: its paper's, the demo's over them if asked for, the user's over both.

    Between paper and demo lie those that the protocols stand for, where the settings ask for others than the
    paper's.

    Args:
        overrides: OmegaConf dot-list, such as `["train.lr=3e-4", "seeds=[0,1]"]`.
        demo: take the demo's profile.
        model: its word.
        among: all models of the grid: what is a setting of another of them alone is left out.
        approach: with which the model is trained, for what protocols say of it; empty for what holds for all.

    Raises:
        ProblemError: unknown keys, wrong types and impossible values, all of them.
    """
    found = read(overrides, demo=demo, model=model, among=among, approach=approach)
    if found.problems:
        raise ProblemError(found.problems)
    return found.config


def read(
    overrides: Sequence[str],
    *,
    demo: bool,
    model: str = DEFAULT_MODEL,
    among: Sequence[str] = (),
    approach: str = "",
) -> Reading:
    """Read what can be read of the settings; see `load`.

    Where there are problems, the settings are for finding the others: in the grid and in the data it needs.
    """
    first = _read(overrides, {}, demo=demo, model=model, among=among)
    stood_for = approach_settings(first.config, approach)
    return _read(overrides, stood_for, demo=demo, model=model, among=among) if stood_for else first


def approach_settings(config: Config, approach: str = "") -> dict[str, Any]:
    """Return what an approach has of its own, and what protocols stand for with it: setting → value."""
    own = approaches()[approach].training if approach else {}
    return {**own, **protocol_settings(config, approach)}


def protocol_settings(config: Config, approach: str = "") -> dict[str, Any]:
    """Return what the protocols of a configuration stand for: setting → value. Arguments of `load`."""
    of_approach = approaches()[approach].of_protocol if approach else {}
    model, train, test = models()[config.model.word], config.train.protocol, config.test.protocol
    return settings_of(model, train, test, approach, of_approach)


def _read(
    overrides: Sequence[str],
    stood_for: Mapping[str, Any],
    *,
    demo: bool,
    model: str,
    among: Sequence[str],
) -> Reading:
    asked = tuple((override, _meant(override, model, among) or "") for override in overrides)
    # What refers to the environment is followed each time.
    settle = _settled.__wrapped__ if any("${" in meant for _, meant in asked) else _settled
    found = settle(_under(model, stood_for, demo=demo), asked)
    return Reading(found.config, [*found.overrides], [*found.problems])


@lru_cache(maxsize=512)
def _settled(under: _Under, asked: tuple[tuple[str, str], ...]) -> Reading:
    """Read overrides, each with what of it is meant for the model; a grid's rows ask for the same often."""
    start = config = _laid_under(under)
    problems: list[Problem] = []
    taken = dict(asked)
    try:
        found, faults = as_config(_laid_over(start, [meant for _, meant in asked if meant]), under.model)
    except _NOT_TAKEN:
        # Something is wrong: one after the other, to tell what.
        for override, meant in asked:
            before = len(problems)
            config = _override(config, meant, problems) if meant else config
            if len(problems) > before:
                taken.pop(override, None)
        if missing := sorted(map(str, OmegaConf.missing_keys(config))):
            problems += [Problem(key, "a value", "nothing", f"Give {key}=…") for key in missing]
            whole = [item for item in taken if not OmegaConf.missing_keys(_override(start, item, []))]
            sound = tuple((item, taken[item]) for item in whole) if len(whole) < len(taken) else ()
            rest = _settled(under, sound)
            return rest._replace(problems=[*problems, *rest.problems])
        found, faults = as_config(config, under.model)
    faults += impossible(found)
    wrong = {fault.where for fault in faults}
    sound_items = [item for item, meant in taken.items() if meant.partition("=")[0] not in wrong]
    return Reading(found, sound_items, [*problems, *faults])


def configure(
    overrides: Sequence[str],
    under: Sequence[str],
    over: Sequence[str],
    *,
    demo: bool,
    model: str = DEFAULT_MODEL,
    among: Sequence[str] = (),
    approach: str = "",
) -> Config:
    """Load the settings with a table's own under the user's, and those of one of its rows over them."""
    return load([*under, *overrides, *over], demo=demo, model=model, among=among, approach=approach)


def selection(config: Config) -> tuple[str, ...] | None:
    """Return the words that `select=[WORD,…]` puts in place of a grid's; None for its own."""
    return None if config.select is None else selected_words(config.select)[0]


def wanted_models(overrides: Sequence[str]) -> tuple[str, ...] | None:
    """Return the models that `model=NAME` or `model=[NAME,…]` puts in place of a grid's; None for its own.

    Raises:
        ProblemError: one is unknown, or there is none.
    """
    given = [item.partition("=")[2] for item in overrides if item.partition("=")[0] == "model"]
    if not given:
        return None
    words = listed("model", given[-1])
    if not words:
        raise ProblemError(Problem("model", "a model, or several", "none", suggest("", models())))
    if strange := [word for word in words if word not in models()]:
        raise ProblemError(
            Problem("model", "a known model", repr(word), suggest(word, models())) for word in strange
        )
    return tuple(dict.fromkeys(words))


def _meant(override: str, model: str, among: Sequence[str]) -> str | None:
    """Return what an override says to one model; None where it is about others, or says which there are."""
    key, equals, value = override.partition("=")
    section, _, rest = key.partition(".")
    if section != "model" or not equals:
        return override
    owner, _, own = rest.partition(".")
    if not rest:
        return None
    if own and owner in models():
        return f"model.{own}={value}" if owner == model else None
    name = rest.partition(".")[0]
    theirs = (other for other in among if other != model and name in _settable(other))
    return None if name not in _settable(model) and any(theirs) else override


def _settable(model: str) -> list[str]:
    return [option for option in models()[model].options if option not in OF_APPROACHES]


class _Under(NamedTuple):
    """What lies under all that is asked for but protocols."""

    structure: type
    defaults: str
    layers: str
    model: str
    demo: bool


def _under(model: str, stood_for: Mapping[str, Any], *, demo: bool) -> _Under:
    declared = models()[model]
    layers = json.dumps([dict(declared.settings), dict(stood_for), dict(declared.demo)])
    structure = schema(model, tuple(approaches()))
    # Among the defaults are the corpora that are indexed by now.
    return _Under(structure, repr(structure()), layers, model, demo)


@cache
def _laid_under(under: _Under) -> Any:
    """Lay a model's settings and those of protocols over the defaults; with the demo's, its own over those.

    What is returned is never changed: merging copies it, which takes longer than all else. So a grid of many
    rows is read once for each model and not for each row.
    """
    settings, stood_for, of_demo = json.loads(under.layers)
    config = _laid(OmegaConf.structured(under.structure), settings, under.model)
    config = _laid(config, stood_for, under.model)
    if not under.demo:
        return config
    config = OmegaConf.merge(config, read_file(PROFILES / "demo.yaml"))
    return _laid(config, of_demo, under.model)


def _laid(config: Any, settings: Mapping[str, Any], model: str) -> Any:
    """Lay a model's own settings over others.

    Raises:
        ProblemError: the model's file asks for settings that do not exist, or for values of other types.
    """
    nested = {key: _nested(key, value) for key, value in settings.items()}
    with suppress(*_NOT_TAKEN):
        return OmegaConf.merge(config, *nested.values())
    for key, value in nested.items():
        try:
            config = OmegaConf.merge(config, value)
        except _NOT_TAKEN as error:
            told = " ".join(str(error).split())
            raise ProblemError(
                Problem(
                    f"{key} of model {model} or its approach", "a known setting", told, "Correct its file."
                )
            ) from error
    return config


def _nested(key: str, value: Any) -> Any:
    """Return a setting of a dotted name inside its sections."""
    for name in reversed(key.split(".")):
        value = {name: value}
    return OmegaConf.create(value)


def _laid_over(config: Any, overrides: Sequence[str]) -> Any:
    """Lay settings over others; raises what `_override` tells of if one cannot be taken."""
    if not all("=" in override for override in overrides):
        raise ValueError("no equals sign")
    return OmegaConf.merge(config, *(dotted(with_identifier(override)) for override in overrides))


def _override(config: Any, override: str, problems: list[Problem]) -> Any:
    key, equals, value = override.partition("=")
    if not equals:
        problems.append(Problem(override, "key=value", "no equals sign", "Write for example train.lr=3e-4."))
        return config
    try:
        merged = _laid_over(config, [override])
        # A reference that leads nowhere is found by following it.
        OmegaConf.to_container(merged, resolve=True)
        return merged
    except ConfigKeyError:
        problems.append(Problem("settings", "a known setting", repr(key), suggest_setting(key, config)))
    except _NOT_TAKEN as error:
        # Of an item in a list OmegaConf leaves these words in its message.
        reason = " ".join(str(error).split()).replace("'$VALUE' of type '$VALUE_TYPE'", value)
        # The rest is of OmegaConf's own names.
        reason = reason.partition(" full_key: ")[0]
        problems.append(Problem(key, "a value of the right type", reason, "Correct it."))
    return config
