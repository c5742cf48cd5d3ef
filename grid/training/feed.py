"""What a training reads: its corpora's windows, in turn, as the model takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from datasets.frame_store.store import FrameStore
from datasets.loading.batches import all_maps, training_batches, validation_batches
from datasets.loading.clip_batch import ClipBatch
from datasets.loading.fixation_counts import Rescaling
from datasets.loading.windows import Drawing, Sampling, Starts, draw_half, eligible
from datasets.resizing import Size, framed
from grid.plan import unlabelled_splits
from grid.plan.size_groups import by_size, whole_batches
from grid.training.job import Job
from hd2s.approaches.contract import MicroBatch
from hd2s.models.config import Input
from hd2s.models.contract import SaliencyModel
from hd2s.training.turns import Drawn, Turns, take_turns, worker_turns
from manifests.clips import stills
from manifests.schema import Clip


@dataclass(frozen=True)
class WholeClip:
    """A clip to be read from its beginning, a few frames at a time."""

    store: FrameStore
    clip: Clip
    at_a_time: int

    def frames(self) -> Iterator[np.ndarray]:
        """Yield each frame: uint8 (H, W, 3), RGB."""
        for start, count in self._pieces():
            yield from self.store.read_frames(self.clip, start, count)

    def maps(self) -> Iterator[torch.Tensor]:
        """Yield each saliency map: float32 (H, W) from 0 to 1."""
        for start, count in self._pieces():
            yield from torch.from_numpy(self.store.read_maps(self.clip, start, count)).float() / 255

    def _pieces(self) -> Iterator[tuple[int, int]]:
        n = self.clip.n_frames
        return ((start, min(self.at_a_time, n - start)) for start in range(0, n, self.at_a_time))


class Feed:
    """The clips of one training on one of its workers.

    Args:
        job: the training.
        model: which normalises them.
        device: where batches go.
        rank: of this worker.
    """

    def __init__(self, job: Job, model: SaliencyModel, device: torch.device, rank: int) -> None:
        self.job, self.model, self.device, self.rank = job, model, device, rank
        self.spec, self.train = job.spec, job.spec.train

    def micro_batches(self, iteration: int) -> Iterator[Drawn]:
        """Yield this worker's micro-batches from an iteration on, counted from 0."""
        train = self.train
        done, last = iteration * train.accumulate, train.iterations * train.accumulate
        orders = (
            Turns(len(self.spec.labelled), self.spec.shares, self.spec.seed),
            Turns(len(self.spec.unlabelled)),
        )
        labelled, unlabelled = (
            [
                self._stream(entry.corpus, done, (place, order), labelled=labelled)
                for place, entry in enumerate(entries)
            ]
            for entries, labelled, order in (
                (self.spec.labelled, True, orders[0]),
                (self.spec.unlabelled, False, orders[1]),
            )
        )
        turns = worker_turns(done, last, train.accumulate, self.rank, train.world_size)
        return take_turns(labelled, unlabelled, turns, orders[0])

    def validation(self, corpus: str, step: int) -> Iterator[MicroBatch]:
        """Yield this worker's share of a corpus' validation windows after so many iterations.

        Raises:
            ValueError: the training validates on whole clips.
        """
        if self.train.validation_windows is None:
            raise ValueError("this training validates on whole clips")
        options = {
            **self._window(corpus),
            "batch": self.train.micro_batch,
            "per_clip": self.train.validation_windows,
            "starts": cast(Starts, self.train.validation_starts),
            "rank": self.rank,
            "world_size": self.train.world_size,
            "fixations": self._fixations(),
        }
        groups = self._validated(corpus, step)
        batches = chain.from_iterable(validation_batches(*group, **options) for group in groups)
        return (self._as_taken(batch, corpus) for batch in batches)

    def validation_clips(self, corpus: str, step: int) -> Iterator[WholeClip]:
        """Yield this worker's share of a corpus' validation clips, whole, after so many iterations."""
        for store, clips in self._validated(corpus, step, whole=True):
            store.hold(clips)
            share = clips[self.rank :: self.train.world_size]
            yield from (WholeClip(store, clip, self.train.micro_batch) for clip in share)

    def maps(self) -> Iterator[torch.Tensor]:
        """Yield every map of the sources' training clips once, uint8 (n, H, W) each time."""
        for entry in self.spec.labelled:
            store = self._store(entry.corpus, self.train.resizing)
            yield from all_maps(store, self._long_enough(store, "train"), self.train.micro_batch)

    def _stream(
        self, corpus: str, done: int, turns: tuple[int, Turns], *, labelled: bool
    ) -> Iterator[MicroBatch]:
        (place, order), train = turns, self.train
        splits = ("train",) if labelled else unlabelled_splits(corpus, train.unlabelled_clips)
        clips = self._long_enough(self._store(corpus, train.resizing), *splits)
        batch = train.batch_of(bool(stills(clips).any()))
        groups = self._groups(corpus, train.resizing, clips)
        shares = whole_batches({store.size: found for store, found in groups}, batch)
        groups = [(store, found) for store, found in groups if store.size in shares]
        # Batches of several sizes come in an order of their own, as those of several sources do.
        sizes = Turns(len(groups), tuple(shares.values()) if len(groups) > 1 else (), self.spec.seed)
        steps = range(order.taken(done, place), order.taken(train.iterations * train.accumulate, place))

        def mine(step: int, number: int | None = None) -> bool:
            own = order.turn(step, place) % train.accumulate % train.world_size == self.rank
            return own and number in (None, sizes.place(step))

        batches = [
            training_batches(
                *group,
                **self._window(corpus),
                batch=batch,
                seed=self.spec.seed,
                first_step=steps.start,
                last_step=steps.stop,
                takes=partial(mine, number=number),
                workers=self.job.loader_workers if len(groups) == 1 else min(self.job.loader_workers, 1),
                labelled=labelled,
                fixations=self._fixations(),
                drawing=Drawing(
                    cast(Sampling, train.sampling), train.mirrored, partial(sizes.taken, place=number)
                ),
                pin=self.device.type == "cuda",
            )
            for number, group in enumerate(groups)
        ]
        for step in filter(mine, steps):
            yield self._as_taken(next(batches[sizes.place(step)]), corpus)

    def _as_taken(self, batch: ClipBatch, corpus: str) -> MicroBatch:
        batch = batch.to(self.device)
        maps = None if batch.maps is None else batch.maps.float() / 255
        fixations = None if batch.fixations is None else batch.fixations.float()
        return MicroBatch(
            self.model.normalise(batch.clips),
            maps,
            [f"{corpus}/{key}" for key in batch.keys],
            self.model.config.domain_of(corpus),
            fixations,
            corpus,
        )

    def _validated(
        self, corpus: str, step: int, *, whole: bool = False
    ) -> list[tuple[FrameStore, Sequence[Clip]]]:
        """Return the clips that a validation looks at, and where their frames are, by their sizes.

        Of whole clips maps are as large as frames, which is the size that they are predicted at.
        """
        resizing = self.spec.validation_resizing
        clips = self._long_enough(self._store(corpus, resizing), "val")
        if self.train.validation_clips == "random half":
            clips = draw_half(clips, self.spec.seed, corpus, step)
        groups = self._groups(corpus, resizing, clips)
        return [(replace(store, map_size=None), found) for store, found in groups] if whole else groups

    def _groups(
        self, corpus: str, resizing: str, clips: Sequence[Clip]
    ) -> list[tuple[FrameStore, Sequence[Clip]]]:
        """Return the clips of each size at which a corpus is shown, and where their frames are."""
        shown = self._shown(corpus)
        groups = by_size(clips, shown.size, shown.trained_sizes)
        return [(self._store(corpus, resizing, size), found) for size, found in groups.items()]

    def _fixations(self) -> Rescaling | None:
        return cast(Rescaling, self.train.fixations) if self.spec.needs_fixations else None

    def _shown(self, corpus: str) -> Input:
        return self.model.config.shown(corpus).input

    def _window(self, corpus: str) -> dict[str, Any]:
        shown = self._shown(corpus)
        answers = shown.answered(shown.frames)
        return {"T": shown.frames, "step": shown.step, "answers": answers, "photograph": shown.photograph}

    def _store(self, corpus: str, resizing: str, size: Size | None = None) -> FrameStore:
        manifest, shown = self.job.manifests[corpus].open(), self._shown(corpus)
        rule = framed(resizing, shown.framing)
        size = size or shown.size
        maps = shown.map_size(size)
        return FrameStore(Path(self.job.frames), manifest, size, self.job.frames_limit, rule, maps)

    def _long_enough(self, store: FrameStore, *splits: str) -> Sequence[Clip]:
        first, *others = map(store.manifest.clips, splits)
        clips = sum(others, start=first)
        return eligible(clips, self._shown(store.manifest.corpus).shortest)[0]
