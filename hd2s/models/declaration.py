"""What every model declares: known of it without PyTorch, and without building anything.

A model's file or folder ends in `MODEL = Model(word, title, config, build, …)`. Its configuration
(`hd2s.models.config`) says what it reads, answers and offers; what is built of that is a `SaliencyModel`
(`hd2s.models.contract`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hd2s.models.config import ModelConfig
from hd2s.models.departures import PRECISION, Departure
from hd2s.models.tested import PredictionProtocol


@dataclass(frozen=True)
class WeightLayout:
    """A foreign file of weights that a model can read.

    Attributes:
        word: what `load_weights` returns for it.
        title: what it holds, for people.
        prefix: entries that begin so tell the layout.
        names: model, of the declaration's own class → our name of each entry that is taken → the file's.
        fills: whether it fills the model, or only starts it.
        ignored: prefixes of entries that are of no use.
        options: the file's entries → the options of the configuration that they tell.
        beside: modules trained beside the model → our name of each of their entries → the file's.
        writes: whether `export_weights` writes it.
        adds: model → entries without a meaning that the file's own reader asks for.
        had_from: the address of the file, its size, its terms and whom to ask, as its publishers state them.
    """

    word: str
    title: str
    prefix: str
    names: Callable[[Any], dict[str, str]]
    fills: bool = True
    ignored: tuple[str, ...] = ()
    options: Callable[[Mapping[str, Any]], dict[str, Any]] = lambda content: {}
    beside: Callable[[Any], dict[str, str]] | None = None
    writes: bool = False
    adds: Callable[[Any], dict[str, Any]] = lambda model: {}
    had_from: str = ""


def had_from(layouts: Iterable[WeightLayout]) -> str:
    """Say where the files of these layouts are had from, as far as that is known."""
    return " ".join(f"{each.title} is had from {each.had_from}." for each in layouts if each.had_from)


@dataclass(frozen=True)
class Traffic:
    """Bytes to and from a GPU's memory for each operation, as measured or calculated for a model."""

    training: float
    prediction: float


@dataclass(frozen=True)
class Model:
    """A model as specs, ids, checkpoints, tables and MLflow know it.

    Attributes:
        word: its name there.
        title: its name in tables.
        config: the class of its configuration.
        build: configuration → the `SaliencyModel`, whose weights `hd2s.build_model` initialises.
        settings: what its paper trains and tests with, setting → value, laid under a table's and the user's.
        demo: what its demo departs in.
        prediction: protocol → whose way of predicting; the first is the paper's.
        of_protocol: training protocol → approach, or "" for all → the settings that it stands for, over
            those of the paper (`hd2s.approaches.protocol.settings_of`).
        held_out: corpus → the source videos that its released code validates on, and that after which, in
            the order of their names, it leaves all aside (empty: none), where these are not the corpus' own.
        layouts: foreign files of weights that it can read.
        aliases: names that old checkpoints know it by → options that they stand for.
        trains: whether it has weights to train; without any, it is fitted to its sources' maps at once.
        has_blocks: whether `SaliencyModel.blocks` names any.
        traffic: of its operations on a GPU, if known.
        cite: where it is published.
        departures: what it does here by default otherwise than there.
    """

    word: str
    title: str
    config: type[ModelConfig]
    build: Callable[[Any], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    demo: Mapping[str, Any] = field(default_factory=dict)
    prediction: Mapping[str, PredictionProtocol] = field(
        default_factory=lambda: {"paper": PredictionProtocol()}
    )
    of_protocol: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    held_out: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)
    layouts: tuple[WeightLayout, ...] = ()
    aliases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    trains: bool = True
    has_blocks: bool = False
    traffic: Traffic | None = None
    cite: str = ""
    departures: tuple[Departure, ...] = (PRECISION,)

    @property
    def options(self) -> list[str]:
        """The fields of its configuration."""
        return [each.name for each in fields(self.config)]

    def options_of(self, protocol: str) -> dict[str, Any]:
        """Return the options of the configuration that a protocol stands for, whatever the approach."""
        asked = self.of_protocol.get(protocol, {}).get("", {})
        return {key.removeprefix("model."): asked[key] for key in asked if key.startswith("model.")}

    @property
    def starts_from(self) -> list[WeightLayout]:
        """The layouts that a training may start from."""
        return [layout for layout in self.layouts if not layout.fills]
