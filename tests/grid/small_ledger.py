"""Small plans and real ledger files for them, with scores chosen by the test."""

import math
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pyarrow as pa

from grid.plan import (
    ApproachSpec,
    Cell,
    CorpusDigest,
    Evaluation,
    EvaluationSpec,
    ModelSpec,
    Plan,
    Training,
    TrainingSpec,
)
from grid.results.ledger import Ledger
from grid.specs.settings import Test, Train
from grid.specs.table import TableSpec
from grid.specs.tables.early_stopping import Asha
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


def training_of(unit: str, approach: str, sources, target=None, *, model="hd2s", seed=0, parent=None):
    """A training by an id that can be read."""
    declared = approaches()[approach]
    read, beside = (
        tuple(CorpusDigest(name, name) for name in names(sources, target))
        for names in (declared.labelled, declared.unlabelled)
    )
    options = ModelSpec(model), ApproachSpec(approach)
    spec = TrainingSpec(4, *options, read, beside, read[0], Train(), seed, parent)
    return Training(unit, unit, model, approach, sources, target, seed, parent, spec)


def evaluation_of(unit: str, training: Training, test: str) -> Evaluation:
    """An evaluation by an id that can be read."""
    spec = EvaluationSpec(3, training.id, CorpusDigest(test, test), Test())
    return Evaluation(unit, training.label, training.id, test, spec)


def small_plan(spec: TableSpec) -> Plan:
    """A plan with ids that can be read, and one training for each cell.

    A unit's name is model (unless it is HD2S), approach, sources, target, test if that is another, the
    sweep's values, seed.
    """
    trainings, evaluations, cells = {}, {}, []
    rows = {(model, found.word): spec.places_of(model, found) for model, found in spec.rows()}
    places = dict.fromkeys(place for found in rows.values() for place in found)
    for place, variant, point in product(places, spec.variants, spec.points()):
        for (model, word), seed in product((row for row in rows if place in rows[row]), spec.seeds):
            sources, target, test = place
            corpora = dict.fromkeys(("+".join(sources), *filter(None, (target, test))))
            values = [setting.partition("=")[2] for setting in point]
            where = "-".join([*corpora, *filter(None, [variant.label]), *values, str(seed)])
            named = "" if model == "hd2s" else f"{model}-"
            unit, parent = f"{named}{word}-{where}", approaches()[word].parent
            parent = parent and f"{named}{parent}-{where}"
            trainings[unit] = training_of(unit, word, sources, target, model=model, seed=seed, parent=parent)
            evaluations[f"on-{unit}"] = evaluation_of(f"on-{unit}", trainings[unit], test)
            axes = (spec.name, sources, target, test, model, word, seed)
            cells.append(Cell(unit, *axes, unit, f"on-{unit}", variant.label, point))
    return Plan("domain_shift", (spec,), trainings, evaluations, tuple(cells))


def sweep_plan(*rates: str, **changes) -> Plan:
    """A plan of one row whose points differ in the learning rate, and of which hopeless ones are stopped."""
    sweep = (("train.lr", rates or ("0.1", "0.01")),)
    alone = {"sources": ("DHF1K",), "targets": ("UCFSports",), "approaches": ("adaptation",)}
    return small_plan(table_spec(**{**alone, "sweep": sweep, "stop": Asha(), **changes}))


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
