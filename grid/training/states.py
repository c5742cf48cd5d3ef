"""The saved states of a training that is under way: each whole or not there, the newest sound one first."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from grid.results.files import write_atomically
from grid.results.storage import Storage
from hd2s.weights.tensor_files import TensorFileError, read_tensors

KEPT = 2
"""States of one training that are kept: should the last be damaged, the one before is gone on from."""

_STATE = "state.pt"
_LOG = logging.getLogger(__name__)


def make_ready(run: Path, storage: Storage | None = None) -> None:
    """Leave in a training's folder what can be gone on from, whatever a kill has left there.

    Args:
        run: the folder of the training's states, which may not exist yet.
        storage: where the folder is, if not on this machine alone.
    """
    kept = {name.rpartition("/")[0] for name in _newest_first(run, storage)[:KEPT]}
    for folder in set(_folders(run, storage)) - kept:
        _of(run, storage).delete(folder)


def save(run: Path, step: int, state: Mapping[str, Any], storage: Storage | None = None) -> Path:
    """Write a state, atomically, and remove those before the last; return its folder.

    Raises:
        ProblemError: there is no room for it.
        OSError: the storage does not take it.
    """
    # No two saves share a folder: a worker that was given up may be writing still.
    folder = run / f"checkpoint_{step:08d}_{uuid.uuid4().hex[:8]}"
    write_atomically(folder / _STATE, partial(torch.save, state), size(state))
    _of(run, storage).publish(folder / _STATE, keep=False)
    for name in _newest_first(run, storage)[KEPT:]:
        _of(run, storage).delete(name.rpartition("/")[0])
    return folder


def newest(run: Path, storage: Storage | None = None) -> dict[str, Any] | None:
    """Return the newest state that is whole, in main memory; None where there is none.

    Raises:
        OSError: the storage does not answer.
    """
    for name in _newest_first(run, storage):
        try:
            # Workers on several machines must go on from one state: what counts is what all of them see.
            return read_tensors(_of(run, storage).fetch(name, anew=True))
        except (TensorFileError, FileNotFoundError) as error:
            _LOG.warning("%s is damaged, the state before it is taken: %s", name, error)
        finally:
            _of(run, storage).release(name)
    return None


def _of(run: Path, storage: Storage | None) -> Storage:
    return storage or Storage(folder=str(run))


def _newest_first(run: Path, storage: Storage | None) -> list[str]:
    """Return the names of whole states in the storage."""
    names = _of(run, storage).files(run)
    return sorted((name for name in names if name.rpartition("/")[2] == _STATE), reverse=True)


def _folders(run: Path, storage: Storage | None) -> set[str]:
    """Return the folders of states, whole or not, as names in the storage."""
    there = _of(run, storage)
    local = {there.name(path) for path in run.glob("checkpoint_*")}
    return local | {name.rpartition("/")[0] for name in there.files(run) if name.endswith(f"/{_STATE}")}


def size(content: Any) -> int:
    """Return the bytes of all tensors in nested mappings and lists."""
    if isinstance(content, torch.Tensor):
        return content.numel() * content.element_size()
    if isinstance(content, Mapping):
        content = content.values()
    elif not isinstance(content, list | tuple):
        return 0
    return sum(map(size, content))
