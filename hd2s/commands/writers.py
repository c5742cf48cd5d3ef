"""Pictures written as PNG files, H.264 video or GIF."""

from __future__ import annotations

import math
import os
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hd2s.files import atomic_write

_OURS = "Software", "hd2s predict"
_GIF_END = b"!\xfe" + bytes([len(_OURS[1])]) + _OURS[1].encode() + b"\0;"  # a comment, and the end itself
_GIF_WIDTH = 480  # pixels at most: a GIF grows fast
_GIF_RATE = 50  # pictures a second at most: it counts in hundredths of one, and browsers take one for ten


class Writer(Protocol):
    """Takes images one after the other; closing it finishes the file."""

    def write(self, image: np.ndarray) -> None:
        """Take the next image: uint8 (H, W) or (H, W, 3) RGB."""

    def close(self) -> None:
        """Finish."""


class PngFolder:
    """PNG files 0001.png, 0002.png, …, as the DHF1K benchmark numbers them, which say what has written them.

    Those of an earlier run are removed first: of a longer video, they would pass for frames of this one.

    Raises:
        FileExistsError: others are there (`others_in`), which are left alone.
    """

    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        if others := others_in(folder):
            raise FileExistsError(f"{folder / others[0]}: not written by this command; give another --out")
        for stale in _numbered(folder):
            stale.unlink()
        self._folder, self._count = folder, 0
        self._text = PngInfo()
        self._text.add_text(*_OURS)

    def write(self, image: np.ndarray) -> None:
        """Write the next file."""
        self._count += 1
        path = self._folder / f"{self._count:04d}.png"
        Image.fromarray(image).save(path, compress_level=1, pnginfo=self._text)

    def close(self) -> None:
        """Do nothing: every file is finished."""


def others_in(folder: Path) -> list[str]:
    """Return the numbered PNG files of a folder that `PngFolder` has not written."""
    return [path.name for path in _numbered(folder) if not _is_ours(path)]


def in_the_way(place: Path, kind: str) -> str:
    """Say what of somebody else's lies where `open_writer` is to write; empty where nothing does."""
    if kind != "png" and place.is_dir():
        return "a folder"
    if kind == "png" and place.is_dir():
        return f"others, such as {others[0]}" if (others := others_in(place)) else ""
    return "another file" if place.is_file() and (kind == "png" or not _is_our_video(place)) else ""


def _is_our_video(path: Path) -> bool:
    """Whether a video says so, as MP4 in its comment, as GIF at its end."""
    with path.open("rb") as file:
        if file.read(3) == b"GIF":
            return file.read().endswith(_GIF_END)
    try:
        with av.open(str(path)) as container:
            return container.metadata.get("comment") == _OURS[1]
    except av.FFmpegError:
        return False


def _numbered(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.png") if path.stem.isdecimal())


def _is_ours(path: Path) -> bool:
    """Whether a file says so, or holds nothing at all: what an interruption leaves."""
    if not path.stat().st_size:
        return True
    try:
        with Image.open(path) as image:
            return image.info.get(_OURS[0]) == _OURS[1]
    except OSError:
        return False


class Mp4:
    """An H.264 video."""

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(path), "w", format="mp4")
        self._container.metadata["comment"] = _OURS[1]
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
    """A looping GIF, at most 480 pixels wide, each frame with a palette of its own.

    Of more than 50 frames a second it has every second, third, … one.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction):
        path.parent.mkdir(parents=True, exist_ok=True)
        height, width = size
        self._size = min(width, _GIF_WIDTH), max(1, round(height * min(1, _GIF_WIDTH / width)))
        self._path, self._every, self._count = path, math.ceil(rate / _GIF_RATE), 0
        self._container = av.open(str(path), "w", format="gif", options={"loop": "0"})
        self._stream = self._container.add_stream("gif", rate=rate / self._every)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "pal8"

    def write(self, image: np.ndarray) -> None:
        """Encode the next frame, if it is one to be seen."""
        self._count += 1
        if (self._count - 1) % self._every:
            return
        reduced = Image.fromarray(image).convert("RGB").resize(self._size)
        indexed = reduced.convert("P", palette=Image.Palette.ADAPTIVE)
        colours = np.array(indexed.getpalette("RGBA"), np.uint8).reshape(-1, 4)
        palette = np.zeros((256, 4), np.uint8)
        palette[: len(colours)] = colours[:, [3, 0, 1, 2]]  # FFmpeg's order is ARGB
        # PyAV's types leave out what this format alone takes: indices and their palette.
        frame = av.VideoFrame.from_ndarray((np.asarray(indexed), palette), format="pal8")  # type: ignore[arg-type]
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Encode what the encoder still holds, and finish the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        if self._path.exists():  # not where an error came before the first frame
            with self._path.open("r+b") as file:
                file.seek(-1, os.SEEK_END)
                file.write(_GIF_END)


def open_writer(kind: str, place: Path, size: tuple[int, int], rate: Fraction, stack: ExitStack) -> Writer:
    """Open what pictures of one size are written to, until the stack is left; a video is whole or not there.

    Args:
        kind: png, mp4 or gif.
        place: the file, or the folder of PNG files.
        size: (height, width) of the pictures.
        rate: pictures a second.
        stack: closes it.
    """
    if kind == "png":
        return stack.enter_context(closing(PngFolder(place)))
    path = stack.enter_context(atomic_write(place))
    writer = (Mp4 if kind == "mp4" else Gif)(path, size, rate)
    return stack.enter_context(closing(writer))
