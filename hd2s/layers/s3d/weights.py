"""What S3D's entries are called in the files of others: alone, trained on Kinetics-400, or in a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hd2s.layers.s3d.network import S3D

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

# First position of each of our blocks in both layouts of S3D, one flat sequence with the pools between.
_OFFSETS = {"block1": 0, "block2": 2, "block3": 5, "block4": 8, "block5": 14}

KINETICS_CLASSIFIER, TORCHVISION_CLASSIFIER = "fc.", "classifier."
"""What the entries of the classifier of actions begin with, which saliency has no use for."""


def unit_name(path: Sequence[str], domain_name: Callable[[str], str] = str) -> str:
    """Rename the unit in the path of an entry, as the authors of S3D and of HD2S do.

    Args:
        path: before the unit stand positions, after it its domain, if any, and the entry.
        domain_name: our name of a domain → theirs.
    """
    for start in range(len(path)):
        for length in (2, 1):
            unit = _UNITS.get(".".join(path[start : start + length]))
            if unit:
                *domain, entry = path[start + length :]
                after = [f"bn_{domain_name(name)}" for name in domain]
                return ".".join([*path[:start], unit, *after, entry])
    raise KeyError(".".join(path))


def kinetics_names(backbone: S3D, prefix: str) -> dict[str, str]:
    """Return our name of each entry, behind `prefix`, → its name in the layout of S3D's author."""
    names = {}
    for own in backbone.state_dict():
        block, index, *rest = unit_name(own.split(".")).split(".")
        names[f"{prefix}{own}"] = ".".join(["base", str(_OFFSETS[block] + int(index)), *rest])
    return names


def torchvision_names(backbone: S3D, prefix: str) -> dict[str, str]:
    """Do the same for torchvision's `s3d`.

    Positions are counted: units and their halves are sequences there, and the first branch is no sequence.
    """
    positions = {"conv_s": "0.0", "bn_s": "0.1", "conv_t": "1.0", "bn_t": "1.1", "conv": "0", "bn": "1"}
    names = {}
    for own, kinetics in kinetics_names(backbone, prefix).items():
        _, block, *path, unit, entry = kinetics.replace("branch0.0", "branch0").split(".")
        names[own] = ".".join(["features", block, *path, positions[unit], entry])
    return names
