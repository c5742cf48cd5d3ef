"""Pictures written as PNG files, H.264 video or GIF."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from PIL import Image

_GIF_WIDTH = 480  # pixels at most: a GIF is held in memory and grows fast


class Writer(Protocol):
    """Takes images one after the other; closing it finishes the file."""

    def write(self, image: np.ndarray) -> None:
        """Take the next image: uint8 (H, W) or (H, W, 3) RGB."""

    def close(self) -> None:
        """Finish."""


class PngFolder:
    """PNG files 0001.png, 0002.png, …, as the DHF1K benchmark numbers them.

    Those of an earlier run are removed first: of a longer video, they would pass for frames of this one.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob("*.png"):
            if stale.stem.isdecimal():
                stale.unlink()
        self._folder, self._count = folder, 0

    def write(self, image: np.ndarray) -> None:
        """Write the next file."""
        self._count += 1
        Image.fromarray(image).save(self._folder / f"{self._count:04d}.png", compress_level=1)

    def close(self) -> None:
        """Do nothing: every file is finished."""


class Mp4:
    """An H.264 video."""

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=rate, options={"crf": "18"})
        self._stream.height, self._stream.width = size
        # Players expect 4:2:0, which halves the colour's resolution: sides must be even for it.
        self._stream.pix_fmt = "yuv444p" if size[0] % 2 or size[1] % 2 else "yuv420p"

    def write(self, image: np.ndarray) -> None:
        """Encode the next frame."""
        frame = av.VideoFrame.from_ndarray(image, format="rgb24" if image.ndim == 3 else "gray")
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Encode what the encoder still holds, and finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()


class Gif:
    """A looping GIF, at most 480 pixels wide."""

    def __init__(self, path: Path, rate: Fraction):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rate, self._frames = path, rate, []

    def write(self, image: np.ndarray) -> None:
        """Keep the next frame, with a palette of its own."""
        frame = Image.fromarray(image)
        frame.thumbnail((_GIF_WIDTH, _GIF_WIDTH * frame.height))
        self._frames.append(frame.convert("P", palette=Image.Palette.ADAPTIVE))

    def close(self) -> None:
        """Write the file."""
        if self._frames:
            first, *others = self._frames
            options = {"duration": float(1000 / self._rate), "loop": 0}
            first.save(self._path, format="GIF", save_all=True, append_images=others, **options)


@contextmanager
def finished(path: Path) -> Iterator[Path]:
    """Give a path to write to, and put what was written in its place only when all went well."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
