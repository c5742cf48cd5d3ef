"""Table 5's real plan with invented results, for tests of what only shows results."""

from __future__ import annotations

import pyarrow as pa

from grid.plan import Evaluation, Plan, Training
from grid.results.ledger import Ledger
from tests.grid.plans import plan_of

DIGESTS = {"DHF1K": "1" * 64, "Hollywood2": "2" * 64, "UCFSports": "3" * 64}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


SETTINGS = ["train.lr=0.001", "train.iterations=60", "train.finetune_iterations=30"]


def table5(*overrides: str) -> Plan:
    splits = {name: dict.fromkeys(("train", "val", "test"), digest) for name, digest in DIGESTS.items()}
    return plan_of("domain_shift", *SETTINGS, *overrides, demo=True, digests=splits)


def train(
    ledger: Ledger, training: Training, *, steps: int = 20, bad_step: int | None = None, **told: float
) -> None:
    curve = []
    for step in range(1, steps + 1):
        loss = float("nan") if step == bad_step else 2.0 / step
        curve.append({"step": step, "name": "train/loss", "value": loss})
        if step % 5 == 0:
            curve.append({"step": step, "name": "val/kld", "value": 1.0 + 1.0 / step})
    checkpoint = ledger.out / "checkpoints" / training.id / "best.pt"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_bytes(b"weights")
    summary = {"best_kld": 1.05, "best_step": 20, "seconds": 3.0, **told}
    summary["checkpoint"] = str(checkpoint.relative_to(ledger.out))
    ledger.write_training(training, curve, summary)


def evaluate(ledger: Ledger, evaluation: Evaluation, nss: float = 1.5) -> None:
    frames = pa.table(
        {
            "clip": pa.array(["a", "a", "b"], pa.string()),
            "frame": pa.array([0, 1, 0], pa.int32()),
            "n_fixations": pa.array([3, 3, 3], pa.int32()),
            "NSS": [nss, nss, nss + 3.0],
            "CC": [0.25, 0.25, 0.25],
            "SIM": [0.5, 0.5, 0.5],
            "AUC-J": [0.75, 0.75, 0.75],
            "s-AUC": [0.625, 0.625, 0.625],
        }
    )
    ledger.write_evaluation(evaluation, frames, {"seconds": 2.0}, expected={"a": 2, "b": 1})


def complete(grid: Plan, ledger: Ledger) -> None:
    for training in grid.trainings.values():
        train(ledger, training)
    for evaluation in grid.evaluations.values():
        evaluate(ledger, evaluation)
