"""What frames to predict come from: a video file, a folder of images, or a clip of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image, ImageOps

from datasets.corpus import ClipError
from datasets.listing.file_names import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_image, is_usable_name
from datasets.reading.upright import rgb, shown_size
from datasets.reading.video import iter_frames, resize
from manifests import Clip, Manifest, Problem, ProblemError, natural_key

Size = tuple[int, int]
"""(height, width) in pixels."""


@dataclass(frozen=True)
class Source:
    """A clip that can be read from its beginning as often as needed, a frame at a time."""

    name: str
    size: Size
    rate: Fraction
    """Frames per second."""
    n_frames: int | None
    """As its header says; None where it does not, and only good for a progress bar."""
    native: Callable[[], Iterator[np.ndarray]]
    """Start reading: uint8 (H, W, 3) RGB at native resolution."""
    folder: Path | None = None
    """Where the frames lie, if they are files, which nothing must be written beside."""
    corpus: str | None = None
    """That it is a clip of, if it is one of a manifest."""

    def frames(self, size: Size | None = None) -> Iterator[np.ndarray]:
        """Yield the frames, resized by the rule of training (`datasets.reading.video.resize`)."""
        for frame in self.native():
            yield resize(frame, size or self.size)


def open_source(path: Path, rate: Fraction) -> Source:
    """Look at a video file or a folder of images.

    Args:
        path: of either.
        rate: that of images, which do not tell theirs.

    Raises:
        ProblemError: the path is neither.
    """
    if path.is_dir():
        return _folder(path, rate)
    if path.is_file():
        return _video(path)
    raise ProblemError(Problem(str(path), "a video file or a folder of images", "nothing", "Check the path."))


def videos_of(path: Path) -> list[Path]:
    """Return what a path given for a video stands for: a folder of videos for all of them, in order."""
    if not path.is_dir():
        return [path]
    names = [item.name for item in path.iterdir() if is_usable_name(item.name)]
    if any(is_image(name) for name in names):
        return [path]
    videos = [name for name in names if name.rpartition(".")[2].lower() in VIDEO_SUFFIXES]
    return [path / name for name in sorted(videos, key=natural_key)] or [path]


def clip_source(manifest: Manifest, clip: Clip) -> Source:
    """Return a clip of a manifest as a source, named by its identifier."""
    return Source(
        clip.clip,
        (clip.height, clip.width),
        Fraction(clip.fps or 30).limit_denominator(1001),
        clip.n_frames,
        lambda: iter_frames(manifest.root, clip),
        Path(manifest.root) / clip.path if clip.media == "frames" else None,
        clip.corpus,
    )


def _video(path: Path) -> Source:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            codec = container.streams.video[0].codec_context if container.streams.video else None
            if not codec or not codec.width:
                remedy = "Check that it is a video, and copied to its end."
                raise ProblemError(Problem(str(path), "a video", "no video stream", remedy))
            stream = container.streams.video[0]
            rate = stream.average_rate or stream.guessed_rate or Fraction(30)
            seconds = float(container.duration or 0) / av.time_base
            first = next(container.decode(stream), None)
            if first is None:
                remedy = "Check that it plays, and that it was copied to its end."
                raise ProblemError(Problem(str(path), "a video", "no frame that decodes", remedy))
            width, height = shown_size(first)
            n_frames = stream.frames or round(seconds * rate) or None
    except (av.FFmpegError, ClipError) as error:
        raise _unreadable(path, error) from error
    return Source(path.stem, (height, width), rate, n_frames, lambda: _decoded(path))


def _decoded(path: Path) -> Iterator[np.ndarray]:
    try:
        with av.open(str(path), metadata_errors="replace") as container:
            container.streams.video[0].thread_type = "AUTO"
            to_rgb = VideoReformatter()
            for frame in container.decode(video=0):
                yield rgb(frame, to_rgb)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error


def _folder(path: Path, rate: Fraction) -> Source:
    files = [file for file in path.iterdir() if is_image(file.name) and is_usable_name(file.name)]
    files.sort(key=lambda file: natural_key(file.name))
    if not files:
        known = f"Known are {', '.join(f'.{suffix}' for suffix in sorted(IMAGE_SUFFIXES))}."
        raise ProblemError(Problem(str(path), "images", "none", known))
    size = _read(files[0]).shape[:2]
    return Source(path.name, size, rate, len(files), lambda: map(_read, files), path)


def _read(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def _unreadable(path: Path, error: Exception) -> ProblemError:
    found = f"{type(error).__name__}: {error}"
    return ProblemError(Problem(str(path), "a video that decodes", found, "Check that it plays."))
