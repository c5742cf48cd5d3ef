"""The memory that batches lie in, shared by the processes that load them and the one that trains."""

from __future__ import annotations

import weakref
from collections import deque
from dataclasses import dataclass

import torch

from datasets.loading.windows import WindowShape

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

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(self._parts)

    def split(self, memory: torch.Tensor) -> Parts:
        """Return views of uint8 (size,): clips (B, T, H, W, 3), and (B, A, H, W) or None maps and counts."""
        clips, maps, counts = memory.split(self._parts)
        answers = (self.batch, self.shape.answered, self.height, self.width)
        return (
            clips.view(self.batch, self.shape.length, self.height, self.width, 3),
            maps.view(answers) if self.labelled else None,
            counts.view(answers) if self.fixated else None,
        )

    @property
    def _parts(self) -> list[int]:
        pixels = self.batch * self.height * self.width
        answered = self.shape.answered
        return [
            pixels * n for n in (3 * self.shape.length, answered * self.labelled, answered * self.fixated)
        ]


class SharedBatches:
    """Memory in which loader processes leave batches, used again when nobody holds its batch any more.

    Memory shared anew for each batch, as the loader does by itself, is 2.5 times slower: its page faults take
    longer than reading.

    Args:
        layout: of each batch.
        pieces: batches that there is memory for; what is loaded beyond, as batches are kept, is sent as
            tensors of its own.
    """

    def __init__(self, layout: BatchLayout, pieces: int) -> None:
        self._layout = layout
        self.memory = [torch.empty(layout.size, dtype=torch.uint8).share_memory_() for _ in range(pieces)]
        self._free = deque(range(pieces))

    def take(self) -> int | None:
        """Return a piece to load the next batch into, if there is one."""
        return self._free.popleft() if self._free else None

    def lend(self, piece: int) -> Parts:
        """Return a piece's tensors; when the last of them is gone, the piece is free."""
        view = self.memory[piece].numpy()[:]
        weakref.finalize(view, self._free.append, piece).atexit = False
        return self._layout.split(torch.from_numpy(view))
