"""Weights on disk: our own checkpoints, and the foreign layouts that models declare."""

from __future__ import annotations

import logging
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hd2s.files import atomic_write
from hd2s.models.contract import SaliencyModel
from hd2s.models.declaration import WeightLayout
from hd2s.models.registry import find_model
from hd2s.models.tested import AsTested
from hd2s.weights.older import modernised
from hd2s.weights.tensor_files import TensorFileError, read_tensors, tensor_digest
from hd2s.weights.wrapped import bare, named_as, unwrapped

log = logging.getLogger(__name__)

OWN_FORMAT = "video saliency weights, version 2"
_REAL = "real numbers one after the other"


class WeightsError(ValueError):
    """A file whose weights are not those that the model needs.

    Attributes:
        n_problems: how far they are from it.
        tested: how the test of what they were written from predicts, if the file says so.
    """

    tested: AsTested | None = None

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
    model: SaliencyModel,
    path: str | os.PathLike,
    approach: str = "",
    tested: AsTested | None = None,
    training: str = "",
) -> str:
    """Write a model's state as our own checkpoint, atomically; return the digest of its tensors.

    With it goes what the model was made from, so that `hd2s.prediction.open_checkpoint` can make it again.

    Args:
        model: of `hd2s.build_model`, perhaps in what its approach puts around it.
        path: the file.
        approach: the word of the approach that trained it.
        tested: how its test predicts and scores; None where no test is known.
        training: the id of the training whose weights they are, if it has one.
    """
    state = model.state_dict()
    digest = tensor_digest(state)
    made_from = {"name": model.declaration.word, "config": asdict(model.config)}
    content = {"format": OWN_FORMAT, "model": made_from, "approach": approach, "state": state}
    content |= {"training": training, "digest": digest}
    if tested is not None:
        content["tested"] = tested.as_content()
    with atomic_write(Path(path)) as part:
        torch.save(content, part)
    return digest


def export_weights(
    model: SaliencyModel,
    path: str | os.PathLike,
    beside: nn.Module | None = None,
    *,
    domain: str | None = None,
) -> None:
    """Write a model's state in the layout of its authors' released code, atomically.

    Args:
        model: a model whose authors have released one.
        path: the file.
        beside: modules that were trained beside it, if that layout has a place for them.
        domain: write the parts of this one of the model's domains alone, with those that all share.

    Raises:
        WeightsError: there is no such layout, it has no place for some entry, or one name for several.
        ValueError: the model has no parts of this domain's own.
    """
    model = model if domain is None else model.of_one_domain(domain)
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
        content = {names[own]: tensor.contiguous() for own, tensor in state.items()}
        torch.save(content | layout.adds(model), part)


def load_weights(model: SaliencyModel, path: str | os.PathLike, beside: nn.Module | None = None) -> str:
    """Load weights into a model and return which kind was found.

    Only tensors and plain containers are unpickled. State dicts are found inside what trainers save
    (`hd2s.weights.wrapped`).

    Args:
        model: what they are for.
        path: the file.
        beside: modules that were trained beside the model, to be filled from a released file that has them.

    Returns:
        "own" for what was written by `save_weights`, and for the model's own state dict; else the word of a
        `WeightLayout` of the model.

    Raises:
        WeightsError: the file is none of these, or holds other entries: listing every one that is missing,
            unexpected, no tensor, not finite or of another shape; the model is then unchanged.
    """
    return fill(model, read_content(Path(path)), path, beside)


def fill(
    model: SaliencyModel,
    content: Mapping[str, Any],
    path: str | os.PathLike,
    beside: nn.Module | None = None,
    *,
    any_size: bool = False,
) -> str:
    """Load into a model what `read_content` has read; all else as `load_weights` does.

    Args:
        model: what it is for.
        content: of the file.
        path: of the file, for what is said of it.
        beside: as `load_weights` takes it.
        any_size: say nothing of a checkpoint of another size of input than the model's, which is asked for.
    """
    found = _match(model, content, Path(path), beside)
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
    if not any_size:
        _tell_other_size(model, content, Path(path))
    # All that is wanted is there by now; what is not wanted stays.
    for module, wanted in ((model, found.wanted), (beside, found.wanted_beside)):
        if module is not None:
            module.load_state_dict({ours: found.state[name] for ours, name in wanted.items()}, strict=False)
    return found.kind


def read_content(path: Path) -> Mapping[str, Any]:
    """Return what a file of weights holds, with what older versions wrote as this one writes it.

    Raises:
        WeightsError: the file holds something else, or other tensors than were written.
    """
    try:
        content = read_tensors(path)
    except TensorFileError as error:
        raise WeightsError(f"{path}: expected tensors as torch.save writes them, but {error}") from error
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: expected a mapping from names to tensors, found {type(content).__name__}."
        )
    content = modernised(content if "format" in content else unwrapped(content), OWN_FORMAT)
    said = content.get("digest") if content.get("format") == OWN_FORMAT else None
    if said and tensor_digest(content.get("state")) != said:
        raise WeightsError(f"{path}: its tensors are not those that were written: they have another digest")
    return content


def layout_of(content: Mapping[str, Any], layouts: tuple[WeightLayout, ...]) -> WeightLayout | None:
    """Return which of these layouts a file's entries are in, if any."""
    return next((layout for form in bare(content) for layout in layouts if _begins(form, layout)), None)


def _begins(state: Mapping[str, Any], layout: WeightLayout) -> bool:
    return any(name.startswith(layout.prefix) for name in state)


def _match(model: SaliencyModel, content: Mapping[str, Any], path: Path, beside: nn.Module | None) -> _Match:
    """Recognise what a file holds, and what is to be taken from it."""
    if content.get("format") == OWN_FORMAT:
        state = content.get("state")
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            raise WeightsError(f"{path}: our own checkpoint, but without the names and tensors of a model")
        return _own(model, named_as(state, model.state_dict()) or state)
    layout = layout_of(content, model.declaration.layouts)
    if layout is None and (named := named_as(content, model.state_dict())) is not None:
        return _own(model, named)
    if layout is None:
        known = ", ".join(each.title for each in model.declaration.layouts)
        raise WeightsError(
            f"{path}: expected our own checkpoint{known and ' or '}{known}; found entries such as "
            f"{', '.join(map(str, list(content)[:3])) or 'none'}."
        )
    theirs = next(form for form in bare(content) if _begins(form, layout))
    for_beside = layout.beside(beside) if beside is not None and layout.beside else {}
    # What may be ignored is what belongs beside the model, if nothing is there.
    theirs = {n: x for n, x in theirs.items() if for_beside or not n.startswith(layout.ignored)}
    return _Match(layout.word, theirs, layout.names(model), for_beside)


def _own(model: SaliencyModel, state: Mapping[str, Any]) -> _Match:
    return _Match("own", state, {name: name for name in model.state_dict()}, {})


def _tell_other_size(model: SaliencyModel, content: Mapping[str, Any], path: Path) -> None:
    """Warn of weights that were trained at another size of input, which fit all the same: they convolve."""
    made_from = content.get("model")
    if content.get("format") != OWN_FORMAT or not isinstance(made_from, Mapping):
        return
    try:
        found = find_model(made_from["name"])
        theirs = found.model.config(**found.options | dict(made_from["config"])).input
    except (KeyError, TypeError, ValueError):
        return  # a description that says no size
    if theirs != model.config.input:
        sizes = (theirs, model.config.input)
        trained, used = (f"{each.frames} frames of {each.height} × {each.width}" for each in sizes)
        log.warning("%s: its weights are of %s, and are put into a model of %s", path, trained, used)


def _problems(own: Mapping[str, Tensor], state: Mapping[str, Any], wanted: Mapping[str, str]) -> list[str]:
    """Return what keeps a file's `state` from filling a module's `own` by our name → the file's name."""
    problems = [f"missing {name}" for name in wanted.values() if name not in state]
    for mine, name in wanted.items():
        found = state.get(name, own[mine])
        if not isinstance(found, Tensor):
            problems.append(f"{name} is a {type(found).__name__}, expected a tensor")
        elif (form := _form(found)) != (expected := _form(own[mine])):
            problems.append(f"{name} is {form or _REAL}, expected {expected or _REAL}")
        elif found.shape != own[mine].shape:
            problems.append(f"{name} has shape {tuple(found.shape)}, expected {tuple(own[mine].shape)}")
        elif name in state and not _is_sound(found.to(own[mine].dtype), own[mine]):
            problems.append(f"{name} is not finite")
    return problems


def _is_sound(found: Tensor, own: Tensor) -> bool:
    """Whether numbers are finite, but for what the model begins with, such as the −∞ of a mask."""
    finite = found.isfinite()
    return bool(finite.all()) or torch.equal(found[~finite], own.to(found.device)[~finite])


def _form(tensor: Tensor) -> str:
    """Say how a tensor holds its numbers that does not do so one real one after the other; else empty."""
    forms = {
        "without numbers": tensor.is_meta,
        "quantised": tensor.is_quantized,
        "nested": tensor.is_nested,
        "complex": tensor.is_complex(),
        "sparse": tensor.layout is not torch.strided,
    }
    return next((form for form, has in forms.items() if has), "")
