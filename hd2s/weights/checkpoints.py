"""Weights on disk: our own checkpoints, and the foreign layouts that models declare."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hd2s.files import atomic_write
from hd2s.models.contract import SaliencyModel, WeightLayout
from hd2s.models.tested import AsTested
from hd2s.weights.older import modernised
from hd2s.weights.tensor_files import TensorFileError, read_tensors

OWN_FORMAT = "video saliency weights, version 2"


class WeightsError(ValueError):
    """A file whose weights are not those that the model needs.

    Attributes:
        n_problems: how far they are from it.
    """

    def __init__(self, told: str, n_problems: int = 1):
        super().__init__(told)
        self.n_problems = n_problems


class _Match(NamedTuple):
    """A file's entries, and our name → the file's of what is taken from it, for the model and beside it."""

    kind: str
    state: Mapping[str, Any]
    wanted: dict[str, str]
    wanted_beside: dict[str, str]


def save_weights(
    model: SaliencyModel, path: str | os.PathLike, approach: str = "", tested: AsTested | None = None
) -> None:
    """Write a model's state as our own checkpoint, atomically.

    With it goes what the model was made from, so that `hd2s.prediction.open_checkpoint` can make it again.

    Args:
        model: of `hd2s.build_model`, perhaps in what its approach puts around it.
        path: the file.
        approach: the word of the approach that trained it.
        tested: how its test predicts and scores; None where no test is known.
    """
    made_from = {"name": model.declaration.word, "config": asdict(model.config)}
    content = {"format": OWN_FORMAT, "model": made_from, "approach": approach, "state": model.state_dict()}
    if tested is not None:
        content["tested"] = tested.as_content()
    with atomic_write(Path(path)) as part:
        torch.save(content, part)


def export_weights(model: SaliencyModel, path: str | os.PathLike, beside: nn.Module | None = None) -> None:
    """Write a model's state in the layout of its authors' released code, atomically.

    Args:
        model: a model whose authors have released one.
        path: the file.
        beside: modules that were trained beside it, if that layout has a place for them.

    Raises:
        WeightsError: there is no such layout, it has no place for some entry, or one name for several.
    """
    layout = next((each for each in model.declaration.layouts if each.writes), None)
    if layout is None:
        raise WeightsError(f"{path}: no released layout of {model.declaration.title} is known")
    state, names = dict(model.state_dict()), layout.names(model)
    if beside is not None and layout.beside:
        state |= {f"beside.{name}": tensor for name, tensor in beside.state_dict().items()}
        names |= {f"beside.{name}": theirs for name, theirs in layout.beside(beside).items()}
    if left_out := sorted(state.keys() - names):
        raise WeightsError(f"{path}: the authors' layout has no place for {', '.join(left_out)}")
    sharing = defaultdict(list)
    for own, theirs in names.items():
        sharing[theirs].append(own)
    if clashes := [f"{' and '.join(own)} ({name})" for name, own in sharing.items() if len(own) > 1]:
        raise WeightsError(f"{path}: the authors' layout has one name for {'; '.join(clashes)}")
    with atomic_write(Path(path)) as part:
        torch.save({names[own]: tensor.contiguous() for own, tensor in state.items()}, part)


def load_weights(model: SaliencyModel, path: str | os.PathLike, beside: nn.Module | None = None) -> str:
    """Load weights into a model and return which kind was found.

    Only tensors and plain containers are unpickled.

    Args:
        model: what they are for.
        path: the file.
        beside: modules that were trained beside the model, to be filled from a released file that has them.

    Returns:
        "own" for what was written by `save_weights`; else the word of a `WeightLayout` of the model, whose
        entries may have a `module.` prefix.

    Raises:
        WeightsError: the file is none of these, or holds other entries: listing every one that is missing,
            unexpected, no tensor, not finite or of another shape; the model is then unchanged.
    """
    found = _match(model, read_content(Path(path)), Path(path), beside)
    problems = _problems(model.state_dict(), found.state, found.wanted)
    if beside is not None:
        problems += _problems(beside.state_dict(), found.state, found.wanted_beside)
    taken = {*found.wanted.values(), *found.wanted_beside.values()}
    problems += [f"unexpected {name}" for name in found.state.keys() - taken]
    if problems:
        raise WeightsError(
            f"{path}: found {found.kind} weights that do not fit this model ({len(problems)} problems): "
            + "; ".join(sorted(problems)),
            len(problems),
        )
    # All that is wanted is there by now; what is not wanted stays.
    for module, wanted in ((model, found.wanted), (beside, found.wanted_beside)):
        if module is not None:
            module.load_state_dict({ours: found.state[name] for ours, name in wanted.items()}, strict=False)
    return found.kind


def read_content(path: Path) -> Mapping[str, Any]:
    """Return what a file of weights holds, with what older versions wrote as this one writes it.

    Raises:
        WeightsError: the file holds something else.
    """
    try:
        content = read_tensors(path)
    except TensorFileError as error:
        raise WeightsError(f"{path}: expected tensors as torch.save writes them, but {error}") from error
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: expected a mapping from names to tensors, found {type(content).__name__}."
        )
    return modernised(content, OWN_FORMAT)


def layout_of(content: Mapping[str, Any], layouts: tuple[WeightLayout, ...]) -> WeightLayout | None:
    """Return which of these layouts a file's entries are in, if any."""
    names = [str(name).removeprefix("module.") for name in content]
    return next((each for each in layouts if any(name.startswith(each.prefix) for name in names)), None)


def _match(model: SaliencyModel, content: Mapping[str, Any], path: Path, beside: nn.Module | None) -> _Match:
    """Recognise what a file holds, and what is to be taken from it."""
    if content.get("format") == OWN_FORMAT:
        state = content.get("state")
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            raise WeightsError(f"{path}: our own checkpoint, but without the names and tensors of a model")
        return _Match("own", state, {name: name for name in model.state_dict()}, {})
    layout = layout_of(content, model.declaration.layouts)
    if layout is None:
        known = ", ".join(each.title for each in model.declaration.layouts)
        raise WeightsError(
            f"{path}: expected our own checkpoint{known and ' or '}{known}; found entries such as "
            f"{', '.join(map(str, list(content)[:3])) or 'none'}."
        )
    state = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    for_beside = layout.beside(beside) if beside is not None and layout.beside else {}
    # What may be ignored is what belongs beside the model, if nothing is there.
    state = {n: x for n, x in state.items() if for_beside or not n.startswith(layout.ignored)}
    return _Match(layout.word, state, layout.names(model), for_beside)


def _problems(own: Mapping[str, Tensor], state: Mapping[str, Any], wanted: Mapping[str, str]) -> list[str]:
    """Return what keeps a file's `state` from filling a module's `own` by our name → the file's name."""
    problems = [f"missing {name}" for name in wanted.values() if name not in state]
    for mine, name in wanted.items():
        found = state.get(name, own[mine])
        if not isinstance(found, Tensor):
            problems.append(f"{name} is a {type(found).__name__}, expected a tensor")
        elif found.shape != own[mine].shape:
            problems.append(f"{name} has shape {tuple(found.shape)}, expected {tuple(own[mine].shape)}")
        elif name in state and not found.isfinite().all():
            problems.append(f"{name} is not finite")
    return problems
