"""The maps of a model's inner levels side by side, as `predict --conspicuity` writes them (HD2S Fig. 6)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import numpy as np

from hd2s.commands.sources import Source
from hd2s.commands.writers import open_writer
from hd2s.prediction.overlay import stretched
from hd2s.prediction.predictor import Predictor

_GAP = 2  # pixels between maps


def require_conspicuity(predictor: Predictor, source: Source) -> None:
    """Look at a frame of a source, before all of them take their time.

    Raises:
        ValueError: the model has no auxiliary maps.
    """
    frame = islice(source.as_seen(predictor.input, predictor.protocol.resizing), 1)
    if not all(auxiliary for _, auxiliary in predictor.inner_maps(frame)):
        title = predictor.model.declaration.title
        raise ValueError(f"--conspicuity: {title} has no maps of inner levels")


def write_conspicuity(
    predictor: Predictor, source: Source, kind: str, place: Path, advance: Callable[[], None]
) -> list[str]:
    """Write each frame's auxiliary maps and its saliency map, at the model's size, each `stretched`.

    Args:
        predictor: of the model.
        source: whose frames.
        kind: png, mp4 or gif.
        place: the file, or the folder of PNG files.
        advance: called after each frame.

    Returns:
        The names of the maps, from the left.
    """
    names: list[str] = []
    with ExitStack() as stack:
        writer = None
        frames = source.as_seen(predictor.input, predictor.protocol.resizing)
        for saliency, auxiliary in predictor.inner_maps(frames):
            strip = _strip([*auxiliary.values(), saliency])
            if writer is None:
                names = [*auxiliary, "saliency"]
                writer = open_writer(kind, place, strip.shape, source.rate, stack)
            writer.write(strip)
            advance()
    return names


def _strip(maps: list[np.ndarray]) -> np.ndarray:
    """Return maps (H, W) side by side, uint8, with even sides, as players of videos expect."""
    gap = np.full((maps[0].shape[0], _GAP), 255, np.uint8)
    parts = [part for each in maps for part in (stretched(each), gap)]
    return np.hstack(parts)
