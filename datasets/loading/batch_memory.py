"""The memory that batches lie in, shared by the processes that load them and the one that trains."""

from __future__ import annotations

import shutil
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from datasets.loading.windows import WindowShape
from datasets.resizing import Size
from manifests.problem import Problem, ProblemError

_SHARED = Path("/dev/shm")

Parts = tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]
"""Clips, maps and counts of fixations."""


@dataclass(frozen=True)
class BatchLayout:
    """How a batch lies in one piece of memory: its clips, then its maps, then its fixations."""

    batch: int
    """Windows."""
    shape: WindowShape
    height: int
    width: int
    labelled: bool
    """Whether there are maps."""
    fixated: bool = False
    """Whether there are counts of fixations."""
    map_size: Size | None = None
    """(height, width) of maps and counts, where it is not that of the clips."""

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self._parts)

    def split(self, memory: torch.Tensor) -> Parts:
        """Return views of uint8 (size,): clips (B, T, H, W, 3), and (B, A, H, W) or None maps and counts."""
        clips, maps, counts = memory.split(self._parts)
        answers = (self.batch, len(self.shape.answered), *self._map_size)
        return (
            clips.view(self.batch, self.shape.length, self.height, self.width, 3),
            maps.view(answers) if self.labelled else None,
            counts.view(answers) if self.fixated else None,
        )

    @property
    def _parts(self) -> list[int]:
        height, width = self._map_size
        answers = self.batch * len(self.shape.answered) * height * width
        clips = self.batch * self.shape.length * self.height * self.width * 3
        return [clips, answers * self.labelled, answers * self.fixated]

    @property
    def _map_size(self) -> Size:
        return self.map_size or (self.height, self.width)


class SharedBatches:
    """Memory in which loader processes leave batches, used again when nobody holds its batch any more.

    Memory shared anew for each batch, as the loader does by itself, is 2.5 times slower: its page faults take
    longer than reading.

    Args:
        layout: of each batch.
        workers: processes that load, 0 for none; what they load beyond the memory that this comes to, as
            batches are kept, is sent as tensors of its own.

    Raises:
        ProblemError: so much memory cannot be shared.
    """

    def __init__(self, layout: BatchLayout, workers: int) -> None:
        self._layout = layout
        pieces = _pieces(workers)
        try:
            self.memory = [torch.empty(layout.size, dtype=torch.uint8).share_memory_() for _ in range(pieces)]
        except RuntimeError as error:
            raise ProblemError(_too_little(pieces * layout.size, workers, str(error))) from error
        self._free = deque(range(pieces))

    def take(self) -> int | None:
        """Return a piece to load the next batch into, if there is one."""
        return self._free.popleft() if self._free else None

    def lend(self, piece: int) -> Parts:
        """Return a piece's tensors; when the last of them is gone, the piece is free."""
        view = self.memory[piece].numpy()[:]
        weakref.finalize(view, self._free.append, piece).atexit = False
        return self._layout.split(torch.from_numpy(view))


def require_shared_memory(layouts: Sequence[BatchLayout], workers: int, times: int = 1) -> None:
    """Make sure that this machine has memory to share for batches, where it says how much it has.

    Args:
        layouts: of the batches that one process trains on.
        workers: processes that load each of them.
        times: processes that train side by side.

    Raises:
        ProblemError: it has not.
    """
    needed = times * _pieces(workers) * sum(layout.size for layout in layouts)
    if needed and _SHARED.is_dir() and (free := shutil.disk_usage(_SHARED).free) < needed:
        raise ProblemError(_too_little(needed, workers, f"{free / 2**20:.1f} MiB free"))


def _pieces(workers: int) -> int:
    """Return how many batches need memory: two for each loader, the one handed over and the one before."""
    return 2 * workers + 2 if workers else 0


def _too_little(needed: int, workers: int, found: str) -> Problem:
    where = f"shared memory ({_SHARED}), resources.loader_workers={workers}"
    remedy = (
        "Give the machine more (docker run --shm-size=2g, or mount -o remount,size=2g /dev/shm), lower"
        " resources.loader_workers, or load in the training's own process with resources.loader_workers=0."
    )
    return Problem(where, f"{needed / 2**20:.1f} MiB for batches", found, remedy)
