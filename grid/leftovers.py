"""What killed runs have left behind in an output folder, removed by the next one that holds it."""

from __future__ import annotations

import re
import shutil

from grid.results import Ledger

# Of `grid.files.write_atomically` and `hd2s.weights.save_weights`: the file's name, its writer's number.
_TEMPORARY = re.compile(r"\..+\.\d+(\.partial)?")
_FOLDERS = ("results", "checkpoints", "tables", "logs")


def clear(ledger: Ledger) -> None:
    """Remove files half written, and saved states of trainings that are done.

    A worker that outlives its driver by seconds may still write one of them: it then fails, and its result
    would not have been asked for any more.

    Args:
        ledger: of an output folder that this process holds the lock of.
    """
    for folder in _FOLDERS:
        for path in (ledger.out / folder).glob(".*"):
            if _TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)
    for states in (ledger.out / "resume").glob("*"):
        if ledger.training_done(states.name):
            shutil.rmtree(states, ignore_errors=True)
