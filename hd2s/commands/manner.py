"""How ``predict`` predicts: as the checkpoint's test does, but for what the command line says."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

from datasets.resizing import DEFAULT_RESIZING, RESIZINGS
from hd2s.filters import WIDEST_SIGMA
from hd2s.models.contract import SaliencyModel
from hd2s.models.tested import AsTested
from hd2s.prediction.predictor import PRECISIONS
from manifests.problem import counted

_SIZES = ("clip_length", "height", "width")


@dataclass(frozen=True)
class Manner:
    """What a `hd2s.prediction.predictor.Predictor` is made with.

    Attributes:
        predictor_options: protocol, precision and smoothing.
        domain: the corpus whose own layers the model takes; None without.
        told: what the user is to know of it, a line each.
    """

    predictor_options: dict[str, Any]
    domain: str | None
    told: tuple[str, ...]


def add_manner(parser: argparse.ArgumentParser) -> None:
    """Add the options that go before what a checkpoint says."""
    known = "default: the checkpoint's, or the model's own"
    parser.add_argument("--clip-length", type=int, metavar="T", help=f"frames ({known})")
    parser.add_argument("--height", type=int, help=f"of the model's input ({known})")
    parser.add_argument("--width", type=int, help=f"of the model's input ({known})")
    tested = "default: as the checkpoint was tested"
    parser.add_argument("--precision", choices=PRECISIONS, help=f"{tested}, or float32")
    parser.add_argument("--protocol", help=f"one that the model has: paper, released ({tested}, or paper)")
    what = "σ of the last Gaussian, in pixels of the model's input; 0 for none"
    parser.add_argument("--smoothing", type=_sigma, metavar="SIGMA", help=f"{what} ({tested})")


def _sigma(text: str) -> float:
    try:
        sigma = float(text)
    except ValueError:
        sigma = math.nan
    if not 0 <= sigma <= WIDEST_SIGMA:
        raise argparse.ArgumentTypeError(f"expected 0 to {WIDEST_SIGMA:g} pixels, such as 5, found {text}")
    return sigma


def sizes_given(options: argparse.Namespace) -> dict[str, int]:
    """Return what the command line says of the size of the model's input, as options of its configuration."""
    given = {name: getattr(options, name) for name in _SIZES}
    return {name: value for name, value in given.items() if value is not None}


def manner(
    model: SaliencyModel, options: argparse.Namespace, corpus: str | None, code: frozenset[str] = frozenset()
) -> Manner:
    """Say how to predict with a model.

    Args:
        model: as `hd2s.prediction.open_checkpoint` has opened it.
        options: of `add_manner`, and `domain`.
        corpus: that the clips are of, if they are an indexed corpus'.
        code: the digests of the plug-ins that there are.
    """
    in_paper = AsTested.in_paper(model.declaration.settings)
    tested = model.tested or in_paper
    used, overruled = dict(tested.predictor_options), []
    for name, given in (("protocol", options.protocol), ("precision", options.precision)):
        if given is not None:
            overruled += [f"--{name} {given}"]
            used[name] = given
    if used["protocol"] != tested.protocol:
        # Another protocol has another Gaussian, and all else that it says.
        other = in_paper if used["protocol"] == in_paper.protocol else AsTested(used["protocol"])
        used = other.predictor_options | {"precision": used["precision"]}
    elif model.tested and tested.resize not in ("", *RESIZINGS):
        used["instead"] = {k: v for k, v in used["instead"].items() if k != "resizing"}
    if options.smoothing is not None:
        overruled += [f"--smoothing {options.smoothing:g}"]
        used["smoothing_sigma"] = options.smoothing or None
    overruled += [f"--{name.replace('_', '-')} {value}" for name, value in sizes_given(options).items()]
    domain = options.domain
    if domain is None and corpus is not None:
        domain = model.config.domain_of(corpus)
    has_own = domain is not None and model.config.domain_of(domain) is not None
    told = [_described(model, used, domain if has_own else None)]
    if domain is not None and not has_own:
        told.append(f"it has no layers of a domain's own: --domain {domain} chooses none")
    if overruled:
        told.append(f"the command line goes before the checkpoint: {', '.join(overruled)}")
    return Manner(used, domain, (*told, *_not_as_tested(model.tested, code)))


def _described(model: SaliencyModel, used: dict[str, Any], domain: str | None) -> str:
    seen, sigma = model.config.input, used["smoothing_sigma"]
    if sigma == "protocol":
        offered = model.declaration.prediction.get(used["protocol"])
        sigma = None if offered is None or model.learns_smoothing else offered.smoothing_sigma
    smoothing = f"smoothed with σ = {sigma:g} px" if sigma else "not smoothed"
    size = f"{counted(seen.frames, 'frame')} of {seen.height} × {seen.width}"
    resizing = _resizing(model, used)
    resized = () if resizing == DEFAULT_RESIZING else (f"frames resized by {resizing}",)
    parts = (size, f"protocol {used['protocol']}", used["precision"], smoothing, *resized)
    origin = "as its test does" if model.tested else "its file says nothing of a test"
    return (
        f"{model.declaration.title}, {origin}: {', '.join(parts)}{f', layers of {domain}' if domain else ''}"
    )


def _resizing(model: SaliencyModel, used: dict[str, Any]) -> str:
    offered = model.declaration.prediction.get(used["protocol"])
    of_protocol = DEFAULT_RESIZING if offered is None else offered.resizing
    return used.get("instead", {}).get("resizing", of_protocol)


def _not_as_tested(tested: AsTested | None, code: frozenset[str]) -> list[str]:
    """Return what no option makes as it was in the test."""
    told = []
    if tested and not tested.eight_bit:
        told.append("its test scored maps not rounded to 8 bits, as images are: expect other decimals")
    if tested and tested.resize not in ("", *RESIZINGS):
        told.append(f"its test resized frames by {tested.resize}, which is not known here")
    if tested and not code.issuperset(tested.plugins):
        told.append("its plug-in has changed since it was trained: expect other maps than its test's")
    return told
