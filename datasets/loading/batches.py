"""Batches of clips for training and validation, the same whatever the number of loaders and ranks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from datasets.frame_store.store import FrameStore
from datasets.loading.batch_memory import BatchLayout, SharedBatches
from datasets.loading.clip_batch import ClipBatch, load
from datasets.loading.fixation_counts import FixationReader, Rescaling
from datasets.loading.windows import (
    DRAWN_ANEW,
    Drawing,
    Photograph,
    Starts,
    WindowShape,
    draw_window,
    eligible,
    place_in_pass,
    usable_among,
    validation_windows,
)
from datasets.resizing import framing_of
from manifests import Clip, Problem, ProblemError
from manifests.clips import lengths
from manifests.problem import counted


def training_batches(
    store: FrameStore,
    clips: Sequence[Clip],
    *,
    T: int,
    step: int = 1,
    answers: range | None = None,
    photograph: Photograph = "repeated",
    batch: int,
    seed: int,
    first_step: int = 0,
    last_step: int,
    rank: int = 0,
    world_size: int = 1,
    takes: Callable[[int], bool] = lambda step: True,
    workers: int = 0,
    labelled: bool = True,
    fixations: Rescaling | None = None,
    drawing: Drawing = DRAWN_ANEW,
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
        answers: which of them, in a row and counted from 0, have their maps loaded; None: the last alone.
        photograph: how photographs are shown; "alone" makes T = 1 of theirs.
        batch: windows per rank and step.
        seed: of the experiment.
        first_step: where to begin; resuming needs no replay.
        last_step: where to stop, itself not included.
        rank: of this process.
        world_size: number of ranks.
        takes: which of the steps are wanted; each batch depends on its step alone.
        workers: loader processes; 0 loads in this one.
        labelled: False leaves maps and fixations out: an unlabelled target's are not even read.
        fixations: bring those of the frames that have maps, rescaled by this rule.
        drawing: how windows are drawn; of several ranks by one order.
        pin: put batches where a GPU copies them from by itself.

    Raises:
        ProblemError: no clip has a whole window, one cannot be read any more, or memory cannot be shared.
    """
    shape = WindowShape(T, step, answers).showing(clips, photograph)
    _hold(store, clips, shape, labelled=labelled)
    layout = BatchLayout(batch, shape, *store.size, labelled, bool(fixations and labelled), store.map_size)
    shared = SharedBatches(layout, workers)
    steps = _Steps(store, clips, layout, seed, rank, world_size, shared.memory, fixations, drawing)
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
    answers: range | None = None,
    photograph: Photograph = "repeated",
    batch: int,
    per_clip: int,
    starts: Starts = "spread",
    rank: int = 0,
    world_size: int = 1,
    fixations: Rescaling | None = None,
) -> Iterator[ClipBatch]:
    """Yield this rank's share of the fixed validation windows; the last batch may be smaller.

    Windows are dealt out in turn, so that every rank has its share of every clip's length. Arguments of
    `training_batches`, and `per_clip` and `starts` of `validation_windows`.
    """
    counted = _reader(store, fixations)
    store.hold(eligible(clips, T, step)[0])
    windows = validation_windows(clips, T, per_clip, step, starts)[rank::world_size]
    shape = WindowShape(T, step, answers).showing(clips, photograph)
    for i in range(0, len(windows), batch):
        yield load(store, clips, windows[i : i + batch], shape, counted=counted)


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


def _reader(store: FrameStore, fixations: Rescaling | None) -> FixationReader | None:
    framing = framing_of(store.resizing)
    size = store.map_size or store.size
    return FixationReader(store.manifest, size, fixations, framing) if fixations else None


def _hold(store: FrameStore, clips: Sequence[Clip], shape: WindowShape, *, labelled: bool) -> None:
    """Keep what will be read from eviction.

    Raises:
        ProblemError: no clip has a whole window.
    """
    corpus, span = store.manifest.corpus, shape.span
    kept, _ = eligible(clips, shape.length, shape.step)
    if not kept:
        longest = max(lengths(clips), default=0)
        where = f"training clips of {corpus}"
        found = f"{counted(len(clips), 'clip')}, the longest of {longest}"
        remedy = "Shorten the clip length."
        raise ProblemError(Problem(where, f"one of at least {span} frames", found, remedy))
    store.hold(kept, labelled=labelled)


@dataclass(frozen=True)
class _Shipped:
    """What a loader process sends of a batch that lies in shared memory."""

    piece: int
    flips: list[bool]
    keys: list[str]

    def received(self, shared: SharedBatches) -> ClipBatch:
        """Return the batch, in the memory that it lies in."""
        clips, maps, fixations = shared.lend(self.piece)
        return ClipBatch(clips, maps, torch.tensor(self.flips), self.keys, fixations)


@dataclass
class _Steps(Dataset):
    """Micro-batches by step: item i depends on i alone, so samplers and workers may ask in any order."""

    store: FrameStore
    clips: Sequence[Clip]
    layout: BatchLayout
    seed: int
    rank: int
    world_size: int
    memory: list[torch.Tensor]
    fixations: Rescaling | None
    drawing: Drawing

    def __post_init__(self) -> None:
        shape = self.layout.shape
        self._lengths = shape.places(self.clips) + shape.span - 1
        self._usable = usable_among(self._lengths, shape.span)
        self._counted = _reader(self.store, self.fixations if self.layout.fixated else None)

    def __getitem__(self, item: tuple[int, int | None]) -> ClipBatch | _Shipped | ProblemError:
        """Load the batch of a step, into a piece of shared memory or its own."""
        step, piece = item
        corpus, shape = self.store.manifest.corpus, self.layout.shape
        among = partial(draw_window, lengths=self._lengths, span=shape.span, usable=self._usable)
        draw = partial(among, self.seed, corpus, step, mirrored=self.drawing.mirrored)
        slots = range(self.rank * self.layout.batch, (self.rank + 1) * self.layout.batch)
        windows = [draw(slot, place=self._place(step, slot)) for slot in slots]
        memory = None if piece is None else self.memory[piece]
        try:
            batch = load(
                self.store,
                self.clips,
                windows,
                shape,
                labelled=self.layout.labelled,
                memory=memory,
                counted=self._counted,
            )
        except ProblemError as error:  # raised across processes it would lose its problems
            return error
        return batch if piece is None else _Shipped(piece, batch.flips.tolist(), batch.keys)

    def _place(self, step: int, slot: int) -> int | None:
        """Return which usable clip a slot takes, where they are taken in passes."""
        if self.drawing.sampling == "anew" or not len(self._usable):
            return None
        corpus, number = self.store.manifest.corpus, self.drawing.number(step)
        of_all = {"clips": len(self._usable), "batch": self.layout.batch * self.world_size}
        return place_in_pass(self.seed, corpus, number, slot, **of_all)


Loaded = TypeVar("Loaded")


def _unchanged(loaded: Loaded) -> Loaded:
    """Keep what was loaded as it is; at module level because spawned workers pickle it."""
    return loaded
