"""What frames to predict come from: a video file, a folder of images, or a clip of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from datasets.corpora.saliency_maps import MapReader
from datasets.corpus import ClipError, Entry
from datasets.damaged import describe
from datasets.listing.file_names import IMAGE_SUFFIXES, VIDEO_SUFFIXES, is_image, is_usable_name
from datasets.reading.beside import beside
from datasets.reading.clip import Media, cut_off, read_media
from datasets.reading.numbered_files import files_by_suffix
from datasets.reading.video import iter_frames
from datasets.resizing import DEFAULT_RESIZING, Size, resize
from hd2s.models.config import Input
from manifests import Clip, Manifest, Problem, ProblemError, natural_key


@dataclass(frozen=True)
class Source:
    """A clip that can be read from its beginning as often as needed, a frame at a time."""

    name: str
    size: Size
    rate: Fraction
    """Frames per second."""
    n_frames: int
    """Of all that decode."""
    native: Callable[[], Iterator[np.ndarray]]
    """Start reading: uint8 (H, W, 3) RGB at native resolution."""
    read_from: tuple[Path, ...] = ()
    """Files and folders of its frames, maps and fixations, which nothing must be written to."""
    corpus: str | None = None
    """That it is a clip of, if it is one of a manifest."""
    noticed: tuple[str, ...] = ()
    """What was passed over."""
    truth: Callable[[], Iterator[np.ndarray]] | None = None
    """Start reading its saliency maps: uint8 (H, W) at native resolution; None where nobody knows them."""

    def frames(self, size: Size | None = None, resizing: str = DEFAULT_RESIZING) -> Iterator[np.ndarray]:
        """Yield the frames, resized by a rule of `datasets.resizing`."""
        for frame in self.native():
            yield resize(frame, size or self.size, resizing)

    def as_seen(self, seen: Input, resizing: str) -> Iterator[np.ndarray]:
        """Yield the frames at the size that a model sees, resized by a rule of `datasets.resizing`."""
        return self.frames(seen.predicted_size(self.size, still=self.n_frames == 1), resizing)


def open_source(path: Path, rate: Fraction) -> Source:
    """Read a video file or a folder of numbered images to its end, as indexing does, and by its rules.

    What indexing quarantines a clip for is an error here: frames that do not decode, holes in numbers, names
    of several kinds, several sizes, more than 8 bits, a file that is cut off.

    Args:
        path: of either.
        rate: that of images, which do not tell theirs.

    Raises:
        ProblemError: the path is neither, or what it holds cannot be used.
    """
    if not (path.is_dir() or path.is_file()):
        raise ProblemError(
            Problem(str(path), "a video file or a folder of images", "nothing", "Check the path.")
        )
    if path.is_dir() and not files_by_suffix(path.parent, path.name).keys() & set(IMAGE_SUFFIXES):
        known = f"Known are {', '.join(f'.{suffix}' for suffix in sorted(IMAGE_SUFFIXES))}."
        raise ProblemError(Problem(str(path), "images", "none", known))
    place = path.resolve()
    root, media = place.parent, "frames" if path.is_dir() else "image" if is_image(path.name) else "video"
    name = place.name if path.is_dir() else path.stem
    entry = Entry(clip=name, split="", source_video=name, media=media, path=place.name)
    read = read_whole(root, entry, path, float(rate) if path.is_dir() else 0.0)
    clip = describe("", entry, **read.columns())
    return Source(
        name,
        (read.height, read.width),
        rate if path.is_dir() else Fraction(read.fps or 30).limit_denominator(1001),
        read.n_frames,
        lambda: iter_frames(root, clip),
        (place,),
        noticed=noticed(path, entry, read),
    )


def read_whole(root: Path, entry: Entry, path: Path, fps: float = 0.0) -> Media:
    """Decode all frames of a source, by indexing's rules.

    Args:
        root: what `entry` is relative to.
        entry: the source.
        path: of the source, as it was given.
        fps: frames per second of images.

    Raises:
        ProblemError: what indexing would quarantine a clip for.
    """
    try:
        read = read_media(root, entry, fps)
        if cut := cut_off(read):
            raise cut
    except ClipError as error:
        raise _told(path, error) from error
    except (av.FFmpegError, OSError) as error:
        found = f"{type(error).__name__}: {error}"
        raise _told(path, ClipError("unreadable", "what can be read", found)) from error
    return read


def noticed(path: Path, entry: Entry, read: Media) -> tuple[str, ...]:
    """Return what was passed over in a source that can be used.

    Args:
        path: of the source, as it was given.
        entry: the source.
        read: what it holds.
    """
    images = read.images
    findings = [*read.findings, *(beside(entry, [images]) if images else ())]
    told = [f"{path}: {finding.found}. {finding.remedy}" for finding in findings]
    if images and images.first != 1:
        last = images.first + images.count - 1
        told.append(f"{path}: frames {images.first} to {last} count as 1 to {images.count}.")
    return tuple(told)


def videos_of(path: Path, *, photographs: bool = False) -> list[Path]:
    """Return what a path given for a video stands for: a folder of videos for all of them, in order.

    Args:
        path: of a file or a folder.
        photographs: the images of a folder are no frames of one clip, but as many photographs.
    """
    if not path.is_dir():
        return [path]
    names = [item.name for item in path.iterdir() if is_usable_name(item.name)]
    images = [name for name in names if is_image(name)]
    if images and not photographs:
        return [path]
    videos = [name for name in names if name.rpartition(".")[2].lower() in VIDEO_SUFFIXES]
    return [path / name for name in sorted(images + videos, key=natural_key)] or [path]


def clip_source(manifest: Manifest, clip: Clip, maps: MapReader) -> Source:
    """Return a clip of a manifest as a source, named by its identifier, with its maps where it has some."""
    # Of clips without maps they are made by the corpus' rule, if it has one.
    known = clip.map_pattern or (clip.n_fixated_frames and manifest.map_rule)
    return Source(
        clip.clip,
        (clip.height, clip.width),
        Fraction(clip.fps or 30).limit_denominator(1001),
        clip.n_frames,
        lambda: iter_frames(manifest.root, clip),
        tuple(_read_from(Path(manifest.root), clip)),
        clip.corpus,
        truth=(lambda: (maps.read(clip, i) for i in range(clip.n_frames))) if known else None,
    )


def _read_from(root: Path, clip: Clip) -> Iterator[Path]:
    """Yield where a clip of a manifest lies."""
    yield root / clip.path
    for pattern in (clip.map_pattern, clip.fixation_pattern):
        if pattern:
            yield (root / pattern.format(clip.first_annotation)).parent


def _told(path: Path, error: ClipError) -> ProblemError:
    """Return why a source cannot be predicted."""
    where = path.parent / error.path if error.path else path
    return ProblemError(Problem(str(where), error.expected, error.found, error.remedy or "Mend the file."))
