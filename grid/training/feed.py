"""What a training reads: its corpora's windows, in turn, as the model takes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from datasets.frame_store.store import FrameStore
from datasets.loading.batches import ClipBatch, training_batches, validation_batches
from datasets.loading.windows import draw_half, eligible
from hd2s.prediction.predictor import normalise
from hd2s.training.iteration import Drawn
from hd2s.training.protocol import find_protocol
from hd2s.training.turns import MicroBatch, take_turns, turns_taken
from manifests.schema import Clip
from manifests.store import open_manifest


@dataclass(frozen=True)
class Feed:
    """The clips of one training on one of its workers.

    Args:
        spec: as in `grid.plan.Training`.
        manifests: corpus -> (folder of the manifest, root of the files or None for the manifest's own).
        frames: the folder of decoded frames.
        frames_limit: bytes that they may take; None for no bound.
        loader_workers: processes that read clips.
        device: where batches go.
        rank: of this worker.
    """

    spec: Mapping[str, Any]
    manifests: Mapping[str, tuple[str, str | None]]
    frames: str
    frames_limit: int | None
    loader_workers: int
    device: torch.device
    rank: int

    def micro_batches(self, done: int) -> Iterator[Drawn]:
        """Yield the micro-batches that follow the first `done` of this worker's."""
        streams = {
            key: [
                self._stream(corpus, turns_taken(done, place, len(corpora)), labelled=key == "labelled")
                for place, corpus in enumerate(corpora)
            ]
            for key in ("labelled", "unlabelled")
            for corpora in [[entry["corpus"] for entry in self.spec[key]]]
        }
        return take_turns(streams["labelled"], streams["unlabelled"], done)

    def validation(self, step: int) -> Iterator[MicroBatch]:
        """Yield this worker's share of the validation windows after so many iterations."""
        (entry,) = self.spec["validation"]
        store, train = self._store(entry["corpus"]), self.spec["train"]
        clips = self._long_enough(store, "val")
        if find_protocol(train["protocol"]).validation == "random half" and not self.spec["unlabelled"]:
            clips = draw_half(clips, self.spec["seed"], entry["corpus"], step)
        batches = validation_batches(
            store,
            clips,
            T=self.spec["model"]["clip_length"],
            batch=train["micro_batch"],
            per_clip=train["validation_windows"],
            rank=self.rank,
            world_size=train["world_size"],
        )
        return (self._as_taken(batch, entry["corpus"]) for batch in batches)

    def _stream(self, corpus: str, taken: int, *, labelled: bool) -> Iterator[MicroBatch]:
        store, train = self._store(corpus), self.spec["train"]
        batches = training_batches(
            store,
            self._long_enough(store, "train"),
            T=self.spec["model"]["clip_length"],
            batch=train["micro_batch"],
            seed=self.spec["seed"],
            first_step=taken,
            last_step=train["iterations"] * train["accumulate"] // train["world_size"],
            rank=self.rank,
            world_size=train["world_size"],
            workers=self.loader_workers,
            labelled=labelled,
            pin=self.device.type == "cuda",
        )
        return (self._as_taken(batch, corpus) for batch in batches)

    def _as_taken(self, batch: ClipBatch, corpus: str) -> MicroBatch:
        batch = batch.to(self.device)
        maps = None if batch.maps is None else batch.maps[:, 0].float() / 255
        keys = [f"{corpus}/{key}" for key in batch.keys]
        return MicroBatch(normalise(batch.clips), maps, keys, domain_of(self.spec["model"], corpus))

    def _store(self, corpus: str) -> FrameStore:
        folder, root = self.manifests[corpus]
        size = self.spec["model"]["height"], self.spec["model"]["width"]
        return FrameStore(Path(self.frames), open_manifest(Path(folder), root), size, self.frames_limit)

    def _long_enough(self, store: FrameStore, split: str) -> list[Clip]:
        return eligible(store.manifest.clips(split), self.spec["model"]["clip_length"])[0]


def domain_of(model: Mapping[str, Any], corpus: str) -> str | None:
    """Return the corpus for a model that has layers of its own for it; None for any other model."""
    return corpus if corpus in model.get("domains", ()) else None
