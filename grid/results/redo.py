"""Results that other code made than the one that runs: told, kept, and made again where that is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from grid.plan import Plan, Training
from grid.results import output_folder
from grid.results.ledger import Ledger
from grid.results.sources import code_of, differing, evaluation_modules, training_modules
from grid.results.unit_results import TrainingResult
from grid.specs.plugins import origin_of
from manifests.problem import Problem, ProblemError, agreed, counted, suggest

ALL = "all"
_NAMED = 8


@dataclass(frozen=True)
class OtherCode:
    """Which results of a plan other code made.

    Attributes:
        files: unit → the files in which its code differs; none of a result that does not say what made it.
        resting: further results, of this code, that rest on one of these.
    """

    files: Mapping[str, tuple[str, ...]]
    resting: frozenset[str]

    @property
    def told(self) -> str:
        """Say how many, in which files, and what to do; empty where there are none."""
        if not self.files:
            return ""
        counts = Counter(file for files in self.files.values() for file in files)
        named = ", ".join(f"{file} ({n})" for file, n in counts.most_common(_NAMED))
        more = f" and {counted(len(counts) - _NAMED, 'more file')}" if len(counts) > _NAMED else ""
        silent = sum(not files for files in self.files.values())
        parts = [f"results made by other code than this: {len(self.files)}"]
        parts += [f"differing in {named}{more}"] if counts else []
        parts += [f"not saying what made them: {silent}"] if silent else []
        parts += [f"resting on them: {len(self.resting)} more"] if self.resting else []
        return f"{'; '.join(parts)}. They are kept: --redo all makes them again, --redo UNIT one of them."


def unselected(plan: Plan, ledger: Ledger) -> dict[str, str]:
    """Find the evaluations of weights that their training, which is done, has not kept: unit → training."""
    asked = {unit.id: unit for unit in plan.evaluations.values() if unit.spec.selection}
    trained = {unit.training: ledger.read_training(unit.training) for unit in asked.values()}
    return {
        unit.id: unit.training
        for unit in asked.values()
        if (found := trained[unit.training]) and found.validation_kld(unit.spec.weights) is None
    }


def untold_selection(plan: Plan, ledger: Ledger) -> str:
    """Say which trainings lack what `select` asks for, and what to do; empty where none does."""
    lacking = sorted(set(unselected(plan, ledger).values()))
    if not lacking:
        return ""
    trainings = counted(n := len(lacking), "training")
    return (
        f"{trainings} {agreed(n, 'was', 'were')} not validated as select asks for, and"
        f" {agreed(n, 'its', 'their')} cells are left empty:"
        f" {', '.join(lacking[:_NAMED])}{' …' if len(lacking) > _NAMED else ''}."
        f" {agreed(n, 'It is', 'They are')} kept: --redo all trains {agreed(n, 'it', 'them')} again,"
        " --redo UNIT one of them."
    )


def of_earlier_weights(plan: Plan, ledger: Ledger) -> list[str]:
    """List what is of other weights than a training has, which was made again for want of them.

    Those are trainings that started from them, and evaluations. Of results of before they said what they are
    of, nothing is known.
    """
    found = []
    for child, parent in ((unit.id, unit.parent) for unit in plan.trainings.values() if unit.parent):
        begun = ledger.read_training(child)
        if begun and _others(begun.summary.get("parent"), ledger.read_training(parent)):
            found.append(child)
    for unit in plan.evaluations.values():
        tested, trained = ledger.read_evaluation(unit.id), ledger.read_training(unit.training)
        if tested and _others(tested.summary.get("weights"), trained, unit.spec.weights):
            found.append(unit.id)
    return found


def _others(weights: str | None, trained: TrainingResult | None, chosen: str = "") -> bool:
    now = trained.digest(chosen) if trained else ""
    return bool(weights and now and weights != now)


def untold_weights(plan: Plan, ledger: Ledger) -> str:
    """Say which units are of weights that are not there any more, and what to do; empty where none is."""
    found = of_earlier_weights(plan, ledger)
    if not found:
        return ""
    more = f" and {counted(len(found) - _NAMED, 'more')}" if len(found) > _NAMED else ""
    return (
        f"units of weights that were trained again since, to others: {len(found)},"
        f" {', '.join(found[:_NAMED])}{more}. They are kept: --redo all makes them with the present weights,"
        " --redo UNIT one of them."
    )


def former_plugins(plan: Plan, ledger: Ledger) -> str:
    """Say which trainings by plug-ins are there under other ids than the plan's; empty where none is."""
    files = ledger.out.glob(output_folder.result("training", "*"))
    there = {output_folder.unit_of(file, "training") for file in files} - plan.trainings.keys()
    lacking = {
        _name(unit.id): unit
        for unit in plan.trainings.values()
        if there and _folders(unit) and not ledger.training_done(unit.id)
    }
    found = [unit for unit in there if _name(unit) in lacking]
    if not found:
        return ""
    folders = sorted({folder for unit in found for folder in _folders(lacking[_name(unit)])})
    return (
        f"trainings of these names that are there under other ids: {len(found)}. They are kept, and not"
        f" taken: settings were others, or a file in {', '.join(folders)} has changed since. A plug-in's file"
        " and those that it imports of its folder are in the ids of what uses it."
    )


def other_code(plan: Plan, ledger: Ledger) -> OtherCode:
    """Compare the code that made each of a plan's results with the present one."""
    files: dict[str, tuple[str, ...]] = {}
    for training in plan.trainings.values():
        if trained := ledger.read_training(training.id):
            files |= _of(training.id, trained.summary.get("code"), training_modules(training))
    for evaluation in plan.evaluations.values():
        if tested := ledger.read_evaluation(evaluation.id):
            modules = evaluation_modules(evaluation, plan.trainings[evaluation.training])
            files |= _of(evaluation.id, tested.summary.get("code"), modules)
    return OtherCode(files, frozenset(_resting(plan, files) - files.keys()) & _done(plan, ledger))


def to_redo(plan: Plan, ledger: Ledger, asked: str) -> set[str]:
    """Return the units that are to be made again, with all that rests on them.

    Args:
        plan: the grid.
        ledger: what is done of it.
        asked: a unit's id, or how it ends; or `ALL`, for what other code has made, trainings that lack what
            `select` asks for, and what is of earlier weights.

    Raises:
        ProblemError: no unit, or several, are called so; or it tests what was stopped early.
    """
    if asked == ALL:
        units = {
            *other_code(plan, ledger).files,
            *unselected(plan, ledger).values(),
            *of_earlier_weights(plan, ledger),
        }
    else:
        units = {unit := _unit(plan, asked)}
        if unit in plan.evaluations and ledger.stops.of(unit):
            training = plan.evaluations[unit].training
            remedy = f"sweep.stop=none trains it to its end, --redo {training} from its beginning."
            found = f"{training}, which was stopped early"
            raise ProblemError(Problem(f"--redo {asked}", f"what {unit} rests on", found, remedy))
    return units | _resting(plan, units)


def redo(plan: Plan, ledger: Ledger, units: Collection[str]) -> Collection[str]:
    """Forget results, so that they are made again; return their units.

    Args:
        plan: the grid.
        ledger: of an output folder that this process holds the lock of.
        units: of `to_redo`.
    """
    # What rests on others first, and each result last: a kill leaves none that is not of what it says.
    for unit in filter(units.__contains__, (*plan.evaluations, *reversed(plan.trainings))):
        ledger.clear_failure(unit)
        if unit in plan.evaluations:
            ledger.storage.delete(output_folder.parts(unit))
            ledger.remove_evaluation(unit)
        else:
            ledger.stops.clear(unit)
            ledger.storage.delete(output_folder.states(unit))
            ledger.remove_training(unit)
    return units


def require_unit(plan: Plan, asked: str | None) -> None:
    """Check that what is asked for is there, before anything starts.

    Raises:
        ProblemError: no unit, or several, are called so.
    """
    if asked not in (None, ALL):
        _unit(plan, str(asked))


def _name(unit: str) -> str:
    """Return a unit's id without the digits that tell its settings apart."""
    return unit.rpartition("-")[0]


def _folders(training: Training) -> set[str]:
    """Return the plug-ins' folders that a training is from."""
    spec = training.spec
    origins = origin_of(spec.model.declaration), origin_of(spec.approach.declaration)
    return {str(origin.folder) for origin in origins if origin}


def _of(unit: str, made: Mapping | None, modules: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if not made:
        return {unit: ()}
    files = differing(made, code_of(modules))
    return {unit: tuple(files)} if files else {}


def _resting(plan: Plan, units: set[str] | Mapping[str, object]) -> set[str]:
    return set().union(*(plan.dependents(unit) for unit in units if unit in plan.trainings))


def _done(plan: Plan, ledger: Ledger) -> set[str]:
    done = {unit for unit in plan.trainings if ledger.read_training(unit)}
    return done | {unit for unit in plan.evaluations if ledger.read_evaluation(unit)}


def _unit(plan: Plan, asked: str) -> str:
    units = [*plan.trainings, *plan.evaluations]
    found = [unit for unit in units if unit == asked] or [unit for unit in units if unit.endswith(asked)]
    if len(found) == 1:
        return found[0]
    remedy = "Give more of its id." if found else suggest(asked, (ALL, *units))
    told = f"{len(found)} of them" if found else "none"
    raise ProblemError(Problem(f"--redo {asked}", "a unit's id, or how one ends", told, remedy))
