"""Weights on disk: our own checkpoints, the published HD2S layout, and Kinetics-400 weights of S3D."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from hd2s.files import atomic_write
from hd2s.models.hd2s.model import HD2S
from hd2s.weights.tensor_files import TensorFileError, read_tensors

OWN_FORMAT = "hd2s-grid weights, version 1"

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

# The authors' names of domains, where ours differ.
PUBLISHED_DOMAINS = {"Hollywood2": "Hollywood"}

# First position of each of our blocks in both layouts of S3D, one flat sequence with the pools between.
_S3D_OFFSETS = {"block1": 0, "block2": 2, "block3": 5, "block4": 8, "block5": 14}

# What a calibrated model (hd2s.approaches.calibration) has beside its source model's entries.
_CALIBRATION = "calibration."


class WeightsError(ValueError):
    """A file whose weights are not those that the model needs; `n_problems`: how far they are from it."""

    def __init__(self, told: str, n_problems: int = 1):
        super().__init__(told)
        self.n_problems = n_problems


def save_weights(model: HD2S, path: str | os.PathLike) -> None:
    """Write the model's state as our own checkpoint, atomically.

    With it goes what `build_model` made the model from, so that `hd2s.weights.recognition` can name it.
    """
    content = {"format": OWN_FORMAT, "state": model.state_dict()}
    if model.zoo_name is not None:
        content["model"] = {"name": model.zoo_name, "config": asdict(model.config)}
    with atomic_write(Path(path)) as part:
        torch.save(content, part)


def export_weights(model: HD2S, path: str | os.PathLike) -> None:
    """Write the model's state in the layout of the authors' released code, atomically.

    Raises WeightsError for a calibrated model, whose calibration that layout cannot hold, and for domains
    that it cannot tell apart.
    """
    names, state = published_names(model), model.state_dict()
    if left_out := sorted(state.keys() - names):
        raise WeightsError(f"{path}: the authors' layout has no place for {', '.join(left_out)}")
    sharing = defaultdict(list)
    for own, published in names.items():
        sharing[published].append(own)
    if clashes := [f"{' and '.join(own)} ({name})" for name, own in sharing.items() if len(own) > 1]:
        raise WeightsError(f"{path}: the authors' layout has one name for {'; '.join(clashes)}")
    with atomic_write(Path(path)) as part:
        torch.save({names[own]: tensor.contiguous() for own, tensor in state.items()}, part)


def load_weights(model: HD2S, path: str | os.PathLike) -> str:
    """Load weights into the model and return which kind was found.

    - "own": written by `save_weights`;
    - "published": the authors' state dict of HD2S, HD2S_DA or HD2S_DSL (its domain Hollywood is our
      Hollywood2), with or without a `module.` prefix;
    - "kinetics": S3D on Kinetics-400 in its author's layout;
    - "torchvision": the same of torchvision's `s3d`.

    The last two fill the backbone; their classifier is ignored. A calibrated model takes its source model's
    weights in any of these forms, and its calibration stays as it is unless the file has one.

    Only tensors and plain containers are unpickled. Raises WeightsError for a file that is none of these,
    or listing every entry that is missing, unexpected, no tensor, not finite or of another shape; the model
    is then unchanged.
    """
    kind, state, wanted = _recognise(model, read_content(Path(path)), Path(path))
    problems = _problems(model.state_dict(), state, wanted)
    if problems:
        raise WeightsError(
            f"{path}: found {kind} weights that do not fit this model ({len(problems)} problems): "
            + "; ".join(sorted(problems)),
            len(problems),
        )
    # All that is wanted is there by now; what is not wanted stays.
    model.load_state_dict({mine: state[name] for mine, name in wanted.items()}, strict=False)
    return kind


def _problems(own: Mapping[str, Tensor], state: Mapping[str, object], wanted: Mapping[str, str]) -> list[str]:
    """Return what keeps a file's `state` from filling the model's `own` by our name → the file's name."""
    problems = [f"missing {name}" for name in wanted.values() if name not in state]
    problems += [f"unexpected {name}" for name in state.keys() - set(wanted.values())]
    for mine, name in wanted.items():
        found = state.get(name, own[mine])
        if not isinstance(found, Tensor):
            problems.append(f"{name} is a {type(found).__name__}, expected a tensor")
        elif found.shape != own[mine].shape:
            problems.append(f"{name} has shape {tuple(found.shape)}, expected {tuple(own[mine].shape)}")
        elif name in state and not found.isfinite().all():
            problems.append(f"{name} is not finite")
    return problems


def published_names(model: HD2S) -> dict[str, str]:
    """Return our name → the authors' name of every entry of the model's state dict but a calibration's.

    They count the conspicuity nets 2 to 5 after the blocks of S3D where we count 1 to 4, and the stages of
    a decoder downwards.
    """
    parts = {
        "backbone": _backbone,
        "conspicuity": _conspicuity,
        "fusion": _fusion,
        "adversarial": _adversarial,
        "priors": _priors,
        "smoothing": _smoothing,
    }
    names = {}
    for own in _uncalibrated(model):
        part, *path = own.split(".")
        names[own] = parts[part](model, path)
    return names


def _uncalibrated(model: HD2S) -> list[str]:
    return [name for name in model.state_dict() if not name.startswith(_CALIBRATION)]


def _backbone(model: HD2S, path: list[str]) -> str:
    return f"featureExtractor.{_unit(path)}"


def _conspicuity(model: HD2S, path: list[str]) -> str:
    level, part, *rest = path
    net, number = model.conspicuity[level], int(level) + 1
    if part == "head":
        return f"decoder{number}.last_conv{number}.{rest[0]}"
    index, *rest = rest
    if part == "temporal_removal":
        suffix = f"_{int(index) + 1}" if len(net.temporal_removal) > 1 else ""
        return f"conv_t{number}{suffix}.{_unit(rest)}"
    return f"decoder{number}.deconvlayer{number}_{len(net.stages) - int(index)}.{_unit(rest)}"


def _fusion(model: HD2S, path: list[str]) -> str:
    *domain, entry = path
    if domain:
        return f"last_block__{_published_domain(domain[0]).lower()}.0.{entry}"
    return f"last_conv.{entry}" if model.domains is None else f"last_block.0.{entry}"


def _priors(model: HD2S, path: list[str]) -> str:
    level, _, domain = path
    return f"gaussians{int(level) + 1}__{_published_domain(domain).lower()}"


def _smoothing(model: HD2S, path: list[str]) -> str:
    domain, entry = path
    return f"GL__{_published_domain(domain).lower()}.{entry}"


def _adversarial(model: HD2S, path: list[str]) -> str:
    """Count in their flat sequences: conv, norm, ReLU; linear, norm, ReLU, dropout (not in the first)."""
    level, part, *rest, entry = path
    number = int(level) + 1
    if part == "reduction":
        position = 3 * int(rest[0]) + (rest[1] == "norm")
        return f"featureReduction{number}.feature_reduction.{position}.{entry}"
    layer = int(rest[0]) if part == "hidden" else len(model.adversarial[level].hidden)
    position = max(0, 4 * layer - 1) + (rest[-1:] == ["norm"])
    return f"domainClassifier{number}.domainClassifier.{position}.{entry}"


def _unit(path: list[str]) -> str:
    """Rename the unit in a path; before it stand positions, after it its domain, if any, and the entry."""
    for start in range(len(path)):
        for length in (2, 1):
            unit = _UNITS.get(".".join(path[start : start + length]))
            if unit:
                *domain, entry = path[start + length :]
                after = [f"bn_{_published_domain(name)}" for name in domain]
                return ".".join([*path[:start], unit, *after, entry])
    raise KeyError(".".join(path))


def _published_domain(name: str) -> str:
    return PUBLISHED_DOMAINS.get(name, name)


def _kinetics_names(model: HD2S) -> dict[str, str]:
    names = {}
    for own, published in published_names(model).items():
        if own.startswith("backbone."):
            _, block, index, *rest = published.split(".")
            names[own] = ".".join(["base", str(_S3D_OFFSETS[block] + int(index)), *rest])
    return names


def _torchvision_names(model: HD2S) -> dict[str, str]:
    """Count positions: units and their halves are sequences there, and the first branch is no sequence."""
    positions = {"conv_s": "0.0", "bn_s": "0.1", "conv_t": "1.0", "bn_t": "1.1", "conv": "0", "bn": "1"}
    names = {}
    for own, kinetics in _kinetics_names(model).items():
        _, block, *path, unit, entry = kinetics.replace("branch0.0", "branch0").split(".")
        names[own] = ".".join(["features", block, *path, positions[unit], entry])
    return names


# S3D's layouts → the prefix of their classifier.
_S3D_CLASSIFIERS = {"kinetics": "fc.", "torchvision": "classifier."}


def _recognise(model: HD2S, content: Mapping, path: Path) -> tuple[str, dict[str, Tensor], dict[str, str]]:
    """Return the kind, the file's tensors, and our name → the file's name of what the model takes from it."""
    if content.get("format") == OWN_FORMAT:
        state = content.get("state")
        if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
            raise WeightsError(f"{path}: our own checkpoint, but without the names and tensors of a model")
        calibrated = any(name.startswith(_CALIBRATION) for name in state)
        names = model.state_dict() if calibrated else _uncalibrated(model)
        return "own", state, {name: name for name in names}
    layouts = {
        "featureExtractor.": ("published", published_names),
        "base.": ("kinetics", _kinetics_names),
        "features.": ("torchvision", _torchvision_names),
    }
    state = {str(name).removeprefix("module."): tensor for name, tensor in content.items()}
    for prefix, (kind, names) in layouts.items():
        if any(name.startswith(prefix) for name in state):
            classifier = _S3D_CLASSIFIERS.get(kind)
            taken = {n: t for n, t in state.items() if classifier is None or not n.startswith(classifier)}
            return kind, taken, names(model)
    raise WeightsError(
        f"{path}: expected our own checkpoint, the published HD2S layout (featureExtractor.…) or Kinetics "
        f"weights of S3D (base.… or torchvision's features.…); found entries such as "
        f"{', '.join(list(state)[:3]) or 'none'}."
    )


def read_content(path: Path) -> Mapping:
    """Return what a file of weights holds. Raises WeightsError for a file that is none."""
    try:
        content = read_tensors(path)
    except TensorFileError as error:
        raise WeightsError(f"{path}: expected tensors as torch.save writes them, but {error}") from error
    if not isinstance(content, Mapping):
        raise WeightsError(
            f"{path}: expected a mapping from names to tensors, found {type(content).__name__}."
        )
    return content
