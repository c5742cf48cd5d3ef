"""What UNISAL's entries are called in the released file, and MobileNetV2's in the two public ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hd2s.models.declaration import WeightLayout
from hd2s.models.unisal.config import SHARED

if TYPE_CHECKING:
    from torch import Tensor

    from hd2s.models.unisal.model import Unisal

# Corpora whose names are others in the release, which writes them small outside of batch norms.
_RELEASED = {"Hollywood2": "Hollywood"}
_ENCODER = "cnn."
_CELL = "rnn.cell_list.0."
_MASK = f"{_CELL}drop_mask_1"
# Our names of a gate → theirs: of its convolutions of input and state, and in its norms, scales and bias.
_GATES = {
    "reset": ("w_r", "u_r", "r", "r"),
    "renewal": ("w_z", "u_z", "z", "z"),
    "candidate": ("w", "u", "out", "h"),
}
# Positions in their flat sequences of convolution, norm and ReLU6.
_INVERTED = {"expand": 0, "depthwise": 3, "project": 6}
_WITHOUT_EXPANSION = {"depthwise": 0, "project": 3}
_POST_CNN = {"depthwise": 0, "pointwise": 3}


def published_names(model: Unisal) -> dict[str, str]:
    """Return our name → the released name of every entry; parts that domains share have names without one."""
    names = {f"encoder.{own}": f"{_ENCODER}{theirs}" for own, theirs in _layer_names(model, _flat).items()}
    for own in model.state_dict():
        part, *path = own.split(".")
        if part != "encoder":
            names[own] = _name(part, path)
    return names


def _name(part: str, path: list[str]) -> str:
    match part:
        case "priors":
            found = f"coarse_gaussians{_small(path[-1])}"
        case "fusion":
            found = f"adaptation{_small(path[0])}.0.{path[1]}"
        case "smoothing":
            found = f"smoothing{_small(path[0])}.weight"
        case "rnn":
            found = _CELL + _of_cell(path)
        case "post_rnn":
            found = f"post_rnn.{_within(path, 0)}"
        case "post_cnn":
            found = f"post_cnn.inv_res.conv.{_within(path[1:], _POST_CNN[path[0]])}"
        case "upsampling" | "post_upsampling":
            found = f"{part}_2.inv_res.conv.{_within(path[1:], _INVERTED[path[0]])}"
        case _:
            found = f"{part}.{path[0]}.{_within(path[1:], 0)}"
    return found


def _of_cell(path: list[str]) -> str:
    if path[0] == "bias":
        return f"b_{_GATES[path[1]][3]}"
    of, gate, entry, *rest = path
    of_input, of_state, norm, short = _GATES[gate]
    convolution, letter = (of_input, "x") if of == "of_input" else (of_state, "h")
    if entry == "scale":
        return f"a_{short}_{letter}"
    if entry == "outer":
        return f"norm_{norm}_{letter}.{_normalised(rest)}"
    inside = {"depthwise": "conv_dw", "pointwise": "conv_sep", "inner": "sep_bn"}[entry]
    return f"{convolution}.{inside}.{_normalised(rest) if entry == 'inner' else rest[0]}"


def _within(path: list[str], first: int) -> str:
    """Return a unit's entry, its convolution at `first` and its norm behind that."""
    kind, *rest = path
    return f"{first}.{rest[0]}" if kind == "conv" else f"{first + 1}.{_normalised(rest)}"


def _normalised(path: list[str]) -> str:
    *key, entry = path
    return entry if key in ([], [SHARED]) else f"bn_{_RELEASED.get(key[0], key[0])}.{entry}"


def _small(key: str) -> str:
    return "" if key == SHARED else f"_{_RELEASED.get(key, key).lower()}"


def encoder_names(model: Unisal, form) -> dict[str, str]:
    """Return our name → a public file's of the encoder's entries, by how it counts those of a block."""
    return {f"encoder.{own}": theirs for own, theirs in _layer_names(model, form).items()}


def _layer_names(model: Unisal, form) -> dict[str, str]:
    names = {}
    for own in model.encoder.state_dict():
        _, layer, *path = own.split(".")
        block = model.encoder.features[int(layer)]
        *unit, kind, entry = path
        if unit:
            # An inverted residual; the first and the last layer are single units.
            theirs = f"conv.{form(*unit, kind, expands=block.expand is not None)}.{entry}"
        else:
            theirs = f"{int(kind == 'norm')}.{entry}"
        names[own] = f"features.{layer}.{theirs}"
    return names


def _flat(unit: str, kind: str, *, expands: bool) -> str:
    """Count as the first public file does, which the release starts from: one flat sequence."""
    first = (_INVERTED if expands else _WITHOUT_EXPANSION)[unit]
    return str(first + (kind == "norm"))


def _nested(unit: str, kind: str, *, expands: bool) -> str:
    """Count as torchvision does: what is rectified is a sequence of its own."""
    at = list(_INVERTED if expands else _WITHOUT_EXPANSION).index(unit)
    return str(at + (kind == "norm")) if unit == "project" else f"{at}.{int(kind == 'norm')}"


def told_options(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return which domains a released file has, and which parts it lacks."""
    corpora = {theirs: own for own, theirs in _RELEASED.items()}
    found = [name.split(".bn_")[1].split(".")[0] for name in content if ".bn_" in name]
    domains = [corpora.get(key, key) for key in dict.fromkeys(found)]
    parts = {
        "priors": "coarse_gaussians",
        "recurrence": "rnn.",
        "skips": "skip_2x.",
        "smoothing": "smoothing",
    }
    lacking = {
        option: False
        for option, prefix in parts.items()
        if not any(name.startswith(prefix) for name in content)
    }
    return {"domains": domains} | lacking


def _mask(model: Unisal) -> dict[str, Tensor]:
    if model.rnn is None:
        return {}
    return {_MASK: next(model.parameters()).new_ones(3, model.rnn.channels)}


LAYOUTS = (
    WeightLayout(
        word="published",
        title="the released UNISAL (cnn.features.…)",
        prefix=f"{_ENCODER}features.",
        names=published_names,
        options=told_options,
        ignored=(_MASK,),
        writes=True,
        # Its reader is strict, and has a place for the mask that was drawn last.
        adds=_mask,
        had_from="https://github.com/rdroste/unisal: weights_best.pth, without a request (Apache-2.0)",
    ),
    WeightLayout(
        word="imagenet",
        title="MobileNetV2 on ImageNet in its first public layout (features.1.conv.3.…)",
        prefix="features.1.conv.3.",
        names=lambda model: encoder_names(model, _flat),
        fills=False,
        ignored=("classifier.",),
        had_from="https://github.com/tonylins/pytorch-mobilenet-v2: mobilenet_v2.pth.tar",
    ),
    WeightLayout(
        word="torchvision",
        title="MobileNetV2 on ImageNet in torchvision's layout (features.1.conv.0.0.…)",
        prefix="features.1.conv.0.0.",
        names=lambda model: encoder_names(model, _nested),
        fills=False,
        ignored=("classifier.",),
        had_from="https://docs.pytorch.org/vision/stable/models/generated/torchvision.models.mobilenet_v2.html:"
        " torchvision's MobileNet_V2_Weights (14 MB)",
    ),
)
"""The foreign files that a UNISAL reads."""
