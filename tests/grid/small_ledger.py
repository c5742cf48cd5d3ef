"""Small plans and real ledger files for them, with scores chosen by the test."""

import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pyarrow as pa

from grid.plan import Cell, Evaluation, Plan, Training
from grid.results.ledger import Ledger
from grid.specs.table import TableSpec
from hd2s.approaches.registry import approaches

EXPECTED = {"clip a": 1, "clip b": 3}


def table_spec(**changes) -> TableSpec:
    fields = {
        "name": "table5",
        "title": "Domain shift, 100% of it",
        "caption": "From source_A to B & back.",
        "metrics": ("NSS", "CC"),
        "sources": ("DHF1K", "UCFSports"),
        "targets": ("DHF1K", "UCFSports"),
        "approaches": ("generalization", "adaptation", "transfer"),
        "paper": "hd2s/table5",
    }
    return TableSpec(**{**fields, **changes})


def small_plan(spec: TableSpec) -> Plan:
    """A plan with ids that can be read, and one training for each cell.

    A unit's name is approach, sources, target, test if that is another, the sweep's values, seed.
    """
    trainings, evaluations, cells = {}, {}, []
    words = {word: spec.places(approaches()[word]) for word in spec.approaches}
    places = dict.fromkeys(place for found in words.values() for place in found)
    for place, variant, point in product(places, spec.variants, spec.points()):
        for word, seed in product((word for word in words if place in words[word]), spec.seeds):
            sources, target, test = place
            corpora = dict.fromkeys(("+".join(sources), *filter(None, (target, test))))
            values = [setting.partition("=")[2] for setting in point]
            where = "-".join([*corpora, *filter(None, [variant.label]), *values, str(seed)])
            unit, parent = f"{word}-{where}", approaches()[word].parent
            parent = parent and f"{parent}-{where}"
            trainings[unit] = Training(unit, unit, word, sources, target, seed, parent, {})
            evaluations[f"on-{unit}"] = Evaluation(f"on-{unit}", unit, unit, test, {})
            axes = (spec.name, sources, target, test, word, seed)
            cells.append(Cell(unit, *axes, unit, f"on-{unit}", variant.label, point))
    return Plan("domain_shift", (spec,), trainings, evaluations, tuple(cells))


def frames(**values: list[float]) -> pa.Table:
    """The rows of `EXPECTED`: one frame of clip a, three of clip b; each metric has four values."""
    places = {
        "clip": pa.array(["clip a", "clip b", "clip b", "clip b"]),
        "frame": pa.array([0, 0, 1, 2], pa.int32()),
        "n_fixations": pa.array([4, 2, 0, 1], pa.int32()),
    }
    return pa.table(
        {**places, **{name.replace("_", "-"): pa.array(v, pa.float64()) for name, v in values.items()}}
    )


def finish_training(ledger: Ledger, training: Training, kld: float = 1.25) -> Path:
    weights = ledger.out / "checkpoints" / training.id / "best.pt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"weights")
    curve = [{"step": 1, "name": "train/loss", "value": 2.5}, {"step": 2, "name": "val/kld", "value": kld}]
    checkpoint = weights.relative_to(ledger.out).as_posix()
    return ledger.write_training(training, curve, {"best_kld": kld, "best_step": 2, "checkpoint": checkpoint})


def finish(
    ledger: Ledger, plan: Plan, unit: str, kld: float = 1.25, summary: dict | None = None, **means: float
) -> None:
    """Finish a cell's training and evaluation; each metric gets the mean asked for."""
    finish_training(ledger, plan.trainings[unit], kld)
    values = {name: [mean, mean - 0.1, math.nan, mean + 0.1] for name, mean in means.items()}
    ledger.write_evaluation(
        plan.evaluations[f"on-{unit}"],
        frames(**values),
        {"seconds": 1.5, **(summary or {})},
        expected=EXPECTED,
    )


def finish_clips(
    ledger: Ledger, plan: Plan, unit: str, summary: dict | None = None, **metrics: Mapping[str, float]
) -> None:
    """Finish a cell whose clips have one frame each, with the scores given for each metric and clip."""
    finish_training(ledger, plan.trainings[unit])
    clips = list(next(iter(metrics.values())))
    columns = {
        "clip": pa.array(clips),
        "frame": pa.array([0] * len(clips), pa.int32()),
        "n_fixations": pa.array([3] * len(clips), pa.int32()),
        **{name: pa.array([by_clip[clip] for clip in clips]) for name, by_clip in metrics.items()},
    }
    expected = dict.fromkeys(clips, 1)
    ledger.write_evaluation(
        plan.evaluations[f"on-{unit}"], pa.table(columns), summary or {}, expected=expected
    )
