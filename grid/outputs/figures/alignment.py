"""How well the features of each level still tell the domains apart while they are aligned, and λ."""

from __future__ import annotations

from typing import Any

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import draw_curves, head, legend_below, panels, title
from grid.outputs.tables.comparing.places import once_trained, standings
from hd2s.approaches.contract import DOMAIN_ACCURACY

_COLUMNS = 3
_LAMBDA = "lambda"


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each training that watches its domain classifiers, of the first seed."""
    found = []
    places = once_trained(standings(subject.spec, subject.results))
    several = len({place.first.model for place in places}) > 1
    for place in places:
        for word, cells in place.cells.items():
            result = subject.results.ledger.read_training(cells[0].training)
            watched = [
                row
                for row in (result.curve if result else ())
                if row["name"].startswith(DOMAIN_ACCURACY) or row["name"] == _LAMBDA
            ]
            if any(row["name"].startswith(DOMAIN_ACCURACY) for row in watched):
                found.append((place.title(several_models=several, tested=False), word, watched))
    if not found:
        return "no training that watches its domain classifiers is done yet"
    words = {word for _, word, _ in found}
    canvas, axes = panels(len(found), columns=_COLUMNS, height=1.7)
    rows: list[dict[str, Any]] = []
    for (name, word, watched), axis in zip(found, axes, strict=True):
        head(axis, f"{name}\n{title(word)}" if len(words) > 1 else name, columns=_COLUMNS)
        axis.set_xlabel("iteration")
        axis.set_ylim(0, 1.02)
        axis.axhline(0.5, color="0.8", linewidth=0.6)
        draw_curves(axis, watched, DOMAIN_ACCURACY)
        strength = [(row["step"], row["value"]) for row in watched if row["name"] == _LAMBDA]
        if strength:
            axis.plot(*zip(*strength, strict=True), color="#D55E00", linewidth=0.8, label="λ")
        rows += [{"pair": name, "approach": word, **row} for row in watched]
    axes[0].set_ylabel("share told right; λ")
    legend_below(canvas, axes, columns=5)
    return Drawing(canvas, rows)


FIGURE = Figure("alignment", "λ, and the share of clips whose domain each level's features tell", draw)
