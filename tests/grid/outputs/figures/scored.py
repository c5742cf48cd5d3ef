"""A small table with results of every cell: two clips, curves, seconds."""

from itertools import combinations
from pathlib import Path

from grid.outputs.figures.contract import Subject
from grid.outputs.tables.scores import Results
from grid.plan import Plan
from grid.results.ledger import Ledger
from tests.grid.small_ledger import EXPECTED, frames, small_plan, table_spec

SCORES = {
    "untrained": 0.3,
    "adaptation-control": 0.5,
    "generalization": 0.5,
    "adaptation": 0.6,
    "transfer": 0.9,
}


def small(**changes) -> Plan:
    return small_plan(table_spec(**{"metrics": ("CC", "KLD"), "paper": "", **changes}))


def subject_of(plan: Plan, folder: Path) -> Subject:
    return Subject(plan.tables[0], Results(plan, Ledger(folder)))


def score(ledger: Ledger, plan: Plan) -> None:
    """Finish every cell; the target's maps help, and so does alignment, a little."""
    for unit, training in plan.trainings.items():
        weights = ledger.out / "checkpoints" / unit / "best.pt"
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.write_bytes(b"weights")
        checkpoint = weights.relative_to(ledger.out).as_posix()
        summary = {"best_kld": 1.0, "best_step": 4, "checkpoint": checkpoint, "seconds": 1800.0}
        ledger.write_training(training, curve_of(training.approach), summary)
        value = SCORES[training.approach]
        scores = {"CC": [value, value - 0.1, value, value + 0.1], "KLD": [2 - value] * 4}
        ledger.write_evaluation(
            plan.evaluations[f"on-{unit}"], frames(**scores), {"seconds": 2.0}, expected=EXPECTED
        )


def curve_of(approach: str) -> list[dict]:
    points = [(step, "train/kld/saliency", 3.0 - step / 4) for step in (1, 2, 3, 4)]
    points += [(2, "val/kld", 1.5), (4, "val/kld", 1.0)]
    if approach.startswith("adaptation"):
        points += [(step, "domain/accuracy/level_1", 1 - step / 8) for step in (1, 2, 3, 4)]
        points += [(step, "domain/loss/level_1", step / 4) for step in (1, 2, 3, 4)]
        points += [(step, "train/domain/source", 2.0) for step in (1, 2, 3, 4)]
        points += [(step, "lambda", step / 4) for step in (1, 2, 3, 4)]
    return [{"step": step, "name": name, "value": value} for step, name, value in points]


def overlapping(texts) -> list[tuple[str, str]]:
    """Return the pairs of a figure's words that run into each other; its canvas is laid out."""
    shown = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    return [(one, other) for (one, a), (other, b) in combinations(shown, 2) if a.overlaps(b)]


def labels_shown(axis) -> list:
    """Return the labels below an axis that are within it."""
    low, high = axis.get_xlim()
    ticks = zip(axis.get_xticks(), axis.get_xticklabels(), strict=True)
    return [label for place, label in ticks if low <= place <= high]
