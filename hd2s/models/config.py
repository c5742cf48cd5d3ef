"""What shapes a model: its configuration, and what that says of the model before anything is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from hd2s.checks import settle_types, unknown
from hd2s.layers.features import Feature

Size = tuple[int, int]
"""(height, width) in pixels."""
Framing = Literal["squashed", "height", "cover"]
Fault = tuple[str, str]
"""A field of a configuration, and what is expected of it."""


class ConfigError(ValueError):
    """Values that no model can be built with.

    Attributes:
        faults: the fields, with what is expected of them.
    """

    def __init__(self, told: str, faults: Iterable[Fault] = ()):
        super().__init__(told)
        self.faults = list(faults)


@dataclass(frozen=True)
class Input:
    """What a model looks at to answer.

    Attributes:
        frames: T, in a window.
        height: in pixels.
        width: in pixels.
        step: from one frame of a window to the next, in frames of the clip.
        answers: the frames of a window that the model answers: its "last" one, its "middle" one, which is
            number T // 2 counted from 0 (of an even T the later of the two in the middle), or "every" one.
        photograph: how a clip of one frame is shown to it: the frame "repeated" as often as a window has
            frames, or "alone", a window of a single frame.
        least: the frames that a clip must have to be trained or validated on; 0: those of a window.
        framing: how its frames lie in the size in training and validation (`datasets.resizing.Framing`); what
            is predicted is squashed into it.
        trained_sizes: (height, width) of photographs in place of the one size, each shown at the nearest in
            aspect, in training and validation, where a batch is of one size; empty: all have the one.
        predicted_sizes: likewise, in prediction.
        maps: (height, width) of the maps and fixations that it is trained by; None: the input's.
        map_scale: without `maps`, times the input's height and width.
    """

    frames: int
    height: int
    width: int
    step: int = 1
    answers: Literal["last", "middle", "every"] = "last"
    photograph: Literal["repeated", "alone"] = "repeated"
    least: int = 0
    framing: Framing = "squashed"
    trained_sizes: tuple[Size, ...] = ()
    predicted_sizes: tuple[Size, ...] = ()
    maps: Size | None = None
    map_scale: int = 1

    @property
    def size(self) -> Size:
        """Height and width, in pixels."""
        return self.height, self.width

    @property
    def sizes(self) -> tuple[Size, ...]:
        """All that it is trained and validated at: the one, or those of photographs."""
        return self.trained_sizes or (self.size,)

    def answered(self, frames: int) -> range:
        """Return which frames of a window of so many are answered, counted from 0."""
        if self.answers == "every":
            return range(frames)
        only = frames - 1 if self.answers == "last" else frames // 2
        return range(only, only + 1)

    @property
    def around(self) -> tuple[int, int]:
        """Frames of a clip that a window has before its first answered one, and behind its last."""
        answered = self.answered(self.frames)
        return answered.start * self.step, (self.frames - answered.stop) * self.step

    def map_size(self, size: Size) -> Size | None:
        """Return that of the maps of what is trained at one of its sizes; None where it is the same."""
        found = self.maps or (self.map_scale * size[0], self.map_scale * size[1])
        return None if found == size else found

    def predicted_size(self, native: Size, *, still: bool) -> Size:
        """Return the size at which a clip of a native (height, width), perhaps a photograph, is predicted."""
        return nearest_size(native, self.predicted_sizes if still else ()) or self.size

    @property
    def span(self) -> int:
        """Frames of a clip from a window's first to its last."""
        return (self.frames - 1) * self.step + 1

    @property
    def shortest(self) -> int:
        """Frames that a clip must have to be trained or validated on."""
        return max(self.span, self.least)


def nearest_size(native: Size, sizes: Iterable[Size]) -> Size | None:
    """Return the first of those (height, width) that are nearest in aspect to a native one; None of none.

    Raises:
        ValueError: a side without pixels.
    """
    if min(native) < 1:
        raise ValueError(f"expected frames of 1 pixel a side or more, found {native[0]} × {native[1]}")
    aspect = native[0] / native[1]
    alike = {size: min(aspect, size[0] / size[1]) / max(aspect, size[0] / size[1]) for size in sizes}
    return max(alike, key=lambda size: alike[size], default=None)


@dataclass(frozen=True)
class PlainConfig:
    """Plain values that say what is wrong with them: fields of bool, int, float or str, or tuples of one.

    Raises:
        ConfigError: listing everything that is not allowed.
    """

    def __post_init__(self) -> None:
        if wrong := settle_types(self):
            raise ConfigError(f"{type(self).__name__}: " + "; ".join(wrong))
        if faults := list(self.faults()):
            told = (f"{name} must be {expected}, found {getattr(self, name)}" for name, expected in faults)
            raise ConfigError(f"{type(self).__name__}: " + "; ".join(told), faults)

    def faults(self) -> Iterable[Fault]:
        """List the fields whose values cannot work, with what is expected of them."""
        return ()


@dataclass(frozen=True)
class ModelConfig(PlainConfig):
    """What shapes a model: plain values, which are the settings `model.*` of a grid and part of its ids."""

    @property
    def input(self) -> Input:
        """What the model looks at."""
        raise NotImplementedError(f"{type(self).__name__} must say what its model looks at")

    @property
    def features(self) -> Mapping[str, Feature]:
        """The features that `Prediction.features` will hold, by name, the shallowest first."""
        return {}

    @property
    def learns_smoothing(self) -> bool:
        """Whether the model has learnt to smooth its maps itself, so that no fixed Gaussian is to follow."""
        return False

    @property
    def needs_fixations(self) -> bool:
        """Whether `SaliencyModel.losses` is to be given the fixations of labelled batches."""
        return False

    @property
    def smallest_batch(self) -> int:
        """The clips that a training step needs: 2 where a batch norm sees one value of a clip's channel."""
        return 1

    def shown(self, corpus: str) -> Self:
        """Return the configuration with the input that a corpus' clips have; the same, for most models."""
        del corpus
        return self

    def trained_on(self, corpora: Sequence[str]) -> Self:
        """Return the configuration of a model that is trained on these corpora; the same, for most models."""
        del corpora
        return self

    def faults_from_scratch(self) -> Iterable[Fault]:
        """List the fields that are meant for a model with initial weights, with what is expected without."""
        return ()

    def domain_of(self, corpus: str) -> str | None:
        """Return whose layers a corpus' clips take, in a model that has layers of a domain's own."""
        del corpus
        return None


def check_domain(domain: str | None, domains: Sequence[str]) -> None:
    """Raise ValueError, naming those there are, where a model has domains and `domain` is none of them."""
    if not domains:
        return
    if domain is None:
        raise ValueError(f"This model needs domain=…, the corpus of the clips: {', '.join(domains)}.")
    if domain not in domains:
        raise ValueError(unknown("domain", domain, domains))
