"""A grid from its name to its tables: what `run_grid.py` does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from grid.commands.again import interrupts
from grid.commands.arguments import DONE, FAILED, INTERRUPTED
from grid.commands.history import remember
from grid.commands.operations import check_plugged_in
from grid.commands.shown import Shown, show
from grid.outputs import external
from grid.outputs.summary import Summary, summarised
from grid.outputs.tables import Style, compile_tables
from grid.outputs.tables.comparing.significance import differences
from grid.outputs.tables.compilation import behind
from grid.outputs.tables.scores import Results
from grid.plan import Training
from grid.planning.prepare import Grid
from grid.results import cleanup, output_folder
from grid.results.failures import forget, given_up, incomplete
from grid.results.redo import redo, to_redo, unselected
from grid.running.events import Audience, Listener
from grid.running.interruption import Interruption
from grid.running.machine import check_precision, check_shared_memory
from grid.running.ray_cluster import ray_session
from grid.specs.dotted_keys import with_references
from grid.tracking import EXPERIMENT, Tracker
from grid.tracking.views import N_SEEDS, OF_PAPER, difference_names, summary_names
from manifests.escaping import shell
from manifests.problem import Problem, ProblemError

_IN_MLFLOW = {DONE: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED"}


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        status: the exit status.
        views: addresses of the prepared views on the MLflow server that was named.
        report: where the grid's page is, to be opened; empty if it could not be written.
        look: how to look at the runs, in a short line: a command, where no server has them.
        warnings: what could not be written, what MLflow lacks, and which tables were left as they stood.
        left_alone: units that failed in an earlier run, or lack one that did.
        interrupted: label of a unit → what has interrupted it, be it lost or exchanged.
    """

    status: int
    views: list[str]
    report: str
    look: str
    warnings: list[str]
    left_alone: int
    interrupted: Mapping[str, str] = field(default_factory=dict)


def run(
    grid: Grid,
    listener: Listener,
    tracking_uri: str | None,
    *,
    retry_failed: bool = False,
    again: str | None = None,
    lost: Callable[[str, bool], object] | None = None,
) -> Outcome:
    """Do all that is left of a grid.

    Args:
        grid: as prepared.
        listener: hears of all that happens, beside MLflow.
        tracking_uri: an MLflow server's address; None for a store in the output folder.
        retry_failed: also what failed in an earlier run; it is left alone otherwise.
        again: what to make again though it is done (`grid.results.redo`).
        lost: called on another thread should Ray end under the run, with why, and whether the user wants to
            stop; None ends it as interrupted.

    Raises:
        ProblemError: the MLflow server does not answer, or nothing can be written or trained here.
    """
    cleanup.clear(grid.ledger)
    remember(grid)
    left = _left(grid, again, retry_failed=retry_failed)
    tracker = start_tracker(grid, tracking_uri)
    reasons: dict[str, str] = {}
    try:
        _check(grid, left)
        if retry_failed:
            forget(grid.plan, grid.ledger)
        tracker.forget(redo(grid.plan, grid.ledger, left.anew))
        grid.ledger.stops.clear_unwished(grid.plan)
        whole = not left.todo or _work(grid, left, Audience(listener, tracker), reasons, lost)
    except KeyboardInterrupt:
        whole = False
    except Exception as error:
        tracker.finish_grid(_IN_MLFLOW[INTERRUPTED if interrupts(error) else FAILED], [])
        tracker.close()
        raise
    status = status_of(grid) if whole else INTERRUPTED
    listener.on_phase("compiling tables, drawing figures and completing MLflow")
    tables, unwritten = compiled(grid)
    status = (status or FAILED) if unwritten else status
    shown = show(grid, from_results_alone=True)
    complete(tracker, grid, status, tables, shown)
    # An address that nobody serves yet is of no use: the command that serves them gives it.
    views = [tracker.link(table.name) for table in grid.plan.tables if tracking_uri]
    tracker.close()
    look = "" if tracking_uri else shell(["python", "-m", "grid", "ui", "--out", str(grid.out)])
    told = filter(None, [*unwritten, *shown.warnings, *tracker.warnings, behind(tables), *not_taken(grid)])
    report = shown.report.resolve().as_uri() if shown.report else ""
    return Outcome(status, [*filter(None, views)], report, look, [*told], len(left.given_up), reasons)


def complete(tracker: Tracker, grid: Grid, status: int, tables: list[Path], shown: Shown) -> None:
    """Bring to MLflow all that it lacks of a grid, and end the grid's run."""
    tracker.sync(grid.plan, grid.ledger)
    tracker.log_differences(compared(grid), grid.ledger)
    tracker.log_summaries(summaries(grid))
    tracker.finish_grid(_IN_MLFLOW[status], tables, shown.report, shown.figures)


def start_tracker(grid: Grid, uri: str | None) -> Tracker:
    """Open a grid's run in MLflow.

    Raises:
        ProblemError: the server that the user has named does not answer.
    """
    experiment = EXPERIMENT + ("-demo" if grid.demo else "")
    tracker = Tracker(uri, grid.out, grid.plan.grid, experiment, models=grid.config.tracking.models)
    if uri:
        tracker.require()
    tracker.start_grid(grid.plan, with_references(asdict(grid.config), grid.overrides), grid.digests)
    return tracker


def compile_grid(grid: Grid) -> list[Path]:
    """Write a grid's tables into its output folder, with whatever is done by now; return the files."""
    style = Style(grid.config.tables, grid.command("--tables"), grid.demo, external.places_of(grid))
    return compile_tables(grid.plan, grid.ledger, grid.out / output_folder.TABLES, style)


def compiled(grid: Grid) -> tuple[list[Path], list[str]]:
    """Write a grid's tables; return the files, or why there are none: nothing else stands on them."""
    try:
        return compile_grid(grid), []
    except (ProblemError, OSError) as error:
        return [], [f"Tables are not written: {error}"]


def not_taken(grid: Grid) -> list[str]:
    """List the lines of `results/external/*.csv` that could not be taken."""
    return [str(problem) for problem in external.read(grid.plan, grid.out).problems]


def compared(grid: Grid) -> dict[str, dict[str, float]]:
    """Return the differences of a grid's significance tables: cell → MLflow's name of a metric → value."""
    results = Results(grid.plan, grid.ledger)
    told: dict[str, dict[str, float]] = {}
    for table in grid.plan.tables:
        for cell, found in differences(table, results).items():
            told[cell] = {}
            for metric, comparison in found.items():
                difference, p = difference_names(metric)
                told[cell] |= {difference: comparison.difference, p: comparison.p}
    return told


def summaries(grid: Grid) -> dict[str, dict[str, float]]:
    """Return what the tables' rows say over their seeds: first cell → MLflow's name → value.

    Without the paper's numbers where tables show none of them.
    """
    shown = {part for part in Summary._fields if grid.config.tables.paper != "none" or part not in OF_PAPER}
    told: dict[str, dict[str, float]] = {}
    for row in summarised(Results(grid.plan, grid.ledger)):
        fields = row._asdict()
        named = {name: fields[part] for part, name in summary_names(row.metric).items() if part in shown}
        told.setdefault(row.cell.id, {N_SEEDS: row.n_seeds}).update(named)
    return told


def status_of(grid: Grid) -> int:
    """Return `DONE` when every cell has a value for each metric, of all its test clips; else `FAILED`."""
    lacking = grid.ledger.cells_without_values(grid.plan) or incomplete(grid.plan, grid.ledger)
    return FAILED if lacking else DONE


def _lost(tell: Callable[[str, bool], object], interruption: Interruption, why: str) -> None:
    tell(why, interruption.soon_asked())


@dataclass(frozen=True)
class _Left:
    """What is left of a grid, by ids; known before anything of it is taken away.

    Attributes:
        anew: units that are to be made again though they are done.
        done: units that stay as they are.
        failed: units that failed in an earlier run and are not tried again.
        needing: those that cannot be had because of that.
        unselected: evaluations of weights that their training has not kept.
        stopped: trainings that were stopped early, and their evaluations.
        todo: all others.
        trainings: those of them.
    """

    anew: set[str]
    done: set[str]
    failed: set[str]
    needing: set[str]
    unselected: set[str]
    stopped: set[str]
    todo: set[str]
    trainings: list[Training]

    @property
    def given_up(self) -> set[str]:
        """The units that are left alone since they failed, or something that they need did."""
        return (self.failed | self.needing) - self.done


def _left(grid: Grid, again: str | None, *, retry_failed: bool) -> _Left:
    """Find what is left of a grid.

    Raises:
        ProblemError: what is to be made again needs something that failed, and is not tried again.
    """
    ledger, plan = grid.ledger, grid.plan
    units = plan.trainings.keys() | plan.evaluations.keys()
    anew = to_redo(plan, ledger, again) if again else set()
    failed, needing = given_up(plan, ledger, units if retry_failed else anew)
    if lost := sorted(anew & needing):
        cause = next(unit for unit in failed & plan.trainings.keys() if lost[0] in plan.dependents(unit))
        remedy = "Add --retry-failed, which tries that again."
        expected, found = f"what {lost[0]} rests on", f"{cause}, which failed before"
        raise ProblemError(Problem(f"--redo {again}", expected, found, remedy))
    done = _done(grid) - anew - (incomplete(plan, ledger).keys() if retry_failed else set())
    # What is trained again, for want of its weights, is validated as asked.
    unkept = {unit for unit, training in unselected(plan, ledger).items() if training in done}
    stopped = {unit for unit in plan.may_stop if unit not in done | anew and ledger.stops.of(unit)}
    todo = units - done - failed - needing - unkept - stopped
    trainings = [unit for unit in plan.trainings.values() if unit.id in todo]
    return _Left(anew, done, failed, needing, unkept, stopped, todo, trainings)


def _work(
    grid: Grid,
    left: _Left,
    audience: Audience,
    reasons: dict[str, str],
    lost: Callable[[str, bool], object] | None,
) -> bool:
    """Train and evaluate what is left, and say whether all has ended.

    Not so where the user interrupted, or something that a unit stands on was lost: `reasons` gets it.
    """
    audience.on_todo(left.todo)
    ray_session.protect()
    # Ray takes seconds to import.
    from grid.planning import frames  # noqa: PLC0415
    from grid.running import jobs, places  # noqa: PLC0415

    interruption = Interruption(places.storage_of(grid), audience.on_phase)
    with (
        interruption.heard(),
        frames.decoded(grid, left.trainings, audience.on_phase, here=ray_session.is_local()) as broken,
    ):
        audience.on_phase("starting Ray")
        with ray_session.session(*([partial(_lost, lost, interruption)] if lost else [])):
            driver = jobs.sweep(grid, left.done, audience, interruption)
            audience.on_phase("")
            for unit in left.failed | left.unselected:
                driver.recorder.leave_alone(unit)
            for unit in left.stopped:
                driver.schedule.fail(unit)
            for unit, why in broken.items():
                driver.recorder.training_failed(grid.plan.trainings[unit], why)
            driver.run()
            reasons |= driver.recorder.reasons
            return driver.schedule.over() and not reasons


def _check(grid: Grid, left: _Left) -> None:
    """Make sure of what is needed to do what is left, if anything is."""
    if left.todo:
        ray_session.require()
        check_precision(grid, left.trainings)
        check_shared_memory(grid, left.trainings)
        check_plugged_in(left.trainings)


def _done(grid: Grid) -> set[str]:
    plan, ledger = grid.plan, grid.ledger
    done = {unit for unit in plan.trainings if ledger.training_done(unit)}
    return done | {unit for unit in plan.evaluations if ledger.evaluation_done(unit)}
