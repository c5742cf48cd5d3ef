"""A grid without files of corpora, whose results are invented, for tests of what the report says of it."""

from pathlib import Path

from grid.plan import Plan
from grid.planning.prepare import Grid
from grid.results.ledger import Ledger
from grid.specs import settings_reader
from manifests.schema import SPLITS
from manifests.store import Manifest
from tests.grid.plans import FROM_SCRATCH
from tests.grid.small_ledger import finish_clips

CLIPS = [f"clip {n}" for n in range(12)]


def grid_of(plan: Plan, out: Path, *overrides: str, demo: bool = False, quarantined: int = 0) -> Grid:
    given = (FROM_SCRATCH, *overrides)
    config = settings_reader.load(given, demo=demo)
    corpora = {name for table in plan.tables for name in table.corpora()}
    manifests = {name: manifest_of(name, out, quarantined) for name in sorted(corpora)}
    return Grid(plan.grid, given, plan, manifests, {}, config, out, demo)


def manifest_of(name: str, out: Path, quarantined: int) -> Manifest:
    amounts = dict.fromkeys(SPLITS, 3)
    return Manifest(
        folder=out / "nowhere",
        corpus=name,
        root="",
        digest=f"{len(name):064x}",
        digests=dict.fromkeys(SPLITS, ""),
        layout="shipped",
        options={},
        counts=amounts,
        frames=amounts,
        quarantined=quarantined,
    )


def score(ledger: Ledger, plan: Plan, **means: float) -> None:
    """Finish every cell of these approaches: each clip has its mean, and a little of its own."""
    for cell in plan.cells:
        if (mean := means.get(cell.approach)) is not None:
            values = {clip: mean + n / 100 for n, clip in enumerate(CLIPS)}
            finish_clips(ledger, plan, cell.training, NSS=values, CC={c: v / 10 for c, v in values.items()})
