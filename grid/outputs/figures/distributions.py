"""How clips and seeds scatter: what lies behind each mean of a table."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, marker, panels, title
from grid.outputs.tables.comparing.places import ByClip, Standing, standings

# Numbers that have room side by side below all panels together.
_LABELS = 12


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each metric: a line for each approach of each pair, with its clips, seeds and mean."""
    places = standings(subject.spec, subject.results)
    several = len({place.first.model for place in places}) > 1
    lines = [
        (place, word, {m: place.by_clip((word,), m, subject.results) for m in subject.spec.metrics})
        for place in places
        for word in place.cells
    ]
    lines = [line for line in lines if any(found.clips for found in line[2].values())]
    if not lines:
        return "no cell has a value yet"
    words = list(dict.fromkeys(word for _, word, _ in lines))
    metrics = subject.spec.metrics
    canvas, axes = panels(len(metrics), columns=len(metrics), height=0.8 + 0.17 * len(lines))
    rows: list[dict[str, Any]] = []
    for metric, axis in zip(metrics, axes, strict=True):
        axis.set_title(metric)
        axis.xaxis.set_major_locator(MaxNLocator(max(1, _LABELS // len(metrics))))
        for height, (place, word, found) in enumerate(lines):
            if not found[metric].clips:
                continue
            scores = found[metric].scores[0]
            clips, seeds = scores.mean(axis=1), scores.mean(axis=0)
            # As far apart as there is room for, the same each time.
            spread = height + 0.6 * (np.arange(len(clips)) * 0.618 % 1 - 0.5)
            axis.plot(clips, spread, ".", color=colour(word), alpha=0.35, markersize=2, zorder=1)
            axis.plot([clips.mean()] * 2, [height - 0.4, height + 0.4], color="black", zorder=3)
            axis.plot(
                seeds, [height] * len(seeds), marker(word, words), color="black", markersize=2.5, zorder=2
            )
            rows += _rows(place.title(several_models=several), word, metric, found[metric])
        axis.set_ylim(len(lines) - 0.4, -0.6)
        names = (
            [_name(place, word, several) for place, word, _ in lines]
            if axis is axes[0]
            else [""] * len(lines)
        )
        axis.set_yticks(range(len(lines)), names)
    return Drawing(canvas, rows)


def _name(place: Standing, word: str, several: bool) -> str:
    return f"{place.title(several_models=several)}: {title(word)}"


def _rows(pair: str, word: str, metric: str, found: ByClip) -> list[dict[str, Any]]:
    return [
        {
            "pair": pair,
            "approach": word,
            "metric": metric,
            "clip": found.clips[n],
            "seed": found.seeds[place],
            "value": value,
        }
        for (n, place), value in np.ndenumerate(found.scores[0])
    ]


FIGURE = Figure("distributions", "Clips (dots), seeds (marks) and their mean (bars)", draw)
