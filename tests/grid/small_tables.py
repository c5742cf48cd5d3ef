"""Small tables of small ledgers, and real plans of the grids that come with the project."""

import math

from grid import plan
from grid.outputs.tables import Style
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import Table
from grid.outputs.tables.values import build
from grid.results.ledger import Ledger
from grid.specs.tables.shown import Tables
from tests.grid.plans import plan_of
from tests.grid.small_ledger import finish, finish_training

CORPORA = ("DHF1K", "UCFSports", "Hollywood2")
COMMAND = "python run_grid.py --grid domain_shift --tables"
STYLE = Style(Tables(), COMMAND)
DEMO_STYLE = Style(Tables(), COMMAND.replace("--tables", "--demo --tables"), demo=True)


def fill(ledger: Ledger, small: plan.Plan) -> None:
    """Results of every kind: good, equal as printed, without a score, lacking a clip, failed, not there."""
    finish(ledger, small, "generalization-DHF1K-UCFSports-0", NSS=2.0, CC=0.5004)
    finish(ledger, small, "adaptation-DHF1K-UCFSports-0", NSS=2.25, CC=0.4996)
    finish(ledger, small, "transfer-DHF1K-UCFSports-0", NSS=1.0, CC=math.nan)
    unread = {"unread": {"clip c": "expected 20 frames, found 3"}}
    finish(ledger, small, "generalization-UCFSports-DHF1K-0", summary=unread, NSS=-1.5, CC=-0.0001)
    finish_training(ledger, small.trainings["adaptation-UCFSports-DHF1K-0"])
    ledger.write_failure("transfer-UCFSports-DHF1K-0", "out of memory")


def table_of(small: plan.Plan, ledger: Ledger, style: Style = STYLE) -> Table:
    return build(small.tables[0], Results(small, ledger), style)


def rows_of(table: Table) -> dict[tuple[str, str, str], list[str]]:
    """(block, group, row) -> what its entries say."""
    return {
        (block.heading, group.label, row.label): [
            " ".join(filter(None, (entry.text, entry.after))) for entry in row.entries
        ]
        for block in table.blocks
        for group in block.groups
        for row in group.rows
    }


def real_plan(name: str, *overrides: str) -> plan.Plan:
    return plan_of(name, *overrides)
