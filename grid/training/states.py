"""The saved states of a training that is under way: each whole or not there, the newest sound one first."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import torch

from grid.results import output_folder
from grid.results.files import write_atomically
from grid.results.storage import Storage
from hd2s.weights.tensor_files import TensorFileError, read_tensors, tensor_digest

KEPT = 2
"""States of one training that are kept: should the last be damaged, the one before is gone on from."""

_LOG = logging.getLogger(__name__)


class SavedStates:
    """The states of one training.

    Args:
        storage: where they are; machines that share it go on from each other's.
        training: its id.
    """

    def __init__(self, storage: Storage, training: str) -> None:
        self._storage, self._training = storage, training

    def make_ready(self) -> None:
        """Leave nothing but what can be gone on from, whatever a kill has left.

        Raises:
            OSError: the storage does not answer.
        """
        whole = list(map(_folder, self._newest_first()))
        here = self._storage.path(output_folder.states(self._training)).glob("*")
        for name in {*whole, *map(self._storage.name, here)}.difference(whole[:KEPT]):
            self._storage.delete(name)

    def save(self, step: int, state: Mapping[str, Any]) -> str:
        """Write a state, atomically, and leave but it and the one before; return its name in the storage.

        Raises:
            ProblemError: there is no room for it.
            OSError: the storage does not take it.
        """
        # No two saves share a folder: a worker that was given up may be writing still.
        name = output_folder.state(self._training, step, uuid.uuid4().hex[:8])
        content = {**state, "training": self._training, "digest": tensor_digest(state)}
        write_atomically(self._storage.path(name), partial(torch.save, content), tensor_bytes(state))
        self._storage.publish(name, keep=False)
        found = self._newest_first()
        # Later ones could not be gone on from: they were begun without what is asked for now, or are damaged.
        kept = [each for each in found if each <= name][:KEPT]
        for other in found:
            if other not in kept:
                self._storage.delete(_folder(other))
        return name

    def asked_to_stop(self) -> bool:
        """Whether who runs the grid wants to stop, where machines share the folder."""
        return self._storage.path(output_folder.STOP).exists()

    def stopped(self) -> bool:
        """Whether the training is stopped as hopeless.

        Raises:
            OSError: the storage does not answer.
        """
        return self._storage.exists(output_folder.stopped(self._training))

    def newest(self) -> dict[str, Any] | None:
        """Return the newest state of this training that is whole, in main memory; None where there is none.

        Another training's, which some copying has brought here, are removed.

        Raises:
            OSError: the storage does not answer.
        """
        for name in self._newest_first():
            try:
                # Workers on several machines must go on from one state: what counts is what all of them see.
                state = read_tensors(self._storage.fetch(name, anew=True))
                if not isinstance(state, dict):
                    raise TensorFileError("it holds something else")
                if (owner := state.pop("training", self._training)) != self._training:
                    _LOG.warning("%s is a state of %s, and is removed", name, owner)
                    self._storage.delete(_folder(name))
                    continue
                said = state.pop("digest", None)
                if said and said != tensor_digest(state):
                    raise TensorFileError("its tensors have another digest than when they were written")
                return state
            except (TensorFileError, FileNotFoundError) as error:
                _LOG.warning("%s is damaged, the state before it is taken: %s", name, error)
            finally:
                self._storage.release(name)
        return None

    def _newest_first(self) -> list[str]:
        """Return the names of whole states."""
        names = self._storage.files(output_folder.states(self._training))
        return sorted(filter(_is_whole, names), reverse=True)


def tensor_bytes(content: Any) -> int:
    """Return the bytes that nested mappings and lists of tensors take in a file, shared ones once."""
    return sum({storage.data_ptr(): storage.nbytes() for storage in _storages(content)}.values())


def _storages(content: Any) -> Iterator[torch.UntypedStorage]:
    if isinstance(content, torch.Tensor):
        yield content.untyped_storage()
    elif isinstance(content, Mapping | list | tuple):
        for each in content.values() if isinstance(content, Mapping) else content:
            yield from _storages(each)


def _folder(state: str) -> str:
    return PurePosixPath(state).parent.as_posix()


def _is_whole(name: str) -> bool:
    """Whether it is a state's final name: what is being written has another."""
    return PurePosixPath(name).name == output_folder.STATE_FILE
