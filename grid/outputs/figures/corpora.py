"""A table's corpora: lengths of clips (HD2S Fig. 3), fixations of frames, and where people look."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from datasets.statistics.numbers import described_split, fixation_density, fixations_per_frame
from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import panels
from grid.outputs.tables.layout import shown
from manifests.problem import counted
from manifests.store import Manifest

_BINS = 20
_FILL: dict[str, Any] = {"color": "0.55", "edgecolor": "black", "linewidth": 0.3}


def draw(subject: Subject) -> Drawing | str:
    """Draw a column for each corpus, of its training clips or, without any, of its test clips."""
    names = subject.spec.corpora()
    if told := subject.material.lacking(names):
        return told
    canvas, axes = panels(3 * len(names), columns=len(names), height=1.35)
    rows: list[dict[str, Any]] = []
    for n, name in enumerate(names):
        manifest = subject.material.manifests[name]
        split = described_split(manifest)
        lengths, counts = manifest.lengths(split), fixations_per_frame(manifest, split)
        density = fixation_density(manifest, split)
        upper, middle, lower = (axes[n + line * len(names)] for line in range(3))
        upper.set_title(
            f"{shown(name)}, {split}: {counted(len(lengths), 'clip')},\n"
            f"{counted(round(lengths.mean()), 'frame')} on average"
        )
        rows += _histogram(upper, manifest, split, "frames of a clip", lengths)
        rows += _histogram(middle, manifest, split, "fixated pixels of a frame", counts)
        _show(lower, density, manifest, split)
        rows += _of_density(manifest, split, density)
    axes[0].set_ylabel("clips")
    axes[len(names)].set_ylabel("frames")
    axes[2 * len(names)].set_ylabel("where people look")
    return Drawing(canvas, rows)


def _histogram(
    axis: Axes, manifest: Manifest, split: str, what: str, values: np.ndarray
) -> list[dict[str, Any]]:
    first, last = int(values.min()), int(values.max())
    width = -(-(last - first + 1) // _BINS)
    edges = first + width * np.arange(-(-(last - first + 1) // width) + 1)
    counts, _ = np.histogram(values, edges)
    axis.bar(edges[:-1], counts, width, align="edge", **_FILL)
    axis.axvline(values.mean(), color="black", linewidth=0.8, linestyle="--")
    axis.set_xlabel(what)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return [
        _row(manifest, split, what, f"{low} to {low + width - 1}" if width > 1 else str(low), int(count))
        for low, count in zip(edges[:-1].tolist(), counts, strict=True)
    ]


def _show(axis: Axes, density: np.ndarray, manifest: Manifest, split: str) -> None:
    axis.imshow(density, cmap="gray")
    axis.set_xticks([])
    axis.set_yticks([])
    y, x, spread_y, spread_x = _moments(density)
    axis.set_xlabel(f"mean ({x:.2f}, {y:.2f}), σ ({spread_x:.2f}, {spread_y:.2f})")


def _moments(density: np.ndarray) -> tuple[float, float, float, float]:
    """Return mean and standard deviation of a density along y and x, in shares of the sides."""
    found = []
    for axis in (0, 1):
        weights = density.sum(1 - axis) / (density.sum() or 1)
        places = (np.arange(len(weights)) + 0.5) / len(weights)
        mean = (weights * places).sum()
        found.append((float(mean), float((weights * (places - mean) ** 2).sum() ** 0.5)))
    (y, spread_y), (x, spread_x) = found
    return y, x, spread_y, spread_x


def _of_density(manifest: Manifest, split: str, density: np.ndarray) -> list[dict[str, Any]]:
    names = ("mean y", "mean x", "σ y", "σ x")
    return [
        _row(manifest, split, "where people look, in shares of the sides", name, value)
        for name, value in zip(names, _moments(density), strict=True)
    ]


def _row(manifest: Manifest, split: str, what: str, of: str, value: float) -> dict[str, Any]:
    return {"corpus": manifest.corpus, "split": split, "what": what, "of": of, "value": value}


FIGURE = Figure("corpora", "Lengths of clips, fixations of frames and where people look", draw, "frames")
