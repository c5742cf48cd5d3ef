"""What each domain has learnt of its own: its priors, and the filter behind its map."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.learnt import Read, read_learnt
from grid.outputs.figures.style import PAGE, panels, title
from grid.outputs.tables.layout import gather, shown
from hd2s.models.registry import models

_MOST_LINES = 8
_FINE = 96  # points along a side of a drawn prior


def draw(subject: Subject) -> Drawing | str:
    """Draw a line for each model and domain: the mean of each level's priors, and the filter behind the map.

    Of several seeds it is the first. Ellipses have half of each prior's σ along y and x.
    """
    read = [each for each in read_learnt(subject) if each.learnt.priors or each.learnt.smoothing is not None]
    lines = [of[0] for _, of in gather(read, _line)][:_MOST_LINES]
    if not lines:
        return "no model is trained that has priors or a filter of its own, or its weights are not there"
    levels = list(dict.fromkeys(name for each in lines for name in each.learnt.priors))
    canvas, axes = panels(
        len(lines) * (len(levels) + 1), columns=len(levels) + 1, height=PAGE / (len(levels) + 3), width=PAGE
    )
    rows: list[dict[str, Any]] = []
    for n, each in enumerate(lines):
        of = axes[n * (len(levels) + 1) : (n + 1) * (len(levels) + 1)]
        for axis, level in zip(of, levels, strict=False):
            _draw_priors(axis, each.learnt.priors.get(level), f"priors, {level}" if n == 0 else "")
        of[0].set_ylabel(_name(each, subject))
        _draw_filter(of[-1], each, first=n == 0, last=n == len(lines) - 1)
        rows += _numbers(each)
    return Drawing(canvas, rows)


def _line(each: Read) -> tuple[Any, ...]:
    cell = each.cell
    return cell.model, cell.approach, cell.sources, cell.target, cell.variant, each.domain


def _name(each: Read, subject: Subject) -> str:
    cell = each.cell
    sources = "" if each.domain in cell.sources else " + ".join(map(shown, cell.sources))
    model = models()[cell.model].title if len(subject.spec.models) > 1 else ""
    approach = "" if each.domain else title(cell.approach)
    return "\n".join(filter(None, (model, approach, shown(each.domain or sources), cell.variant)))


def _draw_priors(axis: Axes, priors: np.ndarray | None, name: str) -> None:
    axis.set_title(name)
    axis.set_xticks([])
    axis.set_yticks([])
    if priors is None:
        axis.set_axis_off()
        return
    axis.imshow(_mean(priors), cmap="gray", vmin=0, extent=(0, 1, 1, 0), aspect="auto")
    for (y, sigma_y), (x, sigma_x) in priors:
        # Of whole widths all would be one tangle.
        axis.add_patch(
            Ellipse((x, y), sigma_x / 2, sigma_y / 2, fill=False, edgecolor="#E69F00", linewidth=0.5)
        )
    axis.set_xlim(0, 1)
    axis.set_ylim(1, 0)


def _mean(priors: np.ndarray) -> np.ndarray:
    """Return the mean of Gaussians (K, 2, 2) of peak 1 on a grid."""
    points = np.linspace(0, 1, _FINE)
    profiles = np.exp(-(((points - priors[:, :, :1]) / priors[:, :, 1:]) ** 2) / 2)
    return np.einsum("ky,kx->yx", profiles[:, 0], profiles[:, 1]) / len(priors)


def _draw_filter(axis: Axes, each: Read, *, first: bool, last: bool) -> None:
    kernel, sigma = each.learnt.smoothing, each.learnt.sigma
    if kernel is None:
        axis.set_axis_off()
        return
    offsets = np.arange(len(kernel)) - len(kernel) // 2
    middle = len(kernel) // 2
    axis.plot(offsets, kernel[middle], color="black", label="across")
    axis.plot(offsets, kernel[:, middle], ":", color="black", label="down")
    axis.set_yticks([0])
    axis.set_title("filter" if first else "")
    told = "no width" if sigma is None else f"σ = {sigma:.2f} px"
    axis.text(0.98, 0.95, told, ha="right", va="top", transform=axis.transAxes, fontsize=6)
    if last:
        axis.set_xlabel("pixels")


def _numbers(each: Read) -> list[dict[str, Any]]:
    common = {
        "model": each.cell.model,
        "approach": each.cell.approach,
        "sources": " + ".join(each.cell.sources),
        "seed": each.cell.seed,
        "domain": each.domain,
    }
    names = ("mu_y", "sigma_y", "mu_x", "sigma_x")
    rows = [
        {**common, "what": level, "prior": n, **dict(zip(names, map(float, gaussian.ravel()), strict=True))}
        for level, priors in each.learnt.priors.items()
        for n, gaussian in enumerate(priors)
    ]
    empty = dict.fromkeys(names)
    if each.learnt.smoothing is not None:
        sigmas = {"sigma_y": each.learnt.sigma, "sigma_x": each.learnt.sigma}
        rows.append({**common, "what": "filter, pixels", "prior": None, **empty, **sigmas})
    return rows


FIGURE = Figure("priors", "Learnt priors and filter of each domain", draw, "weights")
