"""Learning curves: losses of each training, the validation that chose its weights, and where it went on."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from matplotlib.axes import Axes

from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import colour, draw_curves, head, legend_below, marker, panels, title
from grid.outputs.tables.comparing.places import Standing, once_trained, standings
from grid.plan import Row
from grid.results.unit_results import TrainingResult
from hd2s.approaches.contract import BETWEEN_DOMAINS, DOMAIN_LOSS, SOURCE_LOSS

_COLUMNS = 3
_LOSS, _VALIDATION = "train/", "val/kld"
# Of an alignment, in other units.
_OF_TWO_DOMAINS = tuple(f"{_LOSS}{name}" for name in BETWEEN_DOMAINS)
Trained = tuple[str, int, TrainingResult]


def draw(subject: Subject) -> Drawing | str:
    """Draw a panel for each pair: loss thin and dotted, validation bold with a mark at its lowest value kept.

    Rows that differ in tests or in whose validation chooses show the same trainings, which are drawn once.
    Of several sources each has its loss; what tells domains apart has a panel of its own, of the first seed,
    with a line for each level. A thin upright line stands where a training was interrupted and went on.
    """
    shown = once_trained(standings(subject.spec, subject.results))
    places = [(place, found) for place in shown if (found := _trainings(place, subject))]
    if not places:
        return "no training is done yet"
    several = len({place.first.model for place, _ in places}) > 1
    named = [(place.title(several_models=several, tested=False), found) for place, found in places]
    words = list(dict.fromkeys(word for _, found in named for word, _, _ in found))
    aligned = [(name, each) for name, found in named for each in _with_levels(found)]
    canvas, axes = panels(len(named) + len(aligned), columns=_COLUMNS, height=1.7)
    rows: list[dict[str, Any]] = []
    for (name, found), axis in zip(named, axes, strict=False):
        head(axis, name, columns=_COLUMNS)
        axis.set_xlabel("iteration")
        for word, seed, result in found:
            _draw_training(axis, word, words, result)
            rows += [{"pair": name, "approach": word, "seed": seed, **row} for row in _numbers(result)]
    for (name, (word, _, result)), axis in zip(aligned, axes[len(named) :], strict=True):
        _draw_levels(axis, f"{name}\n{title(word)}", result)
    axes[0].set_ylabel("loss (dotted),\nvalidation KLD")
    legend_below(canvas, axes)
    return Drawing(canvas, rows)


def _trainings(place: Standing, subject: Subject) -> list[Trained]:
    found = []
    for word, cells in place.cells.items():
        for cell in cells:
            result = subject.results.ledger.read_training(cell.training)
            if result and any(row["name"] == _VALIDATION and row["step"] for row in result.curve):
                found.append((word, cell.seed, result))
    return found


def _with_levels(found: list[Trained]) -> list[Trained]:
    first: dict[str, Trained] = {}
    for each in found:
        if any(row["name"].startswith(DOMAIN_LOSS) for row in each[2].curve):
            first.setdefault(each[0], each)
    return list(first.values())


def _resumptions(result: TrainingResult) -> list[int]:
    """Return the iterations after which it went on; results of before do not tell them."""
    return result.summary.get("resumed_at", [])


def _numbers(result: TrainingResult) -> list[Row]:
    resumed = enumerate(_resumptions(result), start=1)
    return [*result.curve, *({"step": step, "name": "resumed", "value": float(n)} for n, step in resumed)]


def _draw_training(axis: Axes, word: str, words: list[str], result: TrainingResult) -> None:
    losses: dict[int, float] = defaultdict(float)
    for row in result.curve:
        if row["name"].startswith(_LOSS) and not row["name"].startswith(_OF_TWO_DOMAINS):
            losses[row["step"]] += row["value"]
    validation = {row["step"]: row["value"] for row in result.curve if row["name"] == _VALIDATION}
    drawn = colour(word)
    axis.plot(list(losses), list(losses.values()), ":", color=drawn, linewidth=0.7)
    draw_curves(axis, result.curve, SOURCE_LOSS, label="loss on {}", color=drawn, linewidth=0.5)
    axis.plot(list(validation), list(validation.values()), color=drawn, label=title(word))
    best = result.summary["best_step"]
    if best in validation:
        axis.plot(best, validation[best], marker(word, words), color=drawn)
    for step in _resumptions(result):
        axis.axvline(step, color=drawn, linewidth=0.4)


def _draw_levels(axis: Axes, name: str, result: TrainingResult) -> None:
    head(axis, name, columns=_COLUMNS)
    axis.set_xlabel("iteration")
    axis.set_ylabel("domain loss")
    # What guessing between two domains costs.
    axis.axhline(math.log(2), color="0.8", linewidth=0.6)
    draw_curves(axis, result.curve, DOMAIN_LOSS)
    for step in _resumptions(result):
        axis.axvline(step, color="0.6", linewidth=0.4)


FIGURE = Figure(
    "curves",
    "Learning curves: training losses (dotted), validation KLD (lines) with a mark at the weights that it"
    " chooses, domain losses of levels",
    draw,
)
