"""Windows of clips as one batch of bytes: loaded, and mirrored where they are used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from datasets.frame_store.store import FrameStore
from datasets.loading.batch_memory import BatchLayout
from datasets.loading.fixation_counts import FixationReader
from datasets.loading.windows import Window, WindowShape
from manifests import Clip


@dataclass(frozen=True)
class ClipBatch:
    """Windows as the loaders ship them: bytes as they lie on disk.

    Mirrored and normalised on the device (`to`): that is a quarter of the traffic, and nothing beside a
    training step there.
    """

    clips: torch.Tensor
    """uint8 (B, T, H, W, 3), RGB."""
    maps: torch.Tensor | None
    """uint8 (B, A, H, W): the saliency maps of each window's answered frames, at the store's size of maps.
    None when loaded without labels."""
    flips: torch.Tensor
    """bool (B,): which windows and maps are still to be mirrored left to right."""
    keys: list[str]
    """Which windows: ``clip@start``, with ``~`` when mirrored."""
    fixations: torch.Tensor | None = None
    """uint8 (B, A, H, W): how many fixations fall into each pixel of frames with maps; None unless asked."""

    def to(self, device: torch.device | str) -> ClipBatch:
        """Return the batch on a device, with what was to be mirrored mirrored there."""
        flips = self.flips.to(device, non_blocking=True)
        clips = _mirrored(self.clips.to(device, non_blocking=True), flips, dim=3)
        maps, fixations = (
            None if images is None else _mirrored(images.to(device, non_blocking=True), flips, dim=3)
            for images in (self.maps, self.fixations)
        )
        return ClipBatch(clips, maps, torch.zeros_like(flips), self.keys, fixations)

    def pin_memory(self) -> ClipBatch:
        """Return the batch in memory from which a GPU copies by itself."""
        maps, fixations = (
            None if images is None else images.pin_memory() for images in (self.maps, self.fixations)
        )
        return ClipBatch(self.clips.pin_memory(), maps, self.flips.pin_memory(), self.keys, fixations)


def load(
    store: FrameStore,
    clips: Sequence[Clip],
    windows: Sequence[Window],
    shape: WindowShape,
    *,
    labelled: bool = True,
    memory: torch.Tensor | None = None,
    counted: FixationReader | None = None,
) -> ClipBatch:
    """Load windows of clips as one batch, in the memory given (uint8, as much as it takes) or its own."""
    layout = BatchLayout(len(windows), shape, *store.size, labelled, counted is not None, store.map_size)
    frames, maps, fixations = layout.split(
        torch.empty(layout.size, dtype=torch.uint8) if memory is None else memory
    )
    for slot, window in enumerate(windows):
        clip, start = clips[window.clip_index], window.start
        read, first = _Reads(clip, shape.step), start + shape.answered.start * shape.step
        read(store.read_frames, start, frames[slot])
        if maps is not None:
            read(store.read_maps, first, maps[slot])
        if counted and fixations is not None:
            read(counted.read, first, fixations[slot])
    flips = torch.tensor([window.flip for window in windows])
    keys = [f"{clips[w.clip_index].clip}@{w.start}{'~' * w.flip}" for w in windows]
    return ClipBatch(frames, maps, flips, keys, fixations)


@dataclass(frozen=True)
class _Reads:
    """Fills in what a window has of a clip; of a photograph there is one, which is copied."""

    clip: Clip
    step: int

    def __call__(self, read: Callable[..., object], first: int, out: torch.Tensor) -> None:
        if self.clip.media == "image":
            read(self.clip, 0, 1, out[:1].numpy())
            out[1:] = out[0]
        else:
            read(self.clip, first, len(out), out.numpy(), step=self.step)


def _mirrored(images: torch.Tensor, flips: torch.Tensor, dim: int) -> torch.Tensor:
    """Return images (B, …) of which some are mirrored along a dimension, without waiting for the device."""
    return torch.where(flips.view(-1, *[1] * (images.ndim - 1)), images.flip(dim), images)
