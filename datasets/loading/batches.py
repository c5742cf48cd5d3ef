"""Batches of clips for training and validation, the same whatever the number of loaders and ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datasets.frame_store.store import FrameStore
from datasets.loading.batch_memory import BatchLayout, SharedBatches
from datasets.loading.windows import (
    Answers,
    Window,
    WindowShape,
    draw_window,
    eligible,
    validation_windows,
)
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
    """uint8 (B, A, H, W): the saliency maps of each window's last frame (A = 1), or of every one (A = T).
    None when loaded without labels."""
    flips: torch.Tensor
    """bool (B,): which windows and maps are still to be mirrored left to right."""
    keys: list[str]
    """Which windows: ``clip@start``, with ``~`` when mirrored."""

    def to(self, device: torch.device | str) -> ClipBatch:
        """Return the batch on a device, with what was to be mirrored mirrored there."""
        flips = self.flips.to(device, non_blocking=True)
        clips = _mirrored(self.clips.to(device, non_blocking=True), flips, dim=3)
        maps = self.maps
        if maps is not None:
            maps = _mirrored(maps.to(device, non_blocking=True), flips, dim=3)
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
    step: int = 1,
    answers: Answers = "last",
    batch: int,
    seed: int,
    first_step: int = 0,
    last_step: int,
    rank: int = 0,
    world_size: int = 1,
    takes: Callable[[int], bool] = lambda step: True,
    workers: int = 0,
    labelled: bool = True,
    pin: bool = False,
) -> Iterator[ClipBatch]:
    """Yield this rank's micro-batches of the steps ``first_step … last_step - 1``.

    The global micro-batch has ``batch * world_size`` slots, of which rank r takes those from ``r * batch``
    on: together the ranks see what one rank with the whole batch would.

    Args:
        store: frames and maps.
        clips: to draw from; those shorter than a window are never drawn.
        T: frames of a window.
        step: from one of them to the next, in frames of the clip.
        answers: whether the last of them has its map loaded, or every one.
        batch: windows per rank and step.
        seed: of the experiment.
        first_step: where to begin; resuming needs no replay.
        last_step: where to stop, itself not included.
        rank: of this process.
        world_size: number of ranks.
        takes: which of the steps are wanted; each batch depends on its step alone.
        workers: loader processes; 0 loads in this one.
        labelled: False leaves the maps out: an unlabelled target's are not even read.
        pin: put batches where a GPU copies them from by itself.

    Raises:
        ProblemError: no clip has a whole window, one cannot be read any more, or memory cannot be shared.
    """
    shape = WindowShape(T, step, answers)
    _require_long_enough(store.manifest.corpus, clips, shape.span)
    store.hold(eligible(clips, T, step)[0], labelled=labelled)
    layout = BatchLayout(batch, shape, *store.size, labelled)
    shared = SharedBatches(layout, workers)
    steps = _Steps(store, list(clips), layout, seed, rank * batch, shared.memory)
    for loaded in DataLoader(
        steps,
        batch_size=None,
        sampler=((number, shared.take()) for number in range(first_step, last_step) if takes(number)),
        num_workers=workers,
        collate_fn=_unchanged,
        # Starting to load would otherwise draw from PyTorch's own generator, and shift the dropout of a
        # training that goes on against that of one that was never interrupted.
        generator=torch.Generator(),
    ):
        if isinstance(loaded, ProblemError):
            raise loaded
        found = loaded.received(shared) if isinstance(loaded, _Shipped) else loaded
        yield found.pin_memory() if pin else found


def validation_batches(
    store: FrameStore,
    clips: Sequence[Clip],
    *,
    T: int,
    step: int = 1,
    answers: Answers = "last",
    batch: int,
    per_clip: int,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[ClipBatch]:
    """Yield this rank's share of the fixed validation windows; the last batch may be smaller.

    Windows are dealt out in turn, so that every rank has its share of every clip's length.
    """
    store.hold(eligible(clips, T, step)[0])
    windows = validation_windows(clips, T, per_clip, step)[rank::world_size]
    for i in range(0, len(windows), batch):
        yield load(store, clips, windows[i : i + batch], WindowShape(T, step, answers))


def all_maps(store: FrameStore, clips: Sequence[Clip], batch: int) -> Iterator[torch.Tensor]:
    """Yield every saliency map of some clips once, in order of the clips and of their frames.

    No frame is read, and there are never more than `batch` maps in memory that have not been yielded.

    Args:
        store: maps are taken from it, made in it where it has room, and decoded where it has none.
        clips: whose maps are shipped, or made of fixations.
        batch: maps at a time; the last time, those that are left.

    Yields:
        uint8 (n, H, W), memory of its own.

    Raises:
        ProblemError: a clip cannot be read any more.
    """
    if batch < 1:
        raise ValueError(f"expected 1 map or more at a time, found {batch}")
    maps, filled = None, 0
    for clip in clips:
        start = 0
        while start < clip.n_frames:
            if maps is None:
                maps, filled = torch.empty((batch, *store.size), dtype=torch.uint8), 0
            count = min(batch - filled, clip.n_frames - start)
            store.read_maps(clip, start, count, maps[filled : filled + count].numpy())
            start, filled = start + count, filled + count
            if filled == batch:
                yield maps
                maps = None
    if maps is not None:
        yield maps[:filled]


def load(
    store: FrameStore,
    clips: Sequence[Clip],
    windows: Sequence[Window],
    shape: WindowShape,
    *,
    labelled: bool = True,
    memory: torch.Tensor | None = None,
) -> ClipBatch:
    """Load windows of clips as one batch, in the memory given (uint8, as much as it takes) or its own."""
    layout = BatchLayout(len(windows), shape, *store.size, labelled)
    frames, maps = layout.split(torch.empty(layout.size, dtype=torch.uint8) if memory is None else memory)
    unanswered = shape.length - shape.answered
    for slot, window in enumerate(windows):
        clip, start = clips[window.clip_index], window.start
        store.read_frames(clip, start, shape.length, frames[slot].numpy(), step=shape.step)
        if maps is not None:
            first = start + unanswered * shape.step
            store.read_maps(clip, first, shape.answered, maps[slot].numpy(), step=shape.step)
    flips = torch.tensor([window.flip for window in windows])
    keys = [f"{clips[w.clip_index].clip}@{w.start}{'~' * w.flip}" for w in windows]
    return ClipBatch(frames, maps, flips, keys)


def _mirrored(images: torch.Tensor, flips: torch.Tensor, dim: int) -> torch.Tensor:
    """Return images (B, …) of which some are mirrored along a dimension, without waiting for the device."""
    return torch.where(flips.view(-1, *[1] * (images.ndim - 1)), images.flip(dim), images)


def _require_long_enough(corpus: str, clips: Sequence[Clip], span: int) -> None:
    longest = max((clip.n_frames for clip in clips), default=0)
    if longest < span:
        where = f"training clips of {corpus}"
        found = f"{len(clips)} clips, the longest of {longest}"
        remedy = "Shorten the clip length."
        raise ProblemError(Problem(where, f"one of at least {span} frames", found, remedy))


@dataclass(frozen=True)
class _Shipped:
    """What a loader process sends of a batch that lies in shared memory."""

    piece: int
    flips: list[bool]
    keys: list[str]

    def received(self, shared: SharedBatches) -> ClipBatch:
        """Return the batch, in the memory that it lies in."""
        return ClipBatch(*shared.lend(self.piece), torch.tensor(self.flips), self.keys)


@dataclass
class _Steps(Dataset):
    """Micro-batches by step: item i depends on i alone, so samplers and workers may ask in any order."""

    store: FrameStore
    clips: list[Clip]
    layout: BatchLayout
    seed: int
    first_slot: int
    memory: list[torch.Tensor]

    def __post_init__(self) -> None:
        self._lengths = np.array([clip.n_frames for clip in self.clips])

    def __getitem__(self, item: tuple[int, int | None]) -> ClipBatch | _Shipped | ProblemError:
        """Load the batch of a step, into a piece of shared memory or its own."""
        step, piece = item
        corpus, shape = self.store.manifest.corpus, self.layout.shape
        slots = range(self.first_slot, self.first_slot + self.layout.batch)
        windows = [
            draw_window(self.seed, corpus, step, slot, lengths=self._lengths, span=shape.span)
            for slot in slots
        ]
        memory = None if piece is None else self.memory[piece]
        try:
            batch = load(self.store, self.clips, windows, shape, labelled=self.layout.labelled, memory=memory)
        except ProblemError as error:  # raised across processes it would lose its problems
            return error
        return batch if piece is None else _Shipped(piece, batch.flips.tolist(), batch.keys)


Loaded = TypeVar("Loaded")


def _unchanged(loaded: Loaded) -> Loaded:
    """Keep what was loaded as it is; at module level because spawned workers pickle it."""
    return loaded
