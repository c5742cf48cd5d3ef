"""Learning curves: the loss of each training, and the validation that chose its weights."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, legend_below, marker, panels, title
from grid.outputs.tables.comparing.places import Standing, standings
from grid.results.unit_results import TrainingResult

_LOSS, _VALIDATION = "train/", "val/kld"
# Terms of the alignment have other units; they are another figure's.
_ALIGNMENT = "train/domain/"


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each pair: loss thin and dotted, validation bold with a mark at the weights chosen."""
    places = [(place, _trainings(place, subject)) for place in standings(subject.spec, subject.results)]
    places = [(place, found) for place, found in places if found]
    if not places:
        return "no training is done yet"
    several = len({place.first.model for place, _ in places}) > 1
    words = list(dict.fromkeys(word for _, found in places for word, _, _ in found))
    canvas, axes = panels(len(places), columns=3, height=1.7)
    rows: list[dict[str, Any]] = []
    for (place, found), axis in zip(places, axes, strict=True):
        name = place.title(several_models=several)
        axis.set_title(name)
        axis.set_xlabel("iteration")
        for word, seed, result in found:
            _draw_training(axis, word, words, result)
            rows += [{"pair": name, "approach": word, "seed": seed, **row} for row in result.curve]
    axes[0].set_ylabel("KLD")
    legend_below(canvas, axes)
    return Drawing(canvas, rows)


def _trainings(place: Standing, subject: Subject) -> list[tuple[str, int, TrainingResult]]:
    found = []
    for word, cells in place.cells.items():
        for cell in cells:
            result = subject.results.ledger.read_training(cell.training)
            if result and any(row["name"] == _VALIDATION and row["step"] for row in result.curve):
                found.append((word, cell.seed, result))
    return found


def _draw_training(axis: Axes, word: str, words: list[str], result: TrainingResult) -> None:
    losses: dict[int, float] = defaultdict(float)
    for row in result.curve:
        if row["name"].startswith(_LOSS) and not row["name"].startswith(_ALIGNMENT):
            losses[row["step"]] += row["value"]
    validation = {row["step"]: row["value"] for row in result.curve if row["name"] == _VALIDATION}
    drawn = colour(word)
    axis.plot(list(losses), list(losses.values()), ":", color=drawn, linewidth=0.7)
    axis.plot(list(validation), list(validation.values()), color=drawn, label=title(word))
    best = result.summary["best_step"]
    if best in validation:
        axis.plot(best, validation[best], marker(word, words), color=drawn)


FIGURE = Figure("curves", "Learning curves: loss (dotted), validation KLD and the weights chosen", draw)
