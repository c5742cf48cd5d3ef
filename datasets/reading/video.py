"""Frames out of encoded videos and folders of images: decoded in order, counted, resized by a rule."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av import FFmpegError
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from datasets.corpus import ClipError
from datasets.damaged import changed, require_as_indexed, require_once
from datasets.reading.container_header import Header
from datasets.reading.images import open_image
from datasets.reading.pixels import frame_pixels
from datasets.reading.seeking import Keyframes, SeekCheck, after_seek
from datasets.reading.upright import rgb, shown_size, turn
from datasets.resizing import DEFAULT_RESIZING, Size, resize
from manifests import Clip
from manifests.problem import counted


@dataclass(frozen=True, slots=True)
class Probe:
    """What decoding a whole video tells."""

    n_frames: int
    width: int
    height: int
    fps: float
    codec: str
    keyframes: tuple[int, ...]
    """Presentation times of the keyframes, in units of the stream's time base: increasing."""
    keyframe_frames: tuple[int, ...]
    """Which frames (from 0) these are."""
    promised: int
    """How many frames there should be by the header: more than there are if the file is clearly cut off."""
    gap: str = ""
    """Where frames seem to be missing amid the others."""


def probe(path: Path, threads: int = 0) -> Probe:
    """Decode a video from end to end and say what it holds.

    Headers and packets are not trusted: MPEG-4 in AVI has packets without a frame, and timestamps lose or
    invent some (facts of DHF1K). Decoding in order is the count that the annotations agree with.

    Args:
        path: the file.
        threads: that decode; 0 takes as many as there are cores. Processes that share them take one each.

    Raises:
        ClipError: no video stream, no frame, a damaged frame, or frames of several sizes.
        FFmpegError: the file cannot be read.
    """
    try:
        return _probe(path, threads)
    except ClipError as error:
        # Threads that decode ahead fail before the frame that is at fault is counted.
        if threads == 1 or error.kind != "unreadable-video":
            raise
        return _probe(path, 1)


def _probe(path: Path, threads: int) -> Probe:
    n_frames, sizes = 0, set()
    seeks = SeekCheck()
    with _open(path, threads) as (container, stream):
        header = Header(container, stream)
        for packet in container.demux(stream):
            header.count(packet)
            for frame in _frames_of(packet, n_frames):
                if frame.is_corrupt:
                    raise ClipError("damaged-frame", "every frame sound", f"frame {n_frames} damaged")
                sizes.add(shown_size(frame))
                header.see(frame)
                seeks.see(frame, n_frames)
                n_frames += 1
        fps, codec = float(stream.average_rate or 0), stream.codec_context.name
    if n_frames == 0:
        raise ClipError("no-frames", "frames that decode", "none")
    if len(sizes) > 1:
        raise ClipError("size-mismatch", "frames of one size", f"{sorted(sizes)}")
    width, height = sizes.pop()
    found = seeks.sound(lambda: _open(path, threads))
    times, numbers = tuple(found.times), tuple(found.frames)
    promised = header.promised(n_frames, fps)
    return Probe(n_frames, width, height, fps, codec, times, numbers, promised, header.gap())


def _frames_of(packet: av.Packet, n_before: int) -> list[av.VideoFrame]:
    """Decode a packet; what cannot be is told with the number of the frame, from 0."""
    try:
        return packet.decode()
    except FFmpegError as error:
        found = f"{type(error).__name__}: {error.strerror} in frame {n_before}"
        raise ClipError("unreadable-video", "a video that decodes", found) from error


def turned(path: Path) -> str:
    """Say how a video's frames are turned before they are shown, by its first one; empty if they are not.

    Errors of `probe`.
    """
    with _open(path, threads=1) as (container, stream):
        return next((turn(frame) for frame in container.decode(stream)), "")


def pixel_aspect(path: Path) -> float:
    """Return how wide players show a pixel of a video, in its heights: 1 unless frames are stored squeezed.

    Errors of `probe`.
    """
    with _open(path, threads=1) as (container, stream):
        aspect = float(stream.sample_aspect_ratio or 1)
        lies_on_its_side = any(
            shown_size(frame) != (frame.width, frame.height)
            for frame in itertools.islice(container.decode(stream), 1)
        )
    return 1 / aspect if lies_on_its_side else aspect


def shown_at(path: Path, n_frames: int, fps: float) -> tuple[float, ...]:
    """Return when each frame of a video is shown, and when the last one ends, in ms from the first one on.

    Empty where that is its rate's doing: no frame is shown half a frame sooner or later than it would be at
    a steady rate, as those of phones and screen recorders are; or the container has not a time for each.

    Args:
        path: the file.
        n_frames: that decode.
        fps: their mean rate.

    Raises:
        FFmpegError: the file cannot be read.
    """
    with _open(path, threads=1) as (container, stream):
        packets = [packet for packet in container.demux(stream) if packet.size and not packet.is_discard]
        unit = 1000 * float(stream.time_base or 0)
    if len(packets) != n_frames or any(packet.pts is None for packet in packets):
        return ()
    times = np.sort([packet.pts or 0 for packet in packets]) * unit
    times -= times[0]
    steady = np.arange(n_frames) * 1000 / fps
    if np.abs(times - steady).max() < 500 / fps or (steps := np.diff(times)).min() <= 0:
        return ()
    return (*times.tolist(), float(max(n_frames * 1000 / fps, times[-1] + np.median(steps))))


def iter_frames(
    root: Path | str,
    clip: Clip,
    size: Size | None = None,
    start: int = 0,
    count: int | None = None,
    *,
    threads: int = 0,
    resizing: str = DEFAULT_RESIZING,
) -> Iterator[np.ndarray]:
    """Yield frames ``start … start + count`` of a clip, one at a time: uint8 (H, W, 3) RGB.

    A video is decoded from the last keyframe that the index knows before `start`; the frames are those that
    decoding from its beginning gives.

    Args:
        root: the corpus root.
        clip: video or frames.
        size: (height, width) to resize to; None for native resolution.
        start: first frame, from 0.
        count: how many; None for all that follow.
        threads: that decode a video; 0 takes as many as there are cores. Processes that share them take one
            each.
        resizing: by which rule (`datasets.resizing`).

    Raises:
        IndexError: the frames asked for are not all within the clip.
        ProblemError: the file holds another number or size of frames than when it was indexed, or cannot be
            read; or, known once all that was asked for has been yielded, other contents.
    """
    stop = clip.n_frames if count is None else start + count
    if not 0 <= start <= stop <= clip.n_frames:
        raise IndexError(f"{clip.corpus}/{clip.clip}: frames {start} to {stop} of {clip.n_frames}")
    found = start
    try:
        if clip.media == "video":
            images = _decoded(Path(root) / clip.path, clip, start, stop, threads)
        else:
            images = _images(Path(root), clip, start, stop)
        for image in images if start < stop else ():
            if image.shape[:2] != (clip.height, clip.width):
                height, width = image.shape[:2]
                expected = f"frames of {clip.width}x{clip.height}"
                raise ClipError("size-mismatch", expected, f"frame {found} of {width}x{height}")
            found += 1
            yield resize(image, size, resizing)
        if found < stop:
            raise ClipError("count-mismatch", counted(clip.n_frames, "frame"), counted(found, "frame"))
        require = require_as_indexed if stop - start == clip.n_frames else require_once
        require(root, clip)
    except (FFmpegError, OSError) as error:
        damage = ClipError("unreadable-video", "a video that decodes", f"{type(error).__name__}: {error}")
        raise changed(root, clip, damage) from error
    except ClipError as error:
        raise changed(root, clip, error) from error


def read_frames(
    root: Path | str,
    clip: Clip,
    size: Size | None = None,
    start: int = 0,
    count: int | None = None,
    *,
    threads: int = 0,
    resizing: str = DEFAULT_RESIZING,
) -> np.ndarray:
    """Return frames of a clip as one array: uint8 (T, H, W, 3) RGB. Arguments and errors of `iter_frames`."""
    height, width = size or (clip.height, clip.width)
    length = clip.n_frames - start if count is None else count
    frames = np.empty((max(length, 0), height, width, 3), np.uint8)
    found = iter_frames(root, clip, size, start, count, threads=threads, resizing=resizing)
    for i, frame in enumerate(found):
        frames[i] = frame
    return frames


@contextmanager
def _open(path: Path, threads: int) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open the first video stream of a file that is not its cover: those of WMV come before the video."""
    if not path.is_file():
        raise ClipError("unreadable-video", "a video", f"no file {path.name}")
    # Titles and comments are in whatever encoding their writer had.
    with av.open(str(path), metadata_errors="replace") as container:
        streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            raise ClipError("unreadable-video", "a video", f"{path.name} without a video stream")
        stream = streams[0]
        if stream.codec_context is None:
            raise ClipError("unreadable-video", "a video that decodes", "a codec that FFmpeg does not know")
        stream.codec_context.thread_count = threads
        if threads != 1:
            stream.thread_type = "AUTO"
        yield container, stream


def _decoded(path: Path, clip: Clip, start: int, stop: int, threads: int) -> Iterator[np.ndarray]:
    """Yield frames start … stop of a video as RGB; what a seek does not give, decoding from the beginning."""
    skipped = max(
        clip.first_frame - 1, 0
    )  # frames before the clip's first, which all others are counted from
    start, stop, end = start + skipped, stop + skipped, clip.n_frames + skipped
    to_rgb, due = VideoReformatter(), start  # one for all frames: each by itself would set up its own
    keyframes = Keyframes(clip.keyframes, clip.keyframe_frames)
    for seeks in (True, False) if keyframes.before(start) > 1 else (False,):
        with _open(path, threads) as (container, stream):
            frames = after_seek(container, stream, keyframes, start) if seeks else None
            for i, frame in frames or _from_beginning(container, stream, clip):
                if due == i < stop:
                    yield rgb(frame, to_rgb)
                    due += 1
                if due == stop < end:
                    return
        if due == stop:
            return


def _from_beginning(
    container: av.container.InputContainer, stream: av.VideoStream, clip: Clip
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield every frame with its number; one too many or a damaged one is not what was indexed."""
    for i, frame in enumerate(container.decode(stream)):
        if frame.is_corrupt:
            raise ClipError("damaged-frame", "every frame sound", f"frame {i} damaged")
        if i == clip.n_frames + clip.left_out:
            raise ClipError("count-mismatch", f"{i} frames", "more")
        yield i, frame


def _images(root: Path, clip: Clip, start: int, stop: int) -> Iterator[np.ndarray]:
    for i in range(start, stop):
        path = clip.frame_path(i)
        yield frame_pixels(open_image(root, path), path)
