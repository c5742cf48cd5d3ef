"""The diagram of mean ranks with the critical difference (Demšar, JMLR 2006, Fig. 1)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, marker, panels, title
from grid.outputs.statistics.ranks import Ranking
from grid.outputs.tables.comparing.ranks import rankings
from manifests.problem import counted

# Behind names, lest lines run through them.
_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each metric; a bar joins approaches that cannot be told apart."""
    found = rankings(subject.spec, subject.results)
    tested = {
        metric: ranking
        for metric, ranking in (found.of_metrics if found else {}).items()
        if ranking and not math.isnan(ranking.critical_difference)
    }
    if not found or not tested:
        return "it takes three approaches that all have values in two pairs"
    canvas, axes = panels(len(tested), columns=2, height=0.75 + 0.13 * len(found.words))
    rows: list[dict[str, Any]] = []
    for (metric, ranking), axis in zip(tested.items(), axes, strict=True):
        axis.set_title(
            f"{metric}, {counted(len(found.done), 'pair')},"
            f" critical difference {ranking.critical_difference:.2f}"
        )
        _draw_ranking(axis, found.words, ranking)
        rows += [
            {
                "metric": metric,
                "approach": word,
                "mean_rank": float(ranking.mean_ranks[n]),
                "critical_difference": ranking.critical_difference,
                "p": ranking.p,
            }
            for n, word in enumerate(found.words)
        ]
    return Drawing(canvas, rows)


def _draw_ranking(axis: Axes, words: tuple[str, ...], ranking: Ranking) -> None:
    order = np.argsort(ranking.mean_ranks, kind="stable")
    for height, n in enumerate(order):
        rank, word = ranking.mean_ranks[n], words[n]
        axis.plot([rank, rank], [0, -height - 1], color="0.7", linewidth=0.6, zorder=1)
        axis.plot(rank, -height - 1, marker(word, words), color=colour(word), zorder=2)
        axis.text(
            rank + 0.05, -height - 1, f"{title(word)} ({rank:.2f})", va="center", fontsize=6, bbox=_PAPER
        )
    for level, (first, last) in enumerate(joined(ranking.mean_ranks[order], ranking.critical_difference)):
        axis.plot([first - 0.03, last + 0.03], [-0.25 - 0.3 * level] * 2, color="black", linewidth=2)
    axis.set_xlim(0.8, len(words) + 0.8)
    axis.set_ylim(-len(words) - 0.7, 0.2)
    axis.set_xticks(range(1, len(words) + 1))
    axis.xaxis.tick_top()
    axis.set_yticks([])
    for side in ("left", "bottom"):
        axis.spines[side].set_visible(False)
    axis.spines["top"].set_visible(True)


def joined(ranks: np.ndarray, critical: float) -> list[tuple[float, float]]:
    """Return first and last of each largest group of sorted ranks that lie within the critical difference."""
    found: list[tuple[float, float]] = []
    reached = -1
    for first, rank in enumerate(ranks):
        last = int(np.flatnonzero(ranks <= rank + critical)[-1])
        if last > max(first, reached):
            found.append((float(rank), float(ranks[last])))
            reached = last
    return found


FIGURE = Figure("ranks", "Mean ranks; a bar joins what cannot be told apart", draw)
