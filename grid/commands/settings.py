"""What can be set, as it is set: every setting with its value, default, unit, and where it was set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, asdict, fields
from functools import partial
from typing import Any, NamedTuple

from omegaconf import OmegaConf
from rich.cells import cell_len
from rich.console import RenderableType
from rich.table import Table

from grid.commands.terminal.paper import ROOM_FOR_ALL, Fitting
from grid.specs import grid_reader, plugins, settings_reader
from grid.specs.dotted_keys import flatten, references
from grid.specs.settings import DEFAULT_MODEL, Config
from grid.specs.table import TableSpec
from hd2s.approaches.registry import approaches
from hd2s.models.registry import models

# The unit of a setting, by the end of its key; what is not here is a number without one, a word or a switch.
_UNITS = {
    "clip_length": "frames",
    "height": "pixels",
    "width": "pixels",
    "iterations": "iterations",
    "epochs": "epochs",
    "micro_batch": "clips",
    "photograph_batch": "photographs",
    "step": "frames",
    "encoder_frozen": "epochs",
    "accumulate": "micro-batches",
    "lr_milestones": "iterations",
    "lr_period": "iterations",
    "lr_warmup": "iterations",
    "validate_every": "iterations",
    "validation_windows": "windows a clip",
    "validation_from": "validations",
    "checkpoint_every": "iterations",
    "world_size": "workers",
    "threads": "threads",
    "smoothing_sigma": "pixels of the model's input",
    "min_frames": "frames",
    "cpu": "cores",
    "gpu": "GPUs",
    "memory_gib": "GiB",
    "limit_gib": "GiB",
    "loader_workers": "processes",
    "evaluation_batch": "frames",
    "max_failures": "restarts",
    "manifest": "folder",
    "root": "folder or url",
    "folder": "folder",
    "url": "url",
    "backbone_weights": "file",
    "plugins": "folders",
    "digits": "digits after the point",
}

_SHOWN = ("setting", "value", "default", "unit", "from")
# Blanks of each column.
_BETWEEN = 2


class Setting(NamedTuple):
    """One setting, in plain values."""

    key: str
    value: Any
    default: Any
    unit: str
    origin: str


class Layer(NamedTuple):
    """Where settings come from, and which of them."""

    origin: str
    keys: tuple[str, ...]


def list_settings(
    given: Sequence[tuple[str, Sequence[str]]], grid: str | None, *, demo: bool
) -> Iterator[Setting]:
    """Yield every setting of a run; where a grid's models differ, of each of them.

    Args:
        given: (where from, settings as a dot-list), the last word last.
        grid: the grid's name or path, whose tables lie under what is given; None for none.
        demo: take the demo's profile.

    Raises:
        ProblemError: all that is wrong with grid and settings.
    """
    in_files = grid_reader.plugin_folders(grid) if grid else ()
    overrides = plugins.load_wanted([item for _, items in given for item in items], in_files)
    wanted = settings_reader.wanted_models(overrides)
    spec = grid_reader.load(grid, grid_reader.Instead(None, wanted)) if grid else None
    words = spec.models() if spec else wanted or (DEFAULT_MODEL,)
    asked = spec.tables if spec else ()
    tables = [(f"table {table.name}", (*table.found_at, *table.overrides)) for table in asked]
    under = [item for _, items in tables for item in items]
    tables += [(str(grid), ("plugins=",))] if in_files else []
    told: dict[str, Any] = {}
    referring = references(item for item in overrides if item.partition("=")[0] != "model")
    trained_by = dict.fromkeys(word for table in asked for word in table.approaches) or approaches()
    for word in words:
        read = partial(settings_reader.configure, overrides, under, (), demo=demo, model=word, among=words)
        config = read()
        plain = flat(settings_reader.load([], demo=False, model=word, among=words), bare=True)
        for approach, key, value in _by_approach(config, trained_by, read):
            layers = _profile(word, config, approach, demo=demo)
            layers += [Layer(name, _keys(items)) for name, items in (*tables, *given)]
            shown = key.replace("model.", f"model.{word}.", 1) if len(words) > 1 else key
            shown += f" of {approach}" if approach else ""
            if shown not in told or told[shown] != value:
                name = f"{shown} of {word}" if shown in told else shown
                told_value = referring.get(key, value)
                yield Setting(name, told_value, plain.get(key), unit_of(key), _origin(key, layers, word))
            told.setdefault(shown, value)


def flat(config: Config, *, bare: bool = False) -> dict[str, Any]:
    """Return a configuration's settings by their dotted keys; `bare`, without what a model's paper sets."""
    content = asdict(config)
    model = content.pop("model")
    own = model["options"] | {"backbone_weights": model["backbone_weights"]}
    settings = flatten({"model": own, **content})
    if bare:
        settings |= flatten({name: asdict(kind()) for name, kind in _SECTIONS.items()})
    return settings


_SECTIONS = {
    each.name: each.default_factory
    for each in fields(Config)
    if each.default_factory is not MISSING and each.name in ("train", "test", "resources", "frames")
}


def unit_of(key: str) -> str:
    """Return a setting's unit; "" where it has none."""
    name = key.rpartition(".")[2]
    return _UNITS.get(name) or next((unit for end, unit in _UNITS.items() if name.endswith(f"_{end}")), "")


def settings_table(settings: Iterable[Setting]) -> RenderableType:
    """Show settings in rows, with as much of each as the terminal has room for."""
    return Fitting(partial(_settings, tuple(settings)))


def _settings(settings: Sequence[Setting], width: int) -> Table:
    rows = [(each.key, _text(each.value), _text(each.default), each.unit, each.origin) for each in settings]
    needed = sum(max(map(cell_len, column), default=0) + _BETWEEN for column in zip(*rows, strict=True))
    narrow = ("setting", "value", "from") if width >= ROOM_FOR_ALL else ("setting", "value")
    shown = _SHOWN if needed <= width else narrow
    table = Table(box=None, title="settings", title_justify="left", title_style="bold")
    for name in shown:
        # A setting's name is there to be copied: what stands beside it is folded first.
        table.add_column(name, overflow="fold", no_wrap=name == "setting" and width >= ROOM_FOR_ALL)
    for row in rows:
        table.add_row(*(row[_SHOWN.index(name)] for name in shown))
    return table


def keys_table() -> Table:
    """Show the keys of a grid's YAML file, as `grid.specs.table.TableSpec` tells them."""
    told = dict(re.findall(r"^ {8}(\w+): (.+(?:\n {12}.+)*)", TableSpec.__doc__ or "", re.MULTILINE))
    table = Table(
        box=None, title="keys of a table in a grid's file", title_justify="left", title_style="bold"
    )
    for column in ("key", "default"):
        table.add_column(column, overflow="fold")
    # Prose, which has lines where a table's rows have none to a file's edge.
    table.add_column("what it says", max_width=ROOM_FOR_ALL)
    for each in fields(TableSpec):
        needed = each.default is MISSING
        key = {"found_at": "corpora", "drawn": "points", "stop": "sweep.stop"}.get(each.name, each.name)
        default = "(needed)" if needed else "" if key == "variants" else _text(each.default)
        table.add_row(key, default, " ".join(told[each.name].split()))
    folders = "folders of models, approaches, corpora and metrics of one's own, relative to the file's"
    table.add_row("plugins", "[]", f"{folders}; beside tables as well")
    instead = "in place of all but name and plugins: names of tables and grids, or tables in place"
    table.add_row("tables", "", instead)
    return table


def _by_approach(
    config: Config, words: Iterable[str], read: Callable[..., Config]
) -> Iterator[tuple[str, str, Any]]:
    """Yield "" and each setting with its value, then what is otherwise with one approach, with its word."""
    common, asked = flat(config), settings_reader.approach_settings(config)
    yield from (("", key, value) for key, value in common.items())
    for approach in words if models()[config.model.word].trains else ():
        if settings_reader.approach_settings(config, approach) != asked:
            own = flat(read(approach=approach)).items()
            yield from ((approach, key, value) for key, value in own if value != common[key])


def _profile(word: str, config: Config, approach: str, *, demo: bool) -> list[Layer]:
    declared = models()[word]
    layers = [Layer(f"{declared.title}'s paper", tuple(declared.settings))]
    if approach:
        layers.append(Layer(approach, tuple(approaches()[approach].training)))
    for section, protocol in (("train", config.train.protocol), ("test", config.test.protocol)):
        asked = settings_reader.protocol_settings(config, approach)
        of_section = tuple(key for key in asked if (key.startswith("test.")) == (section == "test"))
        layers.append(Layer(f"{section}.protocol={protocol}", of_section))
    if demo:
        content: Any = OmegaConf.to_container(OmegaConf.load(settings_reader.PROFILES / "demo.yaml"))
        layers.append(Layer("--demo", (*flatten(content), *declared.demo)))
    return layers


def _keys(overrides: Iterable[str]) -> tuple[str, ...]:
    return tuple(item.partition("=")[0] for item in overrides)


def _origin(key: str, layers: Iterable[Layer], word: str) -> str:
    """Return the last layer that sets a key, alone, by its section, or for one model by its word."""
    ways = [f"{key}.", key.replace("model.", f"model.{word}.", 1) + "."]
    for layer in reversed([*layers]):
        # `model=` says which models there are, and nothing of one.
        asked = [f"{name}." for name in layer.keys if name != "model"]
        if any(way.startswith(name) for way in ways for name in asked):
            return layer.origin
    return "default"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
