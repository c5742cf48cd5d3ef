"""One clip read whole: every frame, map and fixation file is decoded once, counted and compared.

That costs what decoding costs, and is what makes a manifest worth trusting: whatever is in it can be read.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from datasets.corpus import ClipError, Entry, Reading, Rows
from datasets.damaged import as_finding, describe
from datasets.listing.file_names import IMAGE_SUFFIXES
from datasets.reading.beside import beside, left_aside_of, time_gap, turned_as_shown
from datasets.reading.fixations import NO_ROWS, find_fixations, read_fixations
from datasets.reading.ground_truth import read_maps
from datasets.reading.images import check_size
from datasets.reading.numbered_files import Numbered, decoded, files_by_suffix, numbered, single
from datasets.reading.pixels import frame_pixels, left_out
from manifests import Finding


class ReadsPoints(Protocol):
    """What reads the fixations of a clip, as `read_fixations` does."""

    def __call__(
        self, root: Path, entry: Entry, files: Numbered | None, size: tuple[int, int], *, required: bool
    ) -> tuple[Numbered | None, Rows, list[Finding]]:
        """Return which files they are (None: of no one pattern), the fixated pixels, and what was noticed."""


@dataclass(frozen=True, slots=True)
class Media:
    """The frames of a clip, all of them decoded."""

    n_frames: int
    width: int
    height: int
    fps: float
    codec: str
    keyframes: tuple[int, ...] = ()
    keyframe_frames: tuple[int, ...] = ()
    images: Numbered | None = None
    """The frame images; None for an encoded video."""
    promised: int = 0
    """Frames that a video's header promises; 0 for frame images."""
    skipped: int = 0
    """Frames before the first that are left out."""
    left_out: int = 0
    """All frames that are left out, before the first and behind the last."""
    findings: tuple[Finding, ...] = ()
    """What was noticed while they were decoded."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def first_frame(self) -> int:
        """Its number; those of a video count from 1, with what is left out."""
        return self.images.first if self.images else 1 + self.skipped

    def between(self, start: int, stop: int) -> Media:
        """Return the frames `start` to `stop` (from 0, without the latter)."""
        images = self.images and self.images.between(self.images.first + start, self.images.first + stop)
        left_out = self.n_frames - (stop - start)
        return replace(self, n_frames=stop - start, skipped=start, images=images, left_out=left_out)

    def columns(self) -> dict[str, object]:
        """Return what a clip's row says of its media."""
        names = ["first_frame", "n_frames", "left_out", "width", "height", "fps", "codec"]
        names += ["keyframes", "keyframe_frames"]
        pattern = self.images.pattern if self.images else ""
        return {name: getattr(self, name) for name in names} | {"frame_pattern": pattern}


def read_clip(
    corpus: str,
    root: Path,
    entry: Entry,
    *,
    fps: float = 0.0,
    prefix: str | None = None,
    needs_maps: bool = True,
    points: ReadsPoints = read_fixations,
) -> Reading:
    """Read a clip whose annotations are numbered files, one for each frame, or a photograph with its own.

    Args:
        corpus: name of the corpus.
        root: the corpus root.
        entry: the clip as listed. Without a folder of maps and one of fixations, frames alone are read.
        fps: frames per second of frame images, which do not tell; 0 where nobody knows.
        prefix: what stands before the numbers in all file names; None takes what is found.
        needs_maps: whether a clip without maps is damaged; otherwise they can be made of its fixations.
        points: what reads fixations that are neither images nor .mat files of them, in one file or several.

    Raises:
        ClipError: it cannot be used.
    """
    media = read_media(root, entry, fps, prefix)
    files, findings = [media.images] if media.images else [], list(media.findings)
    if not (entry.maps or entry.fixations):
        _check_counts(entry, media, None, None)
        findings += beside(entry, files)
        return _reading(corpus, entry, media, maps=None, fixations=None, rows=NO_ROWS, findings=findings)
    maps, fixations = _annotations(root, entry, prefix)
    in_own_form = bool(entry.fixations) and fixations is None and points is not read_fixations
    _require_annotation(entry, maps, bool(fixations) or in_own_form, needs_maps)
    media, maps, fixations, told = _cut_to_annotated(entry, media, maps, fixations)
    findings += told
    if not told:
        _check_counts(entry, media, maps, fixations)
    if maps:
        findings += read_maps(root, entry, maps, media.size)
    fixations, rows, told = points(root, entry, fixations, media.size, required=maps is None)
    findings += told
    findings += beside(entry, [f for f in (*files, maps) if f])
    return _reading(corpus, entry, media, maps=maps, fixations=fixations, rows=rows, findings=findings)


def read_media(root: Path, entry: Entry, fps: float = 0.0, prefix: str | None = None) -> Media:
    """Decode all frames of a clip and say what they are. Arguments and errors of `read_clip`."""
    if entry.media != "video":
        return _read_images(root, entry, fps, prefix)
    path = Path(root) / entry.path
    if not path.is_file():
        raise ClipError("missing-file", f"the video {entry.path}", "none")
    if path.stat().st_size == 0:
        raise ClipError("unreadable-video", "a video that decodes", "an empty file")
    return _read_video(path, entry)


def _read_video(path: Path, entry: Entry) -> Media:
    # Grids name corpora, and are planned without what decodes.
    from datasets.reading.video import FFmpegError, probe, turned  # noqa: PLC0415

    # In a pool every process has a core, and would only get into the others' way with more threads.
    threads = 1 if multiprocessing.parent_process() else 0
    try:
        video = probe(path, threads)
    except FFmpegError as error:
        found = f"{type(error).__name__}: {error.strerror}"
        raise ClipError("unreadable-video", "a video that decodes", found) from error
    return Media(
        video.n_frames,
        video.width,
        video.height,
        video.fps,
        video.codec,
        tuple(video.keyframes),
        tuple(video.keyframe_frames),
        promised=video.promised,
        findings=(*turned_as_shown(entry, turned(path)), *time_gap(entry, video.gap)),
    )


def cut_off(media: Media) -> ClipError | None:
    """Return what is wrong with a video of clearly fewer frames than its header promises.

    For clips without a number of annotations to compare with.
    """
    if media.promised <= media.n_frames:
        return None
    expected, found = f"about {media.promised} frames, as the header says", f"{media.n_frames} that decode"
    remedy = "The video may be cut off: take it again from where it comes from."
    return ClipError("count-mismatch", expected, found, remedy=remedy)


def _read_images(root: Path, entry: Entry, fps: float, prefix: str | None) -> Media:
    images = (
        single(entry.path) if entry.media == "image" else numbered(root, entry.path, IMAGE_SUFFIXES, prefix)
    )
    if images is None:
        kinds = files_by_suffix(root, entry.path).most_common(3)
        others = f" but {', '.join(f'{count} {suffix}' for suffix, count in kinds)}" if kinds else ""
        expected = f"numbered frame images ({', '.join(IMAGE_SUFFIXES)})"
        raise ClipError("no-frames", expected, f"none in {entry.path}{others}")
    size: tuple[int, int] | None = None
    codec, lost = "", Counter[str]()
    for i, image in enumerate(decoded(root, images)):
        if size is None:
            size, codec = image.size, (image.format or "").lower()
        check_size(image, size, images.path(i))
        frame_pixels(image, images.path(i))
        lost[left_out(image)] += 1
    width, height = size or (0, 0)
    told = tuple(left_aside_of(entry, images, lost))
    return Media(images.count, width, height, fps, codec, images=images, findings=told)


def _annotations(root: Path, entry: Entry, prefix: str | None) -> tuple[Numbered | None, Numbered | None]:
    """Find the maps and the fixations of a clip."""
    if entry.media == "image":
        maps, fixations = (single(path) if path else None for path in (entry.maps, entry.fixations))
        return maps, fixations
    maps = numbered(root, entry.maps, IMAGE_SUFFIXES, prefix) if entry.maps else None
    return maps, find_fixations(root, entry.fixations, prefix) if entry.fixations else None


def _require_annotation(entry: Entry, maps: Numbered | None, fixations: bool, needs_maps: bool) -> None:
    if maps is None and (needs_maps or not fixations):
        places = [folder for folder in (entry.maps, entry.fixations) if folder]
        found = f"none in {' and '.join(places)}"
        kind = "no-maps" if fixations else "no-annotation"
        expected = "saliency maps" if fixations else "maps and fixation images"
        expected = f"{'' if entry.media == 'image' else 'numbered '}{expected}"
        raise ClipError(kind, expected, found, path=places[0], remedy="Unpack the annotations again.")


def _cut_to_annotated(
    entry: Entry, media: Media, maps: Numbered | None, fixations: Numbered | None
) -> tuple[Media, Numbered | None, Numbered | None, list[Finding]]:
    """Leave out a clip's outermost frames where these lack annotations, and that is tolerated; note how many.

    By their numbers, which frames and annotations share, but that one of them may count from 0.
    """
    files = {"maps": maps, "fixation files": fixations}
    spans = [(f.first, f.first + f.count) for f in files.values() if f]
    if not spans:
        return media, maps, fixations, []
    origin, n = media.first_frame, media.n_frames
    if origin == 1 and min(spans)[0] == 0:
        origin = 0
    elif origin == 0 and max(stop for _, stop in spans) == n + 1:
        origin = 1
    start, stop = max(first for first, _ in spans) - origin, min(stop for _, stop in spans) - origin
    outside = any(first < origin or stop > origin + n for first, stop in spans)
    if outside or start >= stop or not 0 < start + n - stop <= entry.tolerate:
        return media, maps, fixations, []
    ends = [f"{what} {count}" for what, count in (("first", start), ("last", n - stop)) if count]
    listed = ", ".join(
        f"{f.count} {what}{f' from {f.first}' * (start > 0)}" for what, f in files.items() if f
    )
    remedy = f"The {' and the '.join(ends)} frames are left out, as --tolerate {entry.tolerate} allows."
    error = ClipError("frames-left-out", f"{n} maps and fixations", listed, remedy=remedy)
    maps, fixations = (f and f.between(origin + start, origin + stop) for f in (maps, fixations))
    return media.between(start, stop), maps, fixations, [as_finding(error, entry, "warning")]


def _check_counts(entry: Entry, media: Media, maps: Numbered | None, fixations: Numbered | None) -> None:
    """Raise a ClipError unless every frame has its annotations, under numbers that say so."""
    counted = {"maps": maps, "fixation files": fixations}
    counts = {"frames": media.n_frames} | {what: f.count for what, f in counted.items() if f}
    if len(set(counts.values())) > 1:
        found = ", ".join(f"{n} {what}" for what, n in counts.items())
        annotated = max(n for what, n in counts.items() if what != "frames")
        remedy = _count_remedy(entry, media.n_frames, annotated, len({*counts.values()} - {media.n_frames}))
        raise ClipError("count-mismatch", "as many maps and fixations as frames", found, remedy=remedy)
    if maps and fixations and maps.first != fixations.first:
        found = f"maps from {maps.first}, fixation files from {fixations.first}"
        raise ClipError("number-mismatch", "maps and fixations of the same numbers", found, path=maps.folder)
    if not (annotated_by := maps or fixations):
        if cut := cut_off(media):
            raise cut
        return
    first = annotated_by.first
    if first != media.first_frame and {first, media.first_frame} != {0, 1}:
        found = f"frames from {media.first_frame}, annotations from {first}"
        raise ClipError("number-mismatch", "frames and annotations of the same numbers", found)


def _count_remedy(entry: Entry, n_frames: int, annotated: int, n_other: int) -> str:
    if n_frames < annotated:
        if entry.media == "frames":
            return "Frames extracted by their time stamps lose some: extract them again, decoding in order."
        return "The video may be cut off: take it again from where the corpus is published."
    if n_other > 1:
        return "Unpack the annotations again."
    return (
        "Unpack the annotations again; if they are complete, the frames come from another copy of the video."
    )


def _reading(
    corpus: str,
    entry: Entry,
    media: Media,
    *,
    maps: Numbered | None,
    fixations: Numbered | None,
    rows: Rows,
    findings: list[Finding],
) -> Reading:
    annotation = maps or fixations
    clip = describe(
        corpus,
        entry,
        **media.columns(),
        map_pattern=maps.pattern if maps else "",
        fixation_pattern=fixations.pattern if fixations else "",
        first_annotation=annotation.first if annotation else media.first_frame,
    )
    return Reading(clip, rows, tuple(findings))
