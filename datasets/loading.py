"""Batches of clips for training and validation, the same whatever the number of loaders and ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from datasets.frame_store import FrameStore
from datasets.windows import Window, draw_window, validation_windows
from manifests import Clip, Problem, ProblemError


@dataclass(frozen=True)
class ClipBatch:
    """Windows as the loaders ship them: bytes, normalised on the device (a quarter of the traffic)."""

    clips: torch.Tensor
    """uint8 (B, T, H, W, 3), RGB."""
    maps: torch.Tensor | None
    """uint8 (B, H, W): the saliency map of each window's last frame; None when loaded without labels."""
    keys: list[str]
    """Which windows: ``clip@start``, with ``~`` when mirrored."""


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

    Raises:
        ProblemError: no clip has T frames.
    """
    _require_long_enough(store.manifest.corpus, clips, T)
    steps = _Steps(store, list(clips), T, batch, seed, rank * batch, labelled)
    yield from DataLoader(
        steps,
        batch_size=None,
        sampler=range(first_step, last_step),
        num_workers=workers,
        collate_fn=_unchanged,
        # Starting to load would otherwise draw from PyTorch's own generator, and shift the dropout of a
        # training that goes on against that of one that was never interrupted.
        generator=torch.Generator(),
    )


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
    windows = validation_windows(clips, T, per_clip)[rank::world_size]
    for i in range(0, len(windows), batch):
        yield load(store, clips, windows[i : i + batch], T)


def load(
    store: FrameStore, clips: Sequence[Clip], windows: Sequence[Window], T: int, *, labelled: bool = True
) -> ClipBatch:
    """Load windows of clips as one batch."""
    height, width = store.size
    frames = np.empty((len(windows), T, height, width, 3), np.uint8)
    maps = np.empty((len(windows), height, width), np.uint8) if labelled else None
    for slot, window in enumerate(windows):
        clip, end = clips[window.clip_index], window.start + T
        columns = slice(None, None, -1 if window.flip else 1)
        frames[slot] = store.frames(clip)[window.start : end, :, columns]
        if maps is not None:
            maps[slot] = store.maps(clip)[end - 1, :, columns]
    keys = [f"{clips[w.clip_index].clip}@{w.start}{'~' * w.flip}" for w in windows]
    return ClipBatch(torch.from_numpy(frames), None if maps is None else torch.from_numpy(maps), keys)


def _require_long_enough(corpus: str, clips: Sequence[Clip], T: int) -> None:
    longest = max((clip.n_frames for clip in clips), default=0)
    if longest < T:
        where = f"training clips of {corpus}"
        found = f"{len(clips)} clips, the longest of {longest}"
        raise ProblemError(Problem(where, f"one of at least {T} frames", found, "Shorten the clip length."))


@dataclass
class _Steps(Dataset):
    """Micro-batches by step: item i depends on i alone, so samplers and workers may ask in any order."""

    store: FrameStore
    clips: list[Clip]
    T: int
    batch: int
    seed: int
    first_slot: int
    labelled: bool

    def __post_init__(self) -> None:
        self._lengths = np.array([clip.n_frames for clip in self.clips])

    def __getitem__(self, step: int) -> ClipBatch:
        corpus = self.store.manifest.corpus
        slots = range(self.first_slot, self.first_slot + self.batch)
        windows = [
            draw_window(self.seed, corpus, step, slot, lengths=self._lengths, T=self.T) for slot in slots
        ]
        return load(self.store, self.clips, windows, self.T, labelled=self.labelled)


def _unchanged(batch: ClipBatch) -> ClipBatch:
    """Keep a batch as loaded; at module level because spawned workers pickle it."""
    return batch
