"""How much each conspicuity map counts in the fusion, by approach (HD2S Fig. 5)."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.learnt import Read, read_learnt
from grid.outputs.figures.style import colour, head, legend_below, marker, panels, title
from grid.outputs.tables.layout import gather, shown

_COLUMNS = 3
# Of the group of an approach's marks beside another's, in shares of a map's place.
_SPREAD = 0.6


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each place: a mark for each approach's weight of each map, the mean over seeds."""
    read = [each for each in read_learnt(subject) if each.learnt.fusion]
    if not read:
        return "no model is trained that fuses maps, or its weights are not there"
    pooled = not subject.spec.targets
    places = gather(read, lambda each: _place(each, pooled=pooled))
    words = list(dict.fromkeys(each.cell.approach for each in read))
    canvas, axes = panels(len(places), columns=_COLUMNS, height=1.7)
    for (place, of), axis in zip(places, axes, strict=True):
        head(axis, place, columns=_COLUMNS)
        _draw_place(axis, of, words)
    axes[0].set_ylabel("weight in the fusion")
    legend_below(canvas, axes)
    return Drawing(canvas, [row for place, of in places for row in _numbers(place, of)])


def _place(each: Read, *, pooled: bool) -> str:
    cell = each.cell
    source = "" if pooled else f"{' + '.join(map(shown, cell.sources))} → "
    # Models towards several targets may be tested on one corpus.
    target = shown(cell.target) if cell.target and cell.target != cell.test else ""
    test = f"{target}, on {shown(cell.test)}" if target and not pooled else shown(cell.test)
    return ", ".join(filter(None, (source + test, cell.variant)))


def _draw_place(axis: Axes, read: list[Read], words: list[str]) -> None:
    names = list(dict.fromkeys(name for each in read for name in each.learnt.fusion))
    axis.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    for word, of in gather(read, lambda each: each.cell.approach):
        shift = _SPREAD * ((words.index(word) + 0.5) / len(words) - 0.5)
        for x, name in enumerate(names):
            weights = [each.learnt.fusion[name] for each in of if name in each.learnt.fusion]
            mean = float(np.mean(weights))
            looks: dict[str, Any] = {"color": colour(word), "linewidth": 2.5, "solid_capstyle": "butt"}
            axis.plot([x + shift] * 2, [0, mean], alpha=0.5, **looks)
            if len(weights) > 1:
                axis.plot([x + shift] * len(weights), weights, ".", color="black", markersize=2, zorder=3)
            label = title(word) if x == 0 else None
            axis.plot(x + shift, mean, marker(word, words), color=colour(word), label=label, zorder=2)
    axis.set_xticks(range(len(names)), [name.rpartition("_")[2] for name in names])
    axis.set_xlabel("map")


def _numbers(place: str, read: list[Read]) -> list[dict[str, Any]]:
    return [
        {
            "place": place,
            "model": each.cell.model,
            "approach": each.cell.approach,
            "seed": each.cell.seed,
            "domain": each.domain,
            "map": name,
            "weight": weight,
        }
        for each in read
        for name, weight in each.learnt.fusion.items()
    ]


FIGURE = Figure("fusion", "Weights of the conspicuity maps in the fusion", draw, "weights")
