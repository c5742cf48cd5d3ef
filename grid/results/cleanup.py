"""What killed runs have left behind in an output folder, removed by the next one that holds it."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.remote import connect
from grid.results import output_folder
from grid.results.files import is_half_uploaded, shows_half_uploads
from grid.results.ledger import Ledger
from grid.results.storage import Storage, answering

# Of `hd2s.files.atomic_write`: the name of a file, or of an export, with process and nanoseconds, which no
# .venv3.11 of its user's has. A store of MLflow's that is being made has a journal too.
_TEMPORARY_NAME = re.compile(r"\..+\.\d{20,}(-journal)?")
_FOLDERS_WRITTEN_TO = (
    ".",
    output_folder.RESULTS,
    output_folder.EXTERNAL,
    output_folder.COSTS,
    output_folder.CHECKPOINTS,
    output_folder.TABLES,
    output_folder.FIGURES,
    output_folder.REPORTS,
    output_folder.CALLS,
    output_folder.LOGS,
)
_UPLOADED_TO = (
    output_folder.RESULTS,
    output_folder.CHECKPOINTS,
    output_folder.STATES,
    output_folder.PARTS,
    output_folder.PICTURES,
    output_folder.MANIFESTS,
    output_folder.LOGS,
)
_A_DAY_NS = 86_400 * 10**9


def clear(ledger: Ledger) -> None:
    """Remove files half written, saved states of trainings and parts of evaluations that are done.

    A worker that outlives its driver by seconds may still write one of them: it then fails, and its result
    would not have been asked for any more.

    Args:
        ledger: of an output folder that this process holds the lock of.

    Raises:
        ProblemError: the storage does not answer.
    """
    for folder in _FOLDERS_WRITTEN_TO:
        for path in (ledger.out / folder).glob(".*"):
            if not _TEMPORARY_NAME.fullmatch(path.name):
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    storage = ledger.storage
    for folder, done in (
        (output_folder.STATES, ledger.training_done),
        (output_folder.PARTS, ledger.evaluation_done),
    ):
        local = {path.name for path in (ledger.out / folder).glob("*")}
        with answering(storage.url):
            for unit in local | {name.split("/")[1] for name in storage.files(folder)}:
                if done(unit):
                    storage.delete(f"{folder}/{unit}")
    if storage.url:
        with answering(storage.url):
            # A bucket need not be listed from end to end for them.
            if shows_half_uploads(connect(storage.url)[0]):
                _clear_uploads(storage)


def _clear_uploads(storage: Storage) -> None:
    """Remove what killed uploads have left; a younger one may be of another machine that is at work there."""
    before = time.time_ns() - _A_DAY_NS
    for folder in _UPLOADED_TO:
        for name, mark in storage.files(folder).items():
            if is_half_uploaded(name) and mark.mtime_ns < before:
                storage.delete(name)


@contextmanager
def scratch(out: Path) -> Iterator[None]:
    """Have this process keep its temporary files, MLflow's mostly, where the next run clears them away.

    The environment stays as it is: Ray's sockets need a short path.

    Args:
        out: an output folder that this process holds the lock of.
    """
    folder, before = (out / output_folder.SCRATCH).resolve(), tempfile.tempdir
    shutil.rmtree(folder, ignore_errors=True)
    # Where a group shares the folder, it may hold what a killed run of another user has left.
    folder.mkdir(parents=True, exist_ok=True)
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before
        shutil.rmtree(folder, ignore_errors=True)
