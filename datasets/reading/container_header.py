"""How long a video is by its header, by which a file that was cut off is told from one that is whole."""

from __future__ import annotations

import math

import av
import numpy as np

_EXAGGERATED_SHARE, _EXAGGERATED_FRAMES = 0.02, 2
"""By what share, and how many frames, a length in time may exaggerate before the file counts as cut off."""
_ALIKE_SHARE = 0.9
"""Of the times between frames: that many must be one frame's for a longer one to be told as a gap."""
_ONE_EACH = ("png", "apng", "ffv1")
"""Codecs of which each packet is a frame, beside those that FFmpeg knows to be of such pictures alone."""


class Header:
    """What the header of a container says of a video's length, held against what there is.

    AVI's counts packets, of which some hold no frame; those of MP4 and Matroska tell the time, which edit
    lists cut. Other containers say nothing, or what the size of the file suggests. All of that is given some
    room. Where each packet is a frame by its codec, packets are counted to the last one: those that AVI's
    header counts must be there, and each must give its frame, which a decoder may pass over without a word.
    """

    def __init__(self, container: av.container.InputContainer, stream: av.VideoStream) -> None:
        form, codec = container.format.name, stream.codec_context.codec
        self._one_each = codec.intra_only or codec.name in _ONE_EACH
        self._frames = stream.frames if form == "avi" else 0
        self._duration = 0.0
        if form.startswith(("mov", "matroska")):
            if stream.duration and stream.time_base:
                self._duration = float(stream.duration * stream.time_base)
            elif container.duration and len(container.streams) == 1:
                self._duration = container.duration / av.time_base
        self._packets, self._first, self._last = 0, math.inf, -math.inf
        # A damaged block of Matroska's is passed over without a word, and nothing else tells of it.
        self._times: list[float] | None = [] if form.startswith("matroska") else None

    def count(self, packet: av.Packet) -> None:
        """Take in a packet."""
        self._packets += packet.size > 0

    def see(self, frame: av.VideoFrame) -> None:
        """Take in a frame."""
        if frame.time is not None:
            self._first, self._last = min(self._first, frame.time), max(self._last, frame.time)
            if self._times is not None:
                self._times.append(frame.time)

    def promised(self, n_frames: int, fps: float) -> int:
        """Return how many frames there should have been; `n_frames` where nothing speaks against them."""
        if self._one_each and max(self._frames, self._packets) > n_frames:
            return max(self._frames, self._packets)
        promised = n_frames + max(self._frames - self._packets, 0)
        length = self._last - self._first + (1 / fps if fps else 0.0)
        if self._duration and 0 < length < self._duration:
            promised = round(n_frames * self._duration / length)
        tolerated = max(_EXAGGERATED_SHARE * promised, _EXAGGERATED_FRAMES)
        return promised if promised - n_frames > tolerated else n_frames

    def gap(self) -> str:
        """Say where frames of a steady rate seem to be missing, and how many; "" where none are."""
        steps = np.diff(self._times or [])
        if not len(steps) or (usual := float(np.median(steps))) <= 0:
            return ""
        # Times are in whole milliseconds, so that steps of one rate differ by as much.
        lengths = np.rint(steps / usual).astype(int)
        if not np.mean(np.abs(steps - usual) < 0.0015) >= _ALIKE_SHARE or lengths.max() < 2:
            return ""
        first = int(np.argmax(lengths > 1))
        missing = int((lengths - 1).clip(0).sum())
        return f"times that leave room for {missing} more, the first after frame {first + 1}"
