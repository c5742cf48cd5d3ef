"""Batches of clips for training and validation, the same whatever the number of loaders and ranks."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datasets.frame_store.store import FrameStore
from datasets.loading.windows import Window, draw_window, eligible, validation_windows
from manifests import Clip, Problem, ProblemError


@dataclass(frozen=True)
class ClipBatch:
    """Windows as the loaders ship them: bytes as they lie on disk.

    Mirrored and normalised on the device (`to`): that is a quarter of the traffic, and nothing beside a
    training step there.
    """

    clips: torch.Tensor
    """uint8 (B, T, H, W, 3), RGB."""
    maps: torch.Tensor | None
    """uint8 (B, H, W): the saliency map of each window's last frame; None when loaded without labels."""
    flips: torch.Tensor
    """bool (B,): which windows and maps are still to be mirrored left to right."""
    keys: list[str]
    """Which windows: ``clip@start``, with ``~`` when mirrored."""

    def to(self, device: torch.device | str) -> ClipBatch:
        """Return the batch on a device, with what was to be mirrored mirrored there."""
        flips = self.flips.to(device, non_blocking=True)
        clips = _mirrored(self.clips.to(device, non_blocking=True), flips, 3)
        maps = self.maps
        if maps is not None:
            maps = _mirrored(maps.to(device, non_blocking=True), flips, 2)
        return ClipBatch(clips, maps, torch.zeros_like(flips), self.keys)

    def pin_memory(self) -> ClipBatch:
        """Return the batch in memory from which a GPU copies by itself."""
        maps = None if self.maps is None else self.maps.pin_memory()
        return ClipBatch(self.clips.pin_memory(), maps, self.flips.pin_memory(), self.keys)


def training_batches(
    store: FrameStore,
    clips: Sequence[Clip],
    *,
    T: int,
    batch: int,
    seed: int,
    first_step: int = 0,
    last_step: int,
    rank: int = 0,
    world_size: int = 1,
    workers: int = 0,
    labelled: bool = True,
    pin: bool = False,
) -> Iterator[ClipBatch]:
    """Yield this rank's micro-batches of the steps ``first_step … last_step - 1``.

    The global micro-batch has ``batch * world_size`` slots, of which rank r takes those from ``r * batch``
    on: together the ranks see what one rank with the whole batch would.

    Args:
        store: frames and maps.
        clips: to draw from; those shorter than T are never drawn.
        T: frames of a window.
        batch: windows per rank and step.
        seed: of the experiment.
        first_step: where to begin; resuming needs no replay.
        last_step: where to stop, itself not included.
        rank: of this process.
        world_size: number of ranks.
        workers: loader processes; 0 loads in this one.
        labelled: False leaves the maps out: an unlabelled target's are not even read.
        pin: put batches where a GPU copies them from by itself.

    Raises:
        ProblemError: no clip has T frames, or one cannot be read any more.
    """
    _require_long_enough(store.manifest.corpus, clips, T)
    store.hold(eligible(clips, T)[0], labelled=labelled)
    layout = _Layout(batch, T, *store.size, labelled)
    # Two batches per worker are on their way, one is handed over, and the one before may still be held.
    shared = _Shared(layout, 2 * workers + 2 if workers else 0)
    steps = _Steps(store, list(clips), layout, seed, rank * batch, shared.memory)
    for loaded in DataLoader(
        steps,
        batch_size=None,
        sampler=((step, shared.take()) for step in range(first_step, last_step)),
        num_workers=workers,
        collate_fn=_unchanged,
        # Starting to load would otherwise draw from PyTorch's own generator, and shift the dropout of a
        # training that goes on against that of one that was never interrupted.
        generator=torch.Generator(),
    ):
        if isinstance(loaded, ProblemError):
            raise loaded
        found = shared.lend(loaded) if isinstance(loaded, _Shipped) else loaded
        yield found.pin_memory() if pin else found


def validation_batches(
    store: FrameStore,
    clips: Sequence[Clip],
    *,
    T: int,
    batch: int,
    per_clip: int,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[ClipBatch]:
    """Yield this rank's share of the fixed validation windows; the last batch may be smaller.

    Windows are dealt out in turn, so that every rank has its share of every clip's length.
    """
    store.hold(eligible(clips, T)[0])
    windows = validation_windows(clips, T, per_clip)[rank::world_size]
    for i in range(0, len(windows), batch):
        yield load(store, clips, windows[i : i + batch], T)


def load(
    store: FrameStore,
    clips: Sequence[Clip],
    windows: Sequence[Window],
    T: int,
    *,
    labelled: bool = True,
    memory: torch.Tensor | None = None,
) -> ClipBatch:
    """Load windows of clips as one batch, in the memory given (uint8, as much as it takes) or its own."""
    layout = _Layout(len(windows), T, *store.size, labelled)
    frames, maps = layout.split(torch.empty(layout.size, dtype=torch.uint8) if memory is None else memory)
    for slot, window in enumerate(windows):
        clip, end = clips[window.clip_index], window.start + T
        store.read_frames(clip, window.start, T, frames[slot].numpy())
        if maps is not None:
            store.read_maps(clip, end - 1, 1, maps[slot : slot + 1].numpy())
    flips = torch.tensor([window.flip for window in windows])
    keys = [f"{clips[w.clip_index].clip}@{w.start}{'~' * w.flip}" for w in windows]
    return ClipBatch(frames, maps, flips, keys)


def _mirrored(images: torch.Tensor, flips: torch.Tensor, dim: int) -> torch.Tensor:
    """Return images (B, …) of which some are mirrored along a dimension, without waiting for the device."""
    return torch.where(flips.view(-1, *[1] * (images.ndim - 1)), images.flip(dim), images)


def _require_long_enough(corpus: str, clips: Sequence[Clip], T: int) -> None:
    longest = max((clip.n_frames for clip in clips), default=0)
    if longest < T:
        where = f"training clips of {corpus}"
        found = f"{len(clips)} clips, the longest of {longest}"
        raise ProblemError(Problem(where, f"one of at least {T} frames", found, "Shorten the clip length."))


@dataclass(frozen=True)
class _Layout:
    """How a batch lies in one piece of memory: its clips, then its maps."""

    batch: int
    T: int
    height: int
    width: int
    labelled: bool

    @property
    def size(self) -> int:
        """Bytes."""
        return self.batch * self.height * self.width * (3 * self.T + self.labelled)

    def split(self, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return clips and maps as views of uint8 (size,)."""
        size = self.batch * self.T * self.height * self.width * 3
        clips = memory[:size].view(self.batch, self.T, self.height, self.width, 3)
        return clips, memory[size:].view(self.batch, self.height, self.width) if self.labelled else None


@dataclass(frozen=True)
class _Shipped:
    """What a loader process sends of a batch that lies in shared memory."""

    piece: int
    flips: list[bool]
    keys: list[str]


class _Shared:
    """Memory in which loader processes leave batches, used again when nobody holds its batch any more.

    Memory shared anew for each batch, as the loader does by itself, is 2.5 times slower: its page faults take
    longer than reading.

    Args:
        layout: of each batch.
        pieces: batches that there is memory for; what is loaded beyond, as batches are kept, is sent as
            tensors of its own.
    """

    def __init__(self, layout: _Layout, pieces: int) -> None:
        self._layout = layout
        self.memory = [torch.empty(layout.size, dtype=torch.uint8).share_memory_() for _ in range(pieces)]
        self._free = deque(range(pieces))

    def take(self) -> int | None:
        """Return a piece to load the next batch into, if there is one."""
        return self._free.popleft() if self._free else None

    def lend(self, shipped: _Shipped) -> ClipBatch:
        """Return a batch; when its last tensor is gone, its memory is free."""
        view = self.memory[shipped.piece].numpy()[:]
        weakref.finalize(view, self._free.append, shipped.piece).atexit = False
        clips, maps = self._layout.split(torch.from_numpy(view))
        return ClipBatch(clips, maps, torch.tensor(shipped.flips), shipped.keys)


@dataclass
class _Steps(Dataset):
    """Micro-batches by step: item i depends on i alone, so samplers and workers may ask in any order."""

    store: FrameStore
    clips: list[Clip]
    layout: _Layout
    seed: int
    first_slot: int
    memory: list[torch.Tensor]

    def __post_init__(self) -> None:
        self._lengths = np.array([clip.n_frames for clip in self.clips])

    def __getitem__(self, item: tuple[int, int | None]) -> ClipBatch | _Shipped | ProblemError:
        """Load the batch of a step, into a piece of shared memory or its own."""
        step, piece = item
        corpus, T = self.store.manifest.corpus, self.layout.T
        slots = range(self.first_slot, self.first_slot + self.layout.batch)
        windows = [draw_window(self.seed, corpus, step, slot, lengths=self._lengths, T=T) for slot in slots]
        memory = None if piece is None else self.memory[piece]
        try:
            batch = load(self.store, self.clips, windows, T, labelled=self.layout.labelled, memory=memory)
        except ProblemError as error:  # raised across processes it would lose its problems
            return error
        return batch if piece is None else _Shipped(piece, batch.flips.tolist(), batch.keys)


def _unchanged(loaded: ClipBatch | _Shipped | ProblemError) -> ClipBatch | _Shipped | ProblemError:
    """Keep what was loaded as it is; at module level because spawned workers pickle it."""
    return loaded
