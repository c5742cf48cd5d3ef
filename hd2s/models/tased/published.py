"""What TASED-Net's entries are called in the released file, and S3D's in that of its author."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hd2s.layers.s3d.weights import kinetics_names
from hd2s.models.declaration import WeightLayout
from hd2s.models.s3d_layouts import S3D_LAYOUTS

if TYPE_CHECKING:
    from hd2s.models.tased.model import Tased

# First position of each released block in S3D's one flat sequence.
_OFFSETS = {"base1": 0, "base2": 5, "base3": 8, "base4": 14}


def published_names(model: Tased) -> dict[str, str]:
    """Return our name → the released name of every entry that the released network has.

    Positions are counted in flat sequences of convolution, norm and ReLU. The paper's aggregations and the
    variants of its Table 4 have entries that were never released.
    """
    names = encoder_names(model)
    released = model.config.aggregation == "released" and model.config.upsampling == "unpooling"
    for own in model.prediction.state_dict():
        part, *path = own.split(".")
        if found := _prediction(part, path) if released or part in ("redistribution", "stages") else None:
            names[f"prediction.{own}"] = found
    return names


def encoder_names(model: Tased) -> dict[str, str]:
    """Return the same of the encoder alone."""
    names = {}
    for own, theirs in kinetics_names(model.backbone, "backbone.").items():
        _, position, rest = theirs.split(".", 2)
        block = max(name for name, first in _OFFSETS.items() if first <= int(position))
        names[own] = f"{block}.{int(position) - _OFFSETS[block]}.{rest}"
    return names


def _prediction(part: str, path: list[str]) -> str:
    if part == "redistribution":
        return _position("convtsp1", 0, path)
    if part == "stages":
        stage, *rest = path
        # The first follows the redistribution in the same sequence.
        return _position(f"convtsp{int(stage) + 1}", 3 * (stage == "0"), rest)
    if part == "aggregation":
        index, *rest = path
        return _position("convtsp4", 3 * int(index), rest)
    return f"convtsp4.13.{path[0]}"


def _position(sequence: str, first: int, path: list[str]) -> str:
    *unit, entry = path
    return f"{sequence}.{first + (unit == ['norm'])}.{entry}"


LAYOUTS = (
    WeightLayout(
        word="published",
        title="the released TASED-Net (base1.…, convtsp1.…)",
        prefix="convtsp1.",
        names=published_names,
        writes=True,
    ),
    *S3D_LAYOUTS,
)
"""The foreign files that a TASED-Net reads."""
