"""The parts of an evaluation as files: each worker writes its own, and one of them makes the result of all.

So rows never pass through the driver, and a part that an interrupted run has finished is not done again.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from grid.evaluation import pictures
from grid.evaluation.evaluate import evaluate_part
from grid.evaluation.job import EvaluationJob, Part
from grid.plan import Evaluation
from grid.results import output_folder
from grid.results.checks import FRAME_SCHEMA, require_whole_weights
from grid.results.files import write_atomically
from grid.results.ledger import Ledger
from grid.results.storage import Storage
from manifests.parquet import seal, unseal
from manifests.problem import ExchangedError, Problem

_NOTE = b"part"


@dataclass(frozen=True)
class Done:
    """What the driver hears of a part: clips scored, clips that could not be read, and how long it took."""

    clips: int
    unread: int
    seconds: float


def do_part(job: EvaluationJob, part: int, storage: Storage) -> Done:
    """Score one part of an evaluation and write its rows, unless they are there.

    Raises:
        ExchangedError: the weights or the test's clips are not those that were planned with.
        ProblemError: the disk is full.
        OSError: the storage does not answer.
    """
    name, job = output_folder.part(job.id, part), job.brought(storage)
    require_whole_weights(job.weights, job.training, _digest(job, storage))
    asked = _asked(job, part)
    found = _earlier(storage, name, asked)
    if found is None:
        found = evaluate_part(job, part)
        # Before the part, by which a run that goes on after a kill takes all of it to be there.
        pictures.keep(storage, job.id, found.pictures)
        _write(storage.path(name), found, asked)
        storage.publish(name, keep=False)
    return Done(len(job.parts[part]) - len(found.unread), len(found.unread), found.seconds)


def gather(job: EvaluationJob, evaluation: Evaluation, storage: Storage) -> None:
    """Make an evaluation's result of its parts, and write it once it is what it must be.

    Raises:
        ProblemError: the rows are not each frame of each clip once, or the disk is full.
        OSError: the storage does not answer.
    """
    names = [output_folder.part(job.id, part) for part in range(len(job.parts))]
    found = []
    for number, name in enumerate(names):
        part, note = _read(storage.fetch(name, anew=True))
        if note["asked"] | {"weights": None} != _asked(job, number) | {"weights": None}:
            problem = Problem(name, f"the rows of part {number} of {job.id}", "others", "Run it again.")
            raise ExchangedError(problem)
        found.append(part)
    frames, summary, expected = job.gather(found)
    summary = {**summary, "weights": _digest(job, storage)}
    Ledger(storage.local, storage).write_evaluation(evaluation, frames, summary, expected=expected)
    for name in names:
        storage.release(name)


def _digest(job: EvaluationJob, storage: Storage) -> str:
    """Return the digest of the weights that are tested, by their training's result; "" where it has none."""
    checkpoint = f"{output_folder.CHECKPOINTS}/{Path(job.weights).name}"
    return Ledger(storage.local, storage).digest_of_weights(job.training, checkpoint)


def _asked(job: EvaluationJob, part: int) -> dict[str, Any]:
    """Return what a part's rows are of; its file says it."""
    weights = Path(job.weights)
    fingerprint = _fingerprint(weights) if weights.is_file() else None
    return {"evaluation": job.id, "clips": list(job.parts[part]), "weights": fingerprint}


def _earlier(storage: Storage, name: str, asked: Mapping[str, Any]) -> Part | None:
    """Return what an earlier run has made of the same clips and weights, if it could read them all."""
    if not storage.exists(name):
        return None
    try:
        path = storage.fetch(name, anew=True)
    except FileNotFoundError:
        return None
    try:
        # A page that differs from its checksum is an OSError as well.
        part, note = _read(path)
    except (pa.ArrowException, OSError, ValueError, KeyError):
        return None
    finally:
        storage.release(name)
    return part if note["asked"] == asked and not part.unread else None


def _write(path: Path, part: Part, asked: Mapping[str, Any]) -> None:
    table = FRAME_SCHEMA.empty_table() if part.frames is None else part.frames
    note = {
        "asked": asked,
        "seconds": part.seconds,
        "computed": dict(part.computed),
        "unread": dict(part.unread),
    }
    note |= {"constant": dict(part.constant), "code": part.code}
    table = table.replace_schema_metadata(seal(_NOTE, note))
    write_atomically(path, partial(pq.write_table, table, write_page_checksum=True), table.nbytes)


def _read(path: Path) -> tuple[Part, dict[str, Any]]:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        table = file.read()
    note = unseal(_NOTE, table.schema.metadata)
    frames = table.replace_schema_metadata() if len(table) else None
    told = {"computed": note.get("computed", {}), "constant": note["constant"], "code": note.get("code")}
    return Part(frames, note["seconds"], note["unread"], **told), note


def _fingerprint(weights: Path) -> int:
    """Return what tells weights apart: a number made of the checksums in their file."""
    with zipfile.ZipFile(weights) as archive:
        return zlib.crc32(str([(info.filename, info.CRC) for info in archive.infolist()]).encode())
