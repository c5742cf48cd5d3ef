"""What failed units leave to read, and which of them are left alone until the user asks for them again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from grid.plan import Evaluation, Plan, Row, Training
from grid.results.ledger import Ledger
from grid.results.output_folder import Kind
from manifests.problem import agreed, counted

_AFTER_THE_ERROR = ("The last iterations reported:", "It had reported no iteration.")


class Failed(NamedTuple):
    """A unit that failed of itself, and the file that says why."""

    kind: Kind
    unit: Training | Evaluation
    file: Path


class Failures(NamedTuple):
    """What failed of itself, and how many could not be done because of that."""

    own: list[Failed]
    following: Mapping[Kind, int]

    @property
    def rest(self) -> str:
        """Count those that could not be done, in a sentence; empty if there are none."""
        counts = " and ".join(counted(n, kind) for kind, n in self.following.items())
        n = sum(self.following.values())
        return f"{counts} that {agreed(n, 'rests', 'rest')} on what failed {agreed(n)} not done." if n else ""


def account(training: Training, error: str, rows: Iterable[Row]) -> str:
    """Return the text of a failed training's file.

    Args:
        training: the unit.
        error: the error as its worker or Ray gives it, with the traceback.
        rows: the last rows of its curve.
    """
    steps: dict[int, dict[str, float]] = {}
    for row in rows:
        steps.setdefault(row["step"], {})[row["name"]] = row["value"]
    curve = [f"  {step}: {_values(values)}" for step, values in sorted(steps.items())]
    return "\n".join(
        [
            f"{training.label} ({training.id}) has failed:",
            "",
            error.rstrip(),
            "",
            _AFTER_THE_ERROR[0] if curve else _AFTER_THE_ERROR[1],
            *curve,
            "",
            "Settings, with all that changes its weights:",
            OmegaConf.to_yaml(OmegaConf.create(training.spec.as_settings())),
        ]
    )


def consequence(unit: str, training: Training, error: str) -> str:
    """Return the text of the file of a unit that cannot be done because a training has failed."""
    return f"{_needing(unit)}{training.id}, which failed:\n\n{error}"


def failures(plan: Plan, ledger: Ledger) -> Failures:
    """Return the units of a plan that have failed, in its order: trainings first."""
    units: list[tuple[Kind, Training | Evaluation]] = [
        *(("training", unit) for unit in plan.trainings.values()),
        *(("evaluation", unit) for unit in plan.evaluations.values()),
    ]
    found = [
        Failed(kind, unit, file)
        for kind, unit in units
        if (file := ledger.failure(unit.id)) and ledger.status(unit.id, kind) == "failed"
    ]
    own = [one for one in found if not _text(one.file).startswith(_needing(one.unit.id))]
    return Failures(own, Counter(one.kind for one in found if one not in own))


def reason(file: Path) -> str:
    """Return the last line of the error that a failed unit's file tells; "" where it cannot be read."""
    text = _text(file)
    for after in _AFTER_THE_ERROR:
        text = text.partition(f"\n\n{after}")[0]
    return text.rstrip().rpartition("\n")[2].strip()


def forget(plan: Plan, ledger: Ledger) -> None:
    """Let every unit of a plan that failed, or left test clips unread, be tried again."""
    for unit in (*plan.trainings, *plan.evaluations):
        ledger.clear_failure(unit)
    for evaluation in incomplete(plan, ledger):
        ledger.remove_evaluation(evaluation)


def incomplete(plan: Plan, ledger: Ledger) -> dict[str, int]:
    """Return the evaluations that could not read all their test clips, and how many they lack."""
    found = {}
    for unit in plan.evaluations:
        result = ledger.read_evaluation(unit)
        if result and (unread := result.summary.get("unread")):
            found[unit] = len(unread)
    return found


def given_up(plan: Plan, ledger: Ledger, anew: Collection[str] = ()) -> tuple[set[str], set[str]]:
    """Find what failed in an earlier run of itself, and what cannot be had because of that.

    A unit that failed only because its training did, and whose training is not failed any more, is forgotten
    to have failed, and so is one that has a result all the same.

    Args:
        plan: the units.
        ledger: where failures are written.
        anew: units that are tried again, whatever they failed of.
    """
    units = (unit for unit in (*plan.trainings, *plan.evaluations) if unit not in anew)
    files = {unit: ledger.failure(unit) for unit in units}
    for unit in [unit for unit, file in files.items() if file and _done(unit, plan, ledger)]:
        ledger.clear_failure(unit)
        del files[unit]
    texts = {unit: _text(file) for unit, file in files.items() if file}
    following = {unit for unit, text in texts.items() if text.startswith(_needing(unit))}
    failed = texts.keys() - following
    lost = set().union(*(plan.dependents(unit) for unit in failed & plan.trainings.keys()))
    for unit in following - lost:
        ledger.clear_failure(unit)
    return failed, lost


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _done(unit: str, plan: Plan, ledger: Ledger) -> bool:
    return ledger.training_done(unit) if unit in plan.trainings else ledger.evaluation_done(unit)


def _needing(unit: str) -> str:
    return f"{unit} needs "


def _values(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in values.items())
