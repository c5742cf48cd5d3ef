"""The one way from a file of weights to a model that predicts, for grids, commands and MLflow alike."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from hd2s.approaches.registry import approaches
from hd2s.checks import unknown
from hd2s.models.contract import SaliencyModel
from hd2s.models.registry import build_model, find_model
from hd2s.weights.checkpoints import WeightsError, fill
from hd2s.weights.recognition import Candidate, candidates, read_to_predict

_PLUGGED_IN = "One of a plug-in is known once its folder is named (--plugins FOLDER)."


def open_checkpoint(
    path: str | os.PathLike,
    *,
    model: str | None = None,
    options: Mapping[str, Any] | None = None,
    protocol: str = "paper",
) -> SaliencyModel:
    """Build the model that a file is of, as its approach left it, and load it: to evaluate, on the CPU.

    Its `tested` then says how its test predicts, if the file does.

    Args:
        path: our own checkpoint, or a released file that some model reads.
        model: which model it is, if it could be of several.
        options: of its configuration, in place of what the file says.
        protocol: the released code may predict with another form of its model (`Model.options_of`).

    Raises:
        WeightsError: the file is no such thing, or does not fit.
        ValueError: an unknown model or option, or one that the model's configuration does not allow.
    """
    content = read_to_predict(path)
    found = candidates(content, path)
    if model is not None:
        word = find_model(model).model.word
        found = [each for each in found if each.model == word] or [Candidate(word, {})]
    errors = []
    for candidate in _with_options(found, options or {}):
        built = _build(path, candidate, options or {}, protocol)
        try:
            fill(built, content, path, any_size=bool(options))
        except WeightsError as error:
            error.tested = candidate.tested
            errors.append(error)
            continue
        built.tested = candidate.tested
        return built.eval()
    raise min(errors, key=lambda error: error.n_problems)


def _with_options(found: list[Candidate], options: Mapping[str, Any]) -> list[Candidate]:
    """Of several candidates return those whose models have such options; all, where none has."""
    if len(found) == 1:
        return found
    return [each for each in found if options.keys() <= set(find_model(each.model).model.options)] or found


def _build(
    path: str | os.PathLike, candidate: Candidate, options: Mapping[str, Any], protocol: str
) -> SaliencyModel:
    try:
        declared = find_model(candidate.model).model
    except ValueError as error:
        raise WeightsError(f"{path}: {error}. {_PLUGGED_IN}") from error
    try:
        built = build_model(
            candidate.model,
            seed=0,
            **candidate.config | declared.options_of(protocol) | dict(options),
        )
    except ValueError as error:
        raise type(error)(f"{path}: {error}") from error
    if not candidate.approach:
        return built
    if candidate.approach not in approaches():
        told = unknown("approach", candidate.approach, approaches())
        raise WeightsError(f"{path}: {told}. {_PLUGGED_IN}")
    around = approaches()[candidate.approach].around
    return around(built) if around else built
