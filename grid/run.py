"""A grid from its name to its tables: what `run_grid.py` does."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from grid.events import Audience, Listener
from grid.prepare import Grid
from grid.tables import compile_tables

DONE, FAILED, INTERRUPTED = 0, 1, 130


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        status: the exit status.
        tables: the files compiled.
        tracking: how to look at the runs in MLflow.
        problems: what MLflow lacks, and why.
    """

    status: int
    tables: list[Path]
    tracking: str
    problems: list[str]


def run(grid: Grid, listener: Listener, tracking_uri: str | None) -> Outcome:
    """Do all that is left of a grid.

    Args:
        grid: as prepared.
        listener: hears of all that happens, beside MLflow.
        tracking_uri: an MLflow server's address; None for a store in the output folder.
    """
    from grid.tracking import EXPERIMENT, Tracker  # noqa: PLC0415 - MLflow takes seconds to import, and --plan does without

    tracker = Tracker(tracking_uri, grid.out, grid.plan.grid, EXPERIMENT + ("-demo" if grid.demo else ""))
    tracker.start_grid(grid.plan, asdict(grid.config), grid.digests)
    try:
        whole = _sweep(grid, Audience(listener, tracker))
    except KeyboardInterrupt:
        whole = False
    except Exception:
        tracker.finish_grid("FAILED", [])
        tracker.close()
        raise
    status = status_of(grid) if whole else INTERRUPTED
    listener.on_phase("compiling the tables and completing MLflow")
    tables = compile_tables(grid.plan, grid.ledger, grid.out, grid.demo)
    tracker.sync(grid.plan, grid.ledger)
    tracker.finish_grid({DONE: "FINISHED", FAILED: "FAILED", INTERRUPTED: "KILLED"}[status], tables)
    places = [tracker.serve_command, *(tracker.link(table.name) for table in grid.plan.tables)]
    tracker.close()
    return Outcome(status, tables, "\n".join(place for place in places if place), tracker.problems)


def status_of(grid: Grid) -> int:
    """Return `DONE` when every cell has a value for each metric of its table, else `FAILED`."""
    return FAILED if grid.ledger.cells_without_values(grid.plan) else DONE


def _sweep(grid: Grid, audience: Audience) -> bool:
    """Train and evaluate what the ledger lacks; False if the user interrupted."""
    ledger, plan = grid.ledger, grid.plan
    done = {unit for unit in plan.trainings if ledger.training_done(unit)}
    done |= {unit for unit in plan.evaluations if ledger.evaluation_done(unit)}
    if done.issuperset(plan.evaluations) and done.issuperset(plan.trainings):
        return True
    from grid import cluster, jobs  # noqa: PLC0415 - Ray takes seconds to import

    for unit in (plan.trainings.keys() | plan.evaluations.keys()) - done:
        ledger.clear_failure(unit)
    audience.on_phase("starting Ray")
    with cluster.session():
        sweep = jobs.sweep(grid, done, audience)
        audience.on_phase("")
        sweep.run()
        return sweep.schedule.over()
