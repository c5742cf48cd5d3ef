"""What each domain has learnt of its own: its priors, and the filter behind its map."""

from __future__ import annotations

from itertools import zip_longest
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
    """Draw a line for each model and domain: the mean of each level's priors, and cuts through the filter.

    Of several seeds it is the first. Ellipses are half of each prior's σ wide and high.
    """
    read = [each for each in read_learnt(subject) if each.learnt.priors or each.learnt.smoothing is not None]
    own = [of[0] for _, of in gather(read, _line)]
    lines = [each for _, of in gather(own, lambda each: each.cell.model) for each in of]
    if not lines:
        return "no model is trained that has priors or a filter of its own, or its weights are not there"
    lines, left_out = lines[:_MOST_LINES], len(lines[_MOST_LINES:])
    columns = max(len(each.learnt.priors) for each in lines) + 1
    height = min(PAGE / (columns + 2), 1.4)
    canvas, axes = panels(len(lines) * columns, columns=columns, height=height, width=PAGE)
    for n, each in enumerate(lines):
        of = axes[n * columns : (n + 1) * columns]
        headed = n == 0 or lines[n - 1].cell.model != each.cell.model
        _draw_line(of, each, headed=headed)
        of[0].set_ylabel(_name(each, subject), fontsize=6)
    axes[-1].set_xlabel("pixels")
    if left_out:
        canvas.supxlabel(f"No room for {left_out} more.", fontsize=6)
    return Drawing(canvas, [row for each in lines for row in _numbers(each)])


def _line(each: Read) -> tuple[Any, ...]:
    cell = each.cell
    return cell.model, cell.approach, cell.sources, cell.target, cell.variant, each.domain


def _name(each: Read, subject: Subject) -> str:
    """Say which model, and which of its domains; of a model without any, how it was trained."""
    model = models()[each.cell.model].title if len(subject.spec.models) > 1 else ""
    domain = shown(each.domain) if each.domain else title(each.cell.approach)
    return "\n".join(filter(None, (model, domain, each.cell.variant)))


def _draw_line(axes: list[Axes], each: Read, *, headed: bool) -> None:
    for axis, level in zip_longest(axes[:-1], each.learnt.priors):
        axis.set_xticks([])
        axis.set_yticks([])
        if level is None:
            axis.spines[:].set_visible(False)
            continue
        _draw_priors(axis, each.learnt.priors[level])
        axis.set_title(f"priors, {level}" if headed else "")
    _draw_filter(axes[-1], each)


def _draw_priors(axis: Axes, priors: np.ndarray) -> None:
    mean = _mean(priors)
    # Light, so that the ellipses stand out in grey as well.
    axis.imshow(mean, cmap="Blues", vmin=0, vmax=1.6 * float(mean.max()), extent=(0, 1, 1, 0), aspect="auto")
    for (y, sigma_y), (x, sigma_x) in priors:
        axis.add_patch(Ellipse((x, y), sigma_x / 2, sigma_y / 2, fill=False, linewidth=0.4))
    axis.set_xlim(0, 1)
    axis.set_ylim(1, 0)
    axis.spines[:].set_visible(True)


def _mean(priors: np.ndarray) -> np.ndarray:
    """Return the mean of Gaussians (K, 2, 2) of peak 1 on a grid."""
    points = np.linspace(0, 1, _FINE)
    profiles = np.exp(-(((points - priors[:, :, :1]) / priors[:, :, 1:]) ** 2) / 2)
    return np.einsum("ky,kx->yx", profiles[:, 0], profiles[:, 1]) / len(priors)


def _draw_filter(axis: Axes, each: Read) -> None:
    """Draw the filter along both axes through its middle."""
    kernel, sigma = each.learnt.smoothing, each.learnt.sigma
    if kernel is None:
        axis.set_axis_off()
        return
    middle = len(kernel) // 2
    offsets = np.arange(len(kernel)) - middle
    axis.plot(offsets, kernel[middle], color="black", linewidth=0.8)
    axis.plot(offsets, kernel[:, middle], ":", color="black", linewidth=0.8)
    axis.set_yticks([0])
    axis.set_title("filter" if sigma is None else f"filter, σ {sigma:.2f} px")


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
