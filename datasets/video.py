"""Frames out of encoded videos and folders of images: decoded in order, counted, resized by one rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

from datasets.corpus import ClipError
from manifests import Clip, Problem, ProblemError

RESIZE_RULE = "pil-bilinear"
"""How frames and maps alike come to training size: Pillow's bilinear filter, whose support grows with the
reduction (antialiased). The name is part of a frame store's address."""

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What decoding a whole video tells."""

    n_frames: int
    width: int
    height: int
    fps: float
    codec: str
    keyframes: tuple[int, ...]
    """Presentation times of the keyframes, in units of the stream's time base."""


def resize(image: np.ndarray, size: Size | None) -> np.ndarray:
    """Return a uint8 image (h, w) or (h, w, 3) at size (H, W), by `RESIZE_RULE`; None leaves it as it is."""
    if size is None or image.shape[:2] == tuple(size):
        return image
    return np.asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))


def probe(path: Path) -> Probe:
    """Decode a video from end to end and say what it holds.

    Headers and packets are not trusted: MPEG-4 in AVI has packets without a frame, and timestamps lose or
    invent some (facts of DHF1K). Decoding in order is the count that the annotations agree with.

    Raises:
        ClipError: no video stream, no frame, or frames of several sizes.
        av.FFmpegError: the file cannot be decoded.
    """
    n_frames, keyframes, sizes = 0, [], set()
    with _open(path) as (container, stream):
        for frame in container.decode(stream):
            n_frames += 1
            sizes.add((frame.width, frame.height))
            if frame.key_frame and frame.pts is not None:
                keyframes.append(frame.pts)
            if frame.is_corrupt:
                raise ClipError(f"{path.name}: frame {n_frames - 1} is damaged")
        fps, codec = float(stream.average_rate or 0), stream.codec_context.name
    if n_frames == 0:
        raise ClipError(f"{path.name}: no frame decodes")
    if len(sizes) > 1:
        raise ClipError(f"{path.name}: frames of several sizes, {sorted(sizes)}")
    width, height = sizes.pop()
    return Probe(n_frames, width, height, fps, codec, tuple(keyframes))


def iter_frames(
    root: Path | str, clip: Clip, size: Size | None = None, start: int = 0, count: int | None = None
) -> Iterator[np.ndarray]:
    """Yield frames ``start … start + count`` of a clip, one at a time: uint8 (H, W, 3) RGB.

    Args:
        root: the corpus root.
        clip: video or frames.
        size: (height, width) to resize to; None for native resolution.
        start: first frame, from 0.
        count: how many; None for all that follow.

    Raises:
        IndexError: the frames asked for are not all within the clip.
        ProblemError: the file holds fewer frames than when it was indexed, or cannot be read.
    """
    stop = clip.n_frames if count is None else start + count
    if not 0 <= start <= stop <= clip.n_frames:
        raise IndexError(f"{clip.corpus}/{clip.clip}: frames {start} to {stop} of {clip.n_frames}")
    source = _decoded if clip.media == "video" else _images
    found = 0
    try:
        for image in source(Path(root), clip, start, stop):
            found += 1
            yield resize(image, size)
    except (av.FFmpegError, OSError) as error:
        raise _changed(root, clip, f"{type(error).__name__}: {error}") from error
    if found < stop - start:
        raise _changed(root, clip, f"{start + found} frames")


def read_frames(
    root: Path | str, clip: Clip, size: Size | None = None, start: int = 0, count: int | None = None
) -> np.ndarray:
    """Return frames of a clip as one array: uint8 (T, H, W, 3) RGB. Arguments and errors of `iter_frames`."""
    height, width = size or (clip.height, clip.width)
    length = clip.n_frames - start if count is None else count
    frames = np.empty((max(length, 0), height, width, 3), np.uint8)
    for i, frame in enumerate(iter_frames(root, clip, size, start, count)):
        frames[i] = frame
    return frames


@contextmanager
def _open(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open the first video stream of a file, for decoding with as many threads as there are cores."""
    if not path.is_file():
        raise ClipError(f"no file {path.name}")
    with av.open(str(path)) as container:
        if not container.streams.video:
            raise ClipError(f"{path.name}: no video stream")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield container, stream


def _decoded(root: Path, clip: Clip, start: int, stop: int) -> Iterator[np.ndarray]:
    """Decode a video from its first frame on, and yield frames start … stop as RGB."""
    with _open(root / clip.path) as (container, stream):
        for i, frame in enumerate(container.decode(stream)):
            if i >= stop:
                return
            if i >= start:
                yield frame.to_ndarray(format="rgb24")


def _images(root: Path, clip: Clip, start: int, stop: int) -> Iterator[np.ndarray]:
    for i in range(start, stop):
        with Image.open(root / clip.frame_path(i)) as image:
            yield np.asarray(image.convert("RGB"))


def _changed(root: Path | str, clip: Clip, found: str) -> ProblemError:
    """Return the error for a file that is no longer what was indexed."""
    where = f"{clip.corpus}/{clip.clip} ({Path(root) / clip.path})"
    return ProblemError(
        Problem(
            where, f"{clip.n_frames} frames, as indexed", found, "Restore the file or index the corpus again."
        )
    )
