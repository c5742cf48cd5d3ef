"""The models behind a table's cells, opened from their checkpoints, and what they say of single frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from datasets.corpora.saliency_maps import MapReader
from datasets.reading.video import iter_frames, read_frames
from datasets.remote import at_hand
from grid.outputs.figures.contract import Subject
from grid.plan import Cell
from hd2s.models.config import Input
from hd2s.models.contract import SaliencyModel
from hd2s.prediction.open_checkpoint import open_checkpoint
from hd2s.prediction.predictor import Predictor
from hd2s.prediction.windows import reflected
from manifests.schema import Clip
from manifests.store import Manifest


class Maps(NamedTuple):
    """Of one frame: a model's saliency map, and its auxiliary maps by name, float32 (H, W)."""

    saliency: np.ndarray
    auxiliary: dict[str, np.ndarray]


class Place(NamedTuple):
    """A frame of a clip, counted from 0."""

    clip: Clip
    frame: int


def trained(subject: Subject, cell: Cell) -> bool:
    """Whether a cell's weights are there."""
    return subject.results.ledger.training_done(cell.training)


def open_model(subject: Subject, cell: Cell) -> SaliencyModel:
    """Open a cell's checkpoint; hold one at a time, since each is of 100 MB and more."""
    ledger = subject.results.ledger
    result = ledger.read_training(cell.training)
    if result is None:
        raise ValueError(f"{cell.training} is not trained")
    return open_checkpoint(ledger.storage.fetch(result.summary["checkpoint"]))


def maps_of(subject: Subject, cell: Cell, places: Sequence[Place]) -> Iterator[Maps]:
    """Yield what a cell's model says of each frame, as in its test."""
    manifest = subject.material.manifests[cell.test]
    model = open_model(subject, cell)
    protocol = subject.results.plan.evaluations[cell.evaluation].spec.protocol
    predictor = Predictor(
        model,
        batch=1,
        domain=model.config.domain_of(cell.test),
        method="plain",
        **{k: v for k, v in protocol.tested.predictor_options.items() if k != "precision"},
    )
    for clip, frame in places:
        start, stop = _seen(predictor.input, clip.n_frames, frame)
        size = predictor.input.predicted_size((clip.height, clip.width), still=clip.n_frames == 1)
        with at_hand(manifest.root, clip, "frames") as media:
            frames = iter_frames(media, clip, size, start, stop - start, resizing=predictor.protocol.resizing)
            yield Maps(*next(predictor.inner_maps(frames, frame - start)))


def _seen(input: Input, n_frames: int, frame: int) -> tuple[int, int]:
    """Return the first frame that has a part in a frame's map, and the one behind the last.

    Of a model that answers every frame of its windows it may be all before, as far as its window goes on.
    """
    if input.answers == "every":
        block = input.frames * input.step
        return 0, min(n_frames, (frame // block + 1) * block)
    if input.answers == "middle":
        before, behind = input.around
        seen = reflected(np.arange(frame - before, frame + behind + 1), n_frames)
        return int(seen.min()), int(seen.max()) + 1
    if frame >= input.span - 1:
        return frame - input.span + 1, frame + 1
    # The head's windows are what follows, reflected in clips that are shorter.
    return 0, min(n_frames, 2 * input.span - 1)


def picture(manifest: Manifest, place: Place) -> np.ndarray:
    """Return a frame as it is, uint8 (H, W, 3)."""
    with at_hand(manifest.root, place.clip, "frames") as media:
        return read_frames(media, place.clip, start=place.frame, count=1)[0]


def truth(manifest: Manifest, place: Place) -> np.ndarray:
    """Return people's map of a frame, uint8 (H, W)."""
    with at_hand(manifest.root, place.clip, "maps") as maps:
        return MapReader(manifest).read(place.clip, place.frame, maps)
