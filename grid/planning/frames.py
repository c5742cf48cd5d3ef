"""The frames that a grid's trainings read, decoded before the first of them waits for a GPU."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from datasets.frame_store.store import FrameStore
from grid.plan import Read, Training
from grid.planning.prepare import Grid
from grid.results import output_folder
from manifests.folds import folded
from manifests.problem import ProblemError, counted
from manifests.schema import Clip

_SECONDS_BETWEEN_NOTES = 5.0


@contextmanager
def decoded(
    grid: Grid, trainings: Collection[Training], tell: Callable[[str], None], *, here: bool
) -> Iterator[dict[str, str]]:
    """Fill the frame store for these trainings, on all processors of this machine, and hold it for the block.

    What is there already is left alone, and what there is no room for is decoded whenever it is asked for.

    Args:
        grid: the grid.
        trainings: those to come.
        tell: hears of each corpus begun and of the clips decoded.
        here: this machine trains too.

    Yields:
        Training → why it cannot be done: clips that it reads are no longer what was indexed.
    """
    broken: dict[str, str] = {}
    if grid.storage.url and not here:
        # What this machine has is not seen by those that train: each decodes for itself (`fill`).
        yield broken
        return
    # A store holds what it has built from eviction for as long as it exists.
    stores: list[FrameStore] = []
    for place, labelled in _needed(trainings).items():
        store, clips = _store(grid, place)
        stores.append(store)
        try:
            _fill(store, clips, labelled, tell)
        except ProblemError as error:
            readers = [training.id for training in trainings if place in training.reads]
            broken |= {unit: f"{broken.get(unit, '')}{error}\n" for unit in readers}
    yield broken


def _fill(store: FrameStore, clips: Sequence[Clip], labelled: bool, tell: Callable[[str], None]) -> None:
    estimate = store.estimate(clips, labelled=labelled)
    if not estimate.clips:
        store.hold(clips, labelled=labelled)
        return
    doing, told = f"decoding frames of {store.manifest.corpus}", time.monotonic()
    tell(f"{doing}: {estimate}")

    def progress(done: int, total: int, clip: Clip) -> None:
        nonlocal told
        if time.monotonic() - told > _SECONDS_BETWEEN_NOTES:
            told = time.monotonic()
            tell(f"{doing}: {done:,} of {counted(total, 'clip')}, the last {clip.clip}")

    workers = estimate.workers(os.cpu_count() or 1)
    store.build(clips, workers=workers, labelled=labelled, progress=progress)


def missing(grid: Grid, trainings: Collection[Training]) -> int:
    """Return the bytes that `decoded` would add for these trainings."""
    size, bound = 0, limit(grid)
    for place, labelled in _needed(trainings).items():
        store, clips = _store(grid, place)
        size += store.estimate(clips, labelled=labelled).size
    return size if bound is None else min(size, bound)


def folder(grid: Grid) -> Path:
    """Where decoded frames lie."""
    place = grid.config.frames.folder
    return Path(place).resolve() if place else grid.storage.path(output_folder.FRAMES)


def limit(grid: Grid) -> int | None:
    """Bytes that they may take; None for no bound but the disk's."""
    gib = grid.config.frames.limit_gib
    return None if gib is None else int(gib * 2**30)


def _store(grid: Grid, place: Read) -> tuple[FrameStore, Sequence[Clip]]:
    """Return the store of a corpus, and the clips of it that are read."""
    manifest, size = folded(grid.manifests[place.corpus], place.fold), (place.height, place.width)
    store = FrameStore(folder(grid), manifest, size, limit(grid), place.resizing, place.map_size)
    return store, place.among(manifest.clips(place.split))


def _needed(trainings: Iterable[Training]) -> dict[Read, bool]:
    """Return what the trainings read, each once, and whether any of them reads its maps."""
    needed: dict[Read, bool] = {}
    for training in trainings:
        for place, labelled in training.reads.items():
            needed[place] = needed.get(place, False) or labelled
    return needed
