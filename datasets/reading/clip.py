"""One clip read whole: every frame, map and fixation file is decoded once, counted and compared.

That costs what decoding costs, and is what makes a manifest worth trusting: whatever is in it can be read.
"""

from __future__ import annotations

import multiprocessing
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from datasets.corpus import ClipError, Entry, Reading, Rows
from datasets.damaged import as_finding, describe
from datasets.listing.file_names import IMAGE_SUFFIXES
from datasets.listing.layouts import outside_root, stray_files
from datasets.reading.images import check_depth, check_size
from datasets.reading.numbered_files import (
    Numbered,
    count_files,
    count_fixated,
    decoded,
    numbered,
    read_fixation_images,
    read_fixation_mats,
)
from datasets.reading.video import probe
from manifests import Finding

NO_ROWS = np.empty((0, 3), np.int32)
_NOT_PNG = tuple(suffix for suffix in IMAGE_SUFFIXES if suffix != "png")


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

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    @property
    def first_frame(self) -> int:
        """Number of the first frame; those of a video count from 1."""
        return self.images.first if self.images else 1

    def columns(self) -> dict[str, object]:
        """Return what a clip's row says of its media."""
        names = ("first_frame", "n_frames", "width", "height", "fps", "codec", "keyframes", "keyframe_frames")
        pattern = self.images.pattern if self.images else ""
        return {name: getattr(self, name) for name in names} | {"frame_pattern": pattern}


def read_clip(
    corpus: str, root: Path, entry: Entry, *, fps: float, prefix: str | None = None, needs_maps: bool = True
) -> Reading:
    """Read a clip whose annotations are numbered files, one for each frame.

    Args:
        corpus: name of the corpus.
        root: the corpus root.
        entry: the clip as listed. Without a folder of maps and one of fixations, frames alone are read.
        fps: frames per second of frame images, which do not tell; 0 where nobody knows.
        prefix: what stands before the numbers in all file names; None takes what is found.
        needs_maps: whether a clip without maps is damaged; otherwise they can be made of its fixations.

    Raises:
        ClipError: it cannot be used.
    """
    media = read_media(root, entry, fps, prefix)
    files = [media.images] if media.images else []
    findings: list[Finding] = []
    if not (entry.maps or entry.fixations):
        if cut := cut_off(media):
            raise cut
        findings = _noticed(entry, files)
        return _reading(corpus, entry, media, maps=None, fixations=None, rows=NO_ROWS, findings=findings)
    maps = numbered(root, entry.maps, IMAGE_SUFFIXES, prefix) if entry.maps else None
    fixations = _find_fixations(root, entry.fixations, prefix) if entry.fixations else None
    _require_annotation(entry, maps, fixations, needs_maps)
    _check_counts(entry, media, maps, fixations)
    if maps:
        findings += _read_maps(root, entry, maps, media)
    if fixations:
        read = read_fixation_images if fixations.pattern.lower().endswith(".png") else read_fixation_mats
        rows = read(root, fixations, media.size)
    else:
        rows = NO_ROWS
        remedy = "NSS and AUC cannot be scored on this clip; unpack its fixations to have them."
        expected, place, found = "fixations beside the maps", entry.fixations, "none"
        if others := count_files(root, place, _NOT_PNG) if place else 0:
            found, remedy = (
                f"{others} images that are no PNG",
                "Give PNG images or .mat files: JPEG blurs single pixels.",
            )
        missing = ClipError("no-fixations", expected, found, path=place, remedy=remedy)
        findings.append(as_finding(missing, entry, "warning"))
    findings += _noticed(entry, [f for f in (*files, maps, fixations) if f])
    findings += _other_fixations(root, entry, fixations)
    return _reading(corpus, entry, media, maps=maps, fixations=fixations, rows=rows, findings=findings)


def read_media(root: Path, entry: Entry, fps: float = 0.0, prefix: str | None = None) -> Media:
    """Decode all frames of a clip and say what they are. Arguments and errors of `read_clip`."""
    if entry.media == "frames":
        return _read_images(root, entry, fps, prefix)
    path = Path(root) / entry.path
    if not path.is_file():
        raise ClipError("missing-file", f"the video {entry.path}", "none")
    if path.stat().st_size == 0:
        raise ClipError("unreadable-video", "a video that decodes", "an empty file")
    # In a pool every process has a core, and would only get into the others' way with more threads.
    threads = 1 if multiprocessing.parent_process() else 0
    try:
        video = probe(path, threads)
    except av.FFmpegError as error:
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
    images = numbered(root, entry.path, IMAGE_SUFFIXES, prefix)
    if images is None:
        raise ClipError("no-frames", "numbered frame images", f"none in {entry.path}")
    size: tuple[int, int] | None = None
    codec = ""
    for i, image in enumerate(decoded(root, images)):
        if size is None:
            size, codec = image.size, (image.format or "").lower()
        check_size(image, size, images.path(i))
        check_depth(image, images.path(i))
    width, height = size or (0, 0)
    return Media(images.count, width, height, fps, codec, images=images)


def _find_fixations(root: Path, folder: str, prefix: str | None) -> Numbered | None:
    """Find the fixation images; where there are none, the .mat files beside or one folder below."""
    return (
        numbered(root, folder, ("png",), prefix)
        or numbered(root, folder, ("mat",), prefix)
        or numbered(root, f"{folder}/maps", ("mat",), prefix)
    )


def _other_fixations(root: Path, entry: Entry, fixations: Numbered | None) -> list[Finding]:
    """Return a warning when beside the fixation images there are .mat files, and not as many."""
    if fixations is None or not fixations.pattern.lower().endswith(".png"):
        return []
    mats = [count_files(root, folder, ("mat",)) for folder in (fixations.folder, f"{fixations.folder}/maps")]
    other = [count for count in mats if count not in (0, fixations.count)]
    if not other:
        return []
    expected, found = f"as many .mat files as images, {fixations.count}", f"{other[0]}"
    remedy = "The images are read, and the .mat files are not; see whether both are whole."
    error = ClipError("two-fixations", expected, found, path=fixations.folder, remedy=remedy)
    return [as_finding(error, entry, "warning")]


def _require_annotation(
    entry: Entry, maps: Numbered | None, fixations: Numbered | None, needs_maps: bool
) -> None:
    if maps is None and (needs_maps or fixations is None):
        places = [folder for folder in (entry.maps, entry.fixations) if folder]
        found = f"none in {' and '.join(places)}"
        kind = "no-maps" if fixations else "no-annotation"
        expected = "numbered saliency maps" if fixations else "numbered maps and fixation images"
        raise ClipError(kind, expected, found, path=places[0], remedy="Unpack the annotations again.")


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
    annotated_by = maps or fixations
    if annotated_by is None:
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


def _read_maps(root: Path, entry: Entry, maps: Numbered, media: Media) -> list[Finding]:
    """Decode all the maps; return a note when some of them are zero everywhere."""
    empty = 0
    for i, image in enumerate(decoded(root, maps)):
        check_size(image, media.size, maps.path(i))
        check_depth(image, maps.path(i))
        empty += (image if image.mode == "L" else image.convert("L")).getbbox() is None
    if not empty:
        return []
    found, remedy = f"{empty} of {maps.count} all zero", "Nothing: no score is made up for these frames."
    zero = ClipError("zero-maps", "maps that mark something", found, path=maps.folder, remedy=remedy)
    return [as_finding(zero, entry, "note")]


def _noticed(entry: Entry, files: list[Numbered]) -> list[Finding]:
    """Return what is to be said of the folders of a clip that stops nothing."""
    findings = []
    for numbers in files:
        if numbers.strays:
            findings.append(
                stray_files("warning", entry.clip, numbers.folder, "numbered files only", numbers.strays)
            )
        if numbers.links:
            found = f"{numbers.links} links that lead out of it"
            findings.append(outside_root(entry.clip, numbers.folder, found))
    return findings


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
        n_fixated_frames=count_fixated(rows),
    )
    return Reading(clip, rows, tuple(findings))
