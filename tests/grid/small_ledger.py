"""Small plans and real ledger files for them, with scores chosen by the test."""

import math
from pathlib import Path

import pyarrow as pa

from grid.approaches import approaches
from grid.plan import Cell, Evaluation, Plan, Training
from grid.results import Ledger
from grid.spec import TableSpec

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
        "paper": "hd2s",
    }
    return TableSpec(**{**fields, **changes})


def small_plan(spec: TableSpec) -> Plan:
    """A plan with ids that can be read, and one training for each cell."""
    trainings, evaluations, cells = {}, {}, []
    for source, target in spec.pairs():
        for word in spec.approaches:
            for seed in spec.seeds:
                unit = f"{word}-{source}-{target}-{seed}"
                parent = approaches()[word].parent
                parent = parent and f"{parent}-{source}-{target}-{seed}"
                trainings[unit] = Training(unit, unit, word, (source,), target, seed, parent, {})
                evaluations[f"on-{unit}"] = Evaluation(f"on-{unit}", unit, unit, target, {})
                cells.append(
                    Cell(unit, spec.name, (source,), target, target, word, seed, unit, f"on-{unit}"),
                )
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


def finish_training(ledger: Ledger, training: Training) -> Path:
    weights = ledger.out / "checkpoints" / training.id / "best.pt"
    weights.parent.mkdir(parents=True, exist_ok=True)
    weights.write_bytes(b"weights")
    curve = [{"step": 1, "name": "train/loss", "value": 2.5}, {"step": 2, "name": "val/kld", "value": 1.25}]
    checkpoint = weights.relative_to(ledger.out).as_posix()
    return ledger.write_training(
        training, curve, {"best_kld": 1.25, "best_step": 2, "checkpoint": checkpoint}
    )


def finish(ledger: Ledger, plan: Plan, unit: str, **means: float) -> None:
    """Finish a cell's training and evaluation; each metric gets the mean asked for."""
    finish_training(ledger, plan.trainings[unit])
    values = {name: [mean, mean - 0.1, math.nan, mean + 0.1] for name, mean in means.items()}
    ledger.write_evaluation(
        plan.evaluations[f"on-{unit}"], frames(**values), {"seconds": 1.5}, expected=EXPECTED
    )
