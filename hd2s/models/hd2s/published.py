"""HD2S's entries as the authors' released files call them, and what such a file tells of its model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hd2s.layers.s3d.weights import unit_name
from hd2s.models.declaration import WeightLayout
from hd2s.models.s3d_layouts import S3D_LAYOUTS

if TYPE_CHECKING:
    from torch import nn

    from hd2s.models.hd2s.model import HD2S

# The authors' names of domains, where ours differ.
_DOMAINS = {"Hollywood2": "Hollywood"}
_CLASSIFIERS = ("featureReduction", "domainClassifier")


def published_names(model: HD2S) -> dict[str, str]:
    """Return our name → the authors' name of every entry of the model's state dict that has one.

    They count the conspicuity nets 2 to 5 after the blocks of S3D where we count 1 to 4, and the stages of
    a decoder downwards.
    """
    parts = {
        "backbone": lambda model, path: f"featureExtractor.{unit_name(path)}",
        "conspicuity": _conspicuity,
        "fusion": _fusion,
        "priors": _priors,
        "smoothing": _smoothing,
    }
    names = {}
    for own in model.state_dict():
        part, *path = own.split(".")
        if part in parts:
            names[own] = parts[part](model, path)
    return names


def classifier_names(classifiers: nn.Module) -> dict[str, str]:
    """Return the same of the domain classifiers (`hd2s.layers.domain_classifiers`) of HD2S's levels.

    Positions are counted in flat sequences: conv, norm, ReLU; linear, norm, ReLU, dropout (not in the first).
    """
    names = {}
    for own in classifiers.state_dict():
        level, part, *rest, entry = own.split(".")
        number = int(level) + 1
        if part == "reduction":
            position = 3 * int(rest[0]) + (rest[1] == "norm")
            names[own] = f"featureReduction{number}.feature_reduction.{position}.{entry}"
            continue
        layer = int(rest[0]) if part == "hidden" else _n_hidden(classifiers, level)
        position = max(0, 4 * layer - 1) + (rest[-1:] == ["norm"])
        names[own] = f"domainClassifier{number}.domainClassifier.{position}.{entry}"
    return names


def _n_hidden(classifiers: nn.Module, level: str) -> int:
    return sum(1 for _ in classifiers.get_submodule(f"{level}.hidden").children())


def options_told(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the domains and parts that a released state dict has; nothing where it names no domain.

    The batch norms spell a domain as it is; all other parts in small letters.
    """
    names = [str(name) for name in content]
    spelled = {found for name in names for found in re.findall(r"\.bn_(\w{2,})\.", name)}
    small = {found for name in names for found in re.findall(r"(?:last_block|GL|gaussians\d)__(\w+)", name)}
    ours = {theirs: own for own, theirs in _DOMAINS.items()}
    known = {name.lower(): name for name in ("DHF1K", "UCFSports", "LEDOV", *ours, *spelled)}
    domains = {known.get(name.lower(), name) for name in small | spelled}
    if not domains:
        return {}
    return {
        "domains": tuple(sorted(ours.get(name, name) for name in domains)),
        "batch_norm": bool(spelled),
        "priors": any(re.search(r"gaussians\d__", name) for name in names),
        "smoothing": any("GL__" in name for name in names),
        "fusion": any("last_block__" in name for name in names),
    }


def _conspicuity(model: HD2S, path: Sequence[str]) -> str:
    level, part, *rest = path
    net, number = model.net(level), int(level) + 1
    if part == "head":
        return f"decoder{number}.last_conv{number}.{rest[0]}"
    index, *rest = rest
    unit = unit_name(rest, _published_domain)
    if part == "temporal_removal":
        suffix = f"_{int(index) + 1}" if len(net.temporal_removal) > 1 else ""
        return f"conv_t{number}{suffix}.{unit}"
    return f"decoder{number}.deconvlayer{number}_{len(net.stages) - int(index)}.{unit}"


def _fusion(model: HD2S, path: Sequence[str]) -> str:
    *domain, entry = path
    if domain:
        return f"last_block__{_published_domain(domain[0]).lower()}.0.{entry}"
    return f"last_block.0.{entry}" if model.config.domains else f"last_conv.{entry}"


def _priors(model: HD2S, path: Sequence[str]) -> str:
    level, _, domain = path
    return f"gaussians{int(level) + 1}__{_published_domain(domain).lower()}"


def _smoothing(model: HD2S, path: Sequence[str]) -> str:
    domain, entry = path
    return f"GL__{_published_domain(domain).lower()}.{entry}"


def _published_domain(name: str) -> str:
    return _DOMAINS.get(name, name)


LAYOUTS = (
    WeightLayout(
        word="published",
        title="the released HD2S, HD2S_DA or HD2S_DSL (featureExtractor.…)",
        prefix="featureExtractor.",
        names=published_names,
        options=options_told,
        beside=classifier_names,
        # Of an adapted model the domain classifiers, which prediction does without.
        ignored=_CLASSIFIERS,
        writes=True,
        had_from="https://github.com/perceivelab/hd2s: HD2S trained on DHF1K, 119 MB, CC BY-NC 4.0 (for"
        " HD2S_DA and HD2S_DSL, 126 MB and 121 MB, ask its authors)",
    ),
    *S3D_LAYOUTS,
)
"""The foreign files that an HD2S reads; a domain Hollywood is our Hollywood2."""
