"""How a model's test predicts and scores: carried by its checkpoint, so that all get one number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hd2s.checks import settle_types

# What the tests of checkpoints did that do not have these fields, whatever their protocol.
_BEFORE_THEY_WERE_SAID: dict[str, Any] = {"short_clips": "reflected", "truncate": False}

ShortClips = Literal["reflected", "looped", "last window"]


@dataclass(frozen=True)
class PredictionProtocol:
    """Whose way of predicting a clip's first frames and of finishing maps.

    Attributes:
        smoothing_sigma: of the final Gaussian, in pixels at the model's input size; None for none.
        head: what stands in for the frames before a clip's beginning, where the last frame of a window is
            answered: the window that follows with its time reversed, or the same in the order of time with
            its colour channels reversed.
        quantise: maps are rounded down to 8 bits before that Gaussian.
        short_clips: what a clip shorter than 2T − 1 frames has for frames beyond its end, likewise: it is
            "reflected" in time or "looped", or the "last window" within it stands for those that would end
            beyond; clips shorter than that are reflected then.
        truncate: finished maps are rounded down when they become 8-bit images.
        resizing: by which rule of `datasets.resizing` frames come to the input's size, in validation too.
    """

    smoothing_sigma: float | None = None
    head: Literal["time reversed", "colours reversed"] = "time reversed"
    quantise: bool = False
    short_clips: ShortClips = "reflected"
    truncate: bool = False
    resizing: str = "pil-bilinear"


@dataclass(frozen=True)
class AsTested:
    """What a test used beside the model itself, whose configuration tells the size of its input.

    Attributes:
        protocol: a word of the model's `Model.prediction`.
        precision: of prediction, float32 or bfloat16.
        smoothing_sigma: of the final Gaussian, in pixels at the model's input size; None for the protocol's,
            and for none after smoothing that the model has learnt.
        eight_bit: whether predictions were made 8-bit images before they were scored.
        resize: by which rule frames came to the input's size; empty where nothing is said of it.
        head: the protocol's field of this name, and so are the others; None where nothing is said of it.
        quantise: likewise.
        short_clips: likewise.
        truncate: likewise.
        plugins: the digests (`manifests.plugins.digest`) of those that model and approach came from.

    Raises:
        ValueError: one has another type.
    """

    protocol: str = "paper"
    precision: str = "float32"
    smoothing_sigma: float | None = None
    eight_bit: bool = True
    resize: str = ""
    head: str | None = None
    quantise: bool | None = None
    short_clips: str | None = None
    truncate: bool | None = None
    plugins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if wrong := settle_types(self):
            raise ValueError("; ".join(wrong))

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> AsTested:
        """Return what a checkpoint says; what a later version may have added is passed over.

        Raises:
            ValueError: a value has another type.
        """
        said = {name: content[name] for name in cls.__dataclass_fields__ if name in content}
        return cls(**_BEFORE_THEY_WERE_SAID | said)

    @classmethod
    def in_paper(cls, settings: Mapping[str, Any]) -> AsTested:
        """Return how a model's paper tests, by the model's own settings (`Model.settings`)."""
        keys = {f"test.{name}": name for name in cls.__dataclass_fields__} | {"test.resizing": "resize"}
        return cls(**{name: settings[key] for key, name in keys.items() if key in settings})

    def as_content(self) -> dict[str, Any]:
        """Return it as plain values, as a checkpoint holds it."""
        return asdict(self)

    @property
    def predictor_options(self) -> dict[str, Any]:
        """The options of `hd2s.prediction.predictor.Predictor` by which the test predicted."""
        sigma = "protocol" if self.smoothing_sigma is None else self.smoothing_sigma
        options = {"protocol": self.protocol, "precision": self.precision, "smoothing_sigma": sigma}
        said = {name: getattr(self, name) for name in ("head", "quantise", "short_clips", "truncate")}
        said["resizing"] = self.resize or None
        instead = {name: value for name, value in said.items() if value is not None}
        return options | ({"instead": instead} if instead else {})
