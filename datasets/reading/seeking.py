"""Decoding that begins in the middle of a video, and whether it gives what decoding from the start gives."""

from __future__ import annotations

import bisect
import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

import av
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

Opened = AbstractContextManager[tuple[av.container.InputContainer, av.VideoStream]]

_MOST_TRIED = 3
_PALETTE = "pal8"
"""Frames whose colours are in a palette: the decoder keeps it from where it was last written, and a seek may
have passed over that."""


@dataclass(frozen=True)
class Keyframes:
    """Where decoding of a video may begin: presentation times, increasing, and the frames (from 0) there."""

    times: Sequence[int] = ()
    frames: Sequence[int] = ()

    def before(self, start: int) -> int:
        """Return how many of them are at or before a frame."""
        return bisect.bisect_right(self.frames, start)


def is_keyframe(frame: av.VideoFrame) -> bool:
    """Whether decoding may begin here: a marked frame that refers to no other, with a time to seek to.

    A stream that refreshes its picture bit by bit marks frames that are whole only after those before.
    """
    return frame.key_frame and frame.pict_type == PictureType.I and frame.pts is not None


def after_seek(
    container: av.container.InputContainer, stream: av.VideoStream, keyframes: Keyframes, start: int
) -> Iterator[tuple[int, av.VideoFrame]]:
    """Yield frames with their numbers from a keyframe at or before `start` on; ends early if in doubt.

    Where a seek has come to is told by the first keyframe that decodes, by its time as indexed; what decodes
    before it may refer to frames that were passed over (open groups of pictures). Some containers land late
    (AVI and transport streams go by decoding times), so that an earlier one is sought, in growing steps.
    """
    known, back = keyframes.before(start), 1
    number_of = dict(zip(keyframes.times[:known], keyframes.frames[:known], strict=True))
    with suppress(av.FFmpegError):
        while known > 1:
            container.seek(keyframes.times[known - 1], stream=stream)
            frames = container.decode(stream)
            first = next(filter(is_keyframe, frames), None)
            if first is not None and first.pts in number_of:
                sound = itertools.takewhile(
                    lambda frame: not frame.is_corrupt, itertools.chain([first], frames)
                )
                yield from zip(itertools.count(number_of[first.pts]), sound, strict=False)
                return
            known, back = known - back, 2 * back


@dataclass
class SeekCheck:
    """Looks on while a video is decoded, and then seeks to a few of its keyframes to compare."""

    keyframes: list[tuple[int, int]] = field(default_factory=list)
    """(time, frame) of each."""
    _sums: dict[int, int] = field(default_factory=dict)
    """Checksums of some keyframes and of the frame after each, by their numbers."""
    _has_palette: bool = False
    _to_rgb: VideoReformatter = field(default_factory=VideoReformatter)

    def see(self, frame: av.VideoFrame, number: int) -> None:
        """Take in the next frame."""
        self._has_palette |= frame.format.name == _PALETTE
        found = is_keyframe(frame)
        if found and frame.pts is not None:
            # Of the keyframes the second, third, fifth, … and the frame after each: some, however many.
            nth = len(self.keyframes)
            self.keyframes.append((frame.pts, number))
            if nth and nth & (nth - 1) == 0:
                self._sums[number] = self._sum(frame)
                return
        if number - 1 in self._sums and number - 1 == self.keyframes[-1 - found][1]:
            self._sums[number] = self._sum(frame)

    def sound(self, open_again: Callable[[], Opened]) -> Keyframes:
        """Return the keyframes, or none where what follows a seek may be another picture.

        None as well where times begin again, as in files put end to end: one time then belongs to two
        frames, and no seek could tell which of them it has come to.
        """
        times = [time for time, _ in self.keyframes]
        if self._has_palette or not all(a < b for a, b in itertools.pairwise(times)):
            return Keyframes()
        found = Keyframes(tuple(times), tuple(number for _, number in self.keyframes))
        tried = [number for _, number in self.keyframes if number in self._sums][-_MOST_TRIED:]
        return found if all(self._same(open_again, found, start) for start in tried) else Keyframes()

    def _same(self, open_again: Callable[[], Opened], keyframes: Keyframes, start: int) -> bool:
        with open_again() as (container, stream):
            for number, frame in after_seek(container, stream, keyframes, start):
                if number > start + 1:
                    break
                if number >= start and number in self._sums and self._sums[number] != self._sum(frame):
                    return False
        return True

    def _sum(self, frame: av.VideoFrame) -> int:
        return zlib.crc32(self._to_rgb.reformat(frame, format="rgb24").to_ndarray().data)
