"""Weights on disk: our own checkpoints, the published HD2S layout, and Kinetics-400 weights of S3D."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from hd2s.model import HD2S

_OWN_FORMAT = "hd2s-grid weights, version 1"

# Our units → the authors' names. A separable unit holds its two halves side by side in their layout.
_UNITS = {
    "spatial.conv": "conv_s",
    "spatial.norm": "bn_s",
    "temporal.conv": "conv_t",
    "temporal.norm": "bn_t",
    "depthwise": "conv_s",
    "depthwise_norm": "bn_s",
    "pointwise": "conv_t",
    "pointwise_norm": "bn_t",
    "conv": "conv",
    "norm": "bn",
}

# First position of each of our blocks in the Kinetics layout, one flat sequence with the pools between.
_KINETICS_OFFSETS = {"block1": 0, "block2": 2, "block3": 5, "block4": 8, "block5": 14}


class WeightsError(ValueError):
    """A file whose weights are not those that the model needs."""


def save_weights(model: HD2S, path: str | os.PathLike) -> None:
    """Write the model's state as our own checkpoint, atomically."""
    _write({"format": _OWN_FORMAT, "state": model.state_dict()}, Path(path))


def export_weights(model: HD2S, path: str | os.PathLike) -> None:
    """Write the model's state in the layout of the authors' released code, atomically."""
    names = published_names(model)
    _write({names[own]: tensor.contiguous() for own, tensor in model.state_dict().items()}, Path(path))


def load_weights(model: HD2S, path: str | os.PathLike) -> str:
    """Load weights into the model and return which kind was found.

    - "own": written by `save_weights`;
    - "published": the authors' state dict of HD2S or HD2S_DA, with or without a `module.` prefix;
    - "kinetics": S3D on Kinetics-400 in its author's layout; fills the backbone, its classifier is ignored.

    Only tensors and plain containers are unpickled. Raises WeightsError for a file that is none of these,
    or listing every entry that is missing, unexpected or of another shape; the model is then unchanged.
    """
    kind, state, wanted = _recognise(model, _read(Path(path)), Path(path))
    own = model.state_dict()
    problems = [f"missing {name}" for name in wanted.values() if name not in state]
    problems += [f"unexpected {name}" for name in state.keys() - set(wanted.values())]
    problems += [
        f"{name} has shape {tuple(state[name].shape)}, expected {tuple(own[mine].shape)}"
        for mine, name in wanted.items()
        if name in state and state[name].shape != own[mine].shape
    ]
    if problems:
        raise WeightsError(
            f"{path}: found {kind} weights that do not fit this model ({len(problems)} problems): "
            + "; ".join(sorted(problems))
        )
    model.load_state_dict({mine: state[name] for mine, name in wanted.items()}, strict=kind != "kinetics")
    return kind


def published_names(model: HD2S) -> dict[str, str]:
    """Return our name → the authors' name of every entry of the model's state dict.

    They count the conspicuity nets 2 to 5 after the blocks of S3D where we count 1 to 4, and the stages of
    a decoder downwards.
    """
    parts = {
        "backbone": _backbone,
        "conspicuity": _conspicuity,
        "fusion": _fusion,
        "adversarial": _adversarial,
    }
    names = {}
    for own in model.state_dict():
        path, _, entry = own.rpartition(".")
        part, *rest = path.split(".")
        names[own] = f"{parts[part](model, rest)}.{entry}"
    return names


def _backbone(model: HD2S, path: list[str]) -> str:
    return f"featureExtractor.{_unit(path)}"


def _conspicuity(model: HD2S, path: list[str]) -> str:
    level, part, *rest = path
    net, number = model.conspicuity[level], int(level) + 1
    if part == "head":
        return f"decoder{number}.last_conv{number}"
    index, *rest = rest
    if part == "temporal_removal":
        suffix = f"_{int(index) + 1}" if len(net.temporal_removal) > 1 else ""
        return f"conv_t{number}{suffix}.{_unit(rest)}"
    return f"decoder{number}.deconvlayer{number}_{len(net.stages) - int(index)}.{_unit(rest)}"


def _fusion(model: HD2S, path: list[str]) -> str:
    return "last_conv"


def _adversarial(model: HD2S, path: list[str]) -> str:
    """Count in their flat sequences: conv, norm, ReLU; linear, norm, ReLU, dropout (not in the first)."""
    level, part, *rest = path
    number = int(level) + 1
    if part == "reduction":
        position = 3 * int(rest[0]) + (rest[1] == "norm")
        return f"featureReduction{number}.feature_reduction.{position}"
    layer = int(rest[0]) if part == "hidden" else len(model.adversarial[level].hidden)
    position = max(0, 4 * layer - 1) + (rest[-1:] == ["norm"])
    return f"domainClassifier{number}.domainClassifier.{position}"


def _unit(path: list[str]) -> str:
    """Rename the unit that ends a path, and keep the positions before it."""
    for length in (2, 1):
        unit = _UNITS.get(".".join(path[-length:]))
        if unit:
            return ".".join([*path[:-length], unit])
    raise KeyError(".".join(path))


def _kinetics_names(model: HD2S) -> dict[str, str]:
    names = {}
    for own, published in published_names(model).items():
        if own.startswith("backbone."):
            _, block, index, *rest = published.split(".")
            names[own] = ".".join(["base", str(_KINETICS_OFFSETS[block] + int(index)), *rest])
    return names


def _recognise(model: HD2S, content: Mapping, path: Path) -> tuple[str, dict[str, Tensor], dict[str, str]]:
    """Return the kind, the file's tensors, and our name → the file's name of what the model takes from it."""
    if content.get("format") == _OWN_FORMAT:
        return "own", content["state"], {name: name for name in model.state_dict()}
    state = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    if any(name.startswith("featureExtractor.") for name in state):
        return "published", state, published_names(model)
    if any(name.startswith("base.") for name in state):
        return "kinetics", {n: t for n, t in state.items() if not n.startswith("fc.")}, _kinetics_names(model)
    raise WeightsError(
        f"{path}: expected our own checkpoint, the published HD2S layout (featureExtractor.…) or Kinetics "
        f"weights of S3D (base.…); found entries such as {', '.join(list(state)[:3]) or 'none'}."
    )


def _read(path: Path) -> Mapping:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        # What PyTorch says of the first of these advises to run the code that the file may hold.
        told = "it holds something else" if isinstance(error, pickle.UnpicklingError) else str(error)
        reason = told.partition("\n")[0] or type(error).__name__
        raise WeightsError(f"{path}: expected tensors as torch.save writes them, but {reason}") from error
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: expected a mapping from names to tensors, found {type(content).__name__}."
        )
    return content


def _write(content: Mapping, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    torch.save(content, partial)
    partial.replace(path)
