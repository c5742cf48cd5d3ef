"""Whether a model answers clips with what a training and a test rely on: wrong shapes are told by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hd2s.checks import told
from hd2s.models.config import ModelConfig
from hd2s.models.contract import Prediction


def require_answer(prediction: Any, clips: Tensor, config: ModelConfig) -> None:
    """Make sure that a prediction has a map of each answered frame, and the features that it announces.

    Shapes alone are looked at, which costs next to nothing.

    Args:
        prediction: what the model returned.
        clips: what it was given, (B, 3, T, H, W).
        config: the model's.

    Raises:
        ValueError: it has another type, or something in it has another shape.
    """
    if not isinstance(prediction, Prediction):
        raise ValueError(f"the model is to return a Prediction, found {told(type(prediction).__name__)}")
    batch, _, frames, height, width = clips.shape
    answers = config.input.answers
    maps = (batch, len(config.input.answered(frames)), height, width)
    which = "every frame" if answers == "every" else f"the {answers} frame"
    named = {"saliency": prediction.saliency} | dict(prediction.auxiliary)
    wrong = [_unlike(name, value, maps, which) for name, value in named.items() if _shape(value) != maps]
    wrong += _of_features(prediction.features, batch, config)
    if wrong:
        raise ValueError("; ".join(wrong))


def _of_features(found: Mapping[str, Tensor], batch: int, config: ModelConfig) -> list[str]:
    """Say what is wrong with features; how high and wide they are follows the clips, which may differ."""
    wrong = []
    for name, told_of in config.features.items():
        shape = _shape(found.get(name))
        if len(shape) != 4 or shape[:2] != (batch, told_of.channels):
            expected = (batch, told_of.channels, told_of.height, told_of.width)
            wrong.append(_unlike(f"features {name}", found.get(name), expected, "`config.features`"))
    return wrong


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, Tensor) else ()


def _unlike(name: str, value: Any, expected: tuple[int, ...], why: str) -> str:
    found = str(_shape(value)) if isinstance(value, Tensor) else told(value)
    return f"{name} is to have the shape {expected} of {why}, found {found}"
