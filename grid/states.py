"""The saved states of a training that is under way: each whole or not there, the newest sound one first."""

from __future__ import annotations

import logging
import pickle
import shutil
import uuid
import zipfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from grid.files import write_atomically

KEPT = 2
"""States of one training on disk: should the last be damaged, the one before is gone on from."""

_STATE = "state.pt"
# Ray Train's list of the checkpoints it knows. It is written in place, so that a kill may cut it short, and
# with a list cut short or naming a folder that is gone no later run of this training would start.
_LIST = "checkpoint_manager_snapshot.json"
_LOG = logging.getLogger(__name__)


def make_ready(run: Path) -> None:
    """Leave in a training's folder what can be gone on from, before Ray Train opens it.

    Args:
        run: the folder of the training's states, which may not exist yet.
    """
    (run / _LIST).unlink(missing_ok=True)
    states = _newest_first(run)
    for folder in set(run.glob("checkpoint_*")) - {file.parent for file in states[:KEPT]}:
        shutil.rmtree(folder, ignore_errors=True)


def save(run: Path, step: int, state: Mapping[str, Any]) -> Path:
    """Write a state, atomically; return its folder, of which Ray Train makes a checkpoint.

    Raises:
        ProblemError: there is no room for it.
    """
    # No two saves share a folder: Ray Train deletes those that it does not keep.
    folder = run / f"checkpoint_{step:08d}_{uuid.uuid4().hex[:8]}"
    write_atomically(folder / _STATE, partial(torch.save, state), size(state))
    return folder


def newest(run: Path) -> dict[str, Any] | None:
    """Return the newest state that is whole, in main memory; None where there is none."""
    for file in _newest_first(run):
        try:
            with zipfile.ZipFile(file) as archive:
                # PyTorch writes checksums, and does not look at them.
                if archive.testzip() is None:
                    return torch.load(file, map_location="cpu", weights_only=True)
            error: object = "its checksum is wrong"
        except (zipfile.BadZipFile, pickle.UnpicklingError, FileNotFoundError, RuntimeError) as found:
            error = found
        _LOG.warning("%s is damaged, the state before it is taken: %s", file, error)
    return None


def _newest_first(run: Path) -> list[Path]:
    return sorted(run.glob(f"checkpoint_*/{_STATE}"), reverse=True)


def size(content: Any) -> int:
    """Return the bytes of all tensors in nested mappings and lists."""
    if isinstance(content, torch.Tensor):
        return content.numel() * content.element_size()
    if isinstance(content, Mapping):
        content = content.values()
    elif not isinstance(content, list | tuple):
        return 0
    return sum(map(size, content))
