"""Which models a file of weights may be of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hd2s.models.declaration import had_from
from hd2s.models.registry import models, on_meta, ours_first
from hd2s.models.tested import AsTested
from hd2s.weights.checkpoints import OWN_FORMAT, WeightsError, layout_of, read_content
from hd2s.weights.wrapped import named_as


@dataclass(frozen=True)
class Candidate:
    """What a file of weights may be of.

    Attributes:
        model: a name of `hd2s.build_model`.
        config: options of its configuration, as far as the file tells them.
        approach: the word of the approach that trained it; empty where the file does not say.
        tested: how its test predicts; None where the file does not say.
    """

    model: str
    config: dict[str, Any]
    approach: str = ""
    tested: AsTested | None = None


def read_to_predict(path: str | os.PathLike) -> Mapping[str, Any]:
    """Return what a file of weights holds.

    Raises:
        WeightsError: there is none, and where one is had from; or it holds something else.
    """
    if not Path(path).exists():
        released = [layout for model in models().values() for layout in model.layouts if layout.fills]
        raise WeightsError(f"{path}: no such file. {had_from(released)}")
    return read_content(Path(path))


def candidates(content: Mapping[str, Any], path: str | os.PathLike) -> list[Candidate]:
    """Return the one model that our own checkpoint says it is of, or else all that read the file's layout.

    Args:
        content: as `read_to_predict` returns it.
        path: where it was read.

    Raises:
        WeightsError: its description is damaged, or no model that is known reads it.
    """
    if content.get("format") == OWN_FORMAT and "model" in content:
        match content["model"], content.get("approach"):
            case {"name": str(name), "config": dict(config)}, str(approach):
                return [Candidate(name, config, approach, _tested(content, path))]
        raise WeightsError(f"{path}: what it says of its model is no name and configuration")
    if content.get("format") == OWN_FORMAT:
        approach = str(content.get("approach", ""))
        # The first checkpoints said nothing of their model: it is one that a name alone stood for.
        return [
            Candidate(word, dict(options), approach)
            for word, model in ours_first().items()
            for options in ({}, *filter(None, model.aliases.values()))
        ]
    found = [
        Candidate(word, layout.options(content))
        for word, model in ours_first().items()
        if (layout := layout_of(content, model.layouts)) and layout.fills
    ]
    starting = [
        layout
        for model in models().values()
        if (layout := layout_of(content, model.layouts)) and not layout.fills
    ]
    if not found and not starting:
        found = _of_own_names(content)
    if not found and starting:
        raise WeightsError(f"{path}: holds {starting[0].title}, which starts a training and predicts nothing")
    if not found:
        known = ", ".join(layout.title for model in models().values() for layout in model.layouts)
        entries = ", ".join(map(str, list(content)[:3])) or "none"
        raise WeightsError(
            f"{path}: expected our own checkpoint or {known}; found entries such as {entries}."
        )
    return found


def _of_own_names(content: Mapping[str, Any]) -> list[Candidate]:
    """Return of which models a state dict alone may be, by its names; it says nothing of their size."""
    return [
        Candidate(word, dict(options))
        for word, model in ours_first().items()
        for options in ({}, *filter(None, model.aliases.values()))
        if named_as(content, on_meta(model, dict(options)).state_dict()) is not None
    ]


def _tested(content: Mapping[str, Any], path: str | os.PathLike) -> AsTested | None:
    """Return how the model's test predicts, if the checkpoint says so."""
    said = content.get("tested")
    if said is None:
        return None
    try:
        return AsTested.of(said)
    except (TypeError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path}: what it says of its test is no description of one ({error})") from error
