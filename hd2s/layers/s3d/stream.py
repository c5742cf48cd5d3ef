"""S3D's first blocks along a whole clip, computed once for all the windows that look at it.

Windows of T frames that follow each other share T−1 of them, but a layer's output is the same for two windows
only where zero padding in time does not reach it. Up to the first tap (S3D's blocks 1 and 2) that can be said
exactly. Let c be a frame, and j = (c − w)/2 its place among the T/2 outputs of a window that starts at w.

- Block 1's spatial convolution sees one frame: once per frame.
- Its temporal convolution sees c−3 … c+3, cut off where the window ends: at j = 0 taps 0…2 are cut, at j = 1
  tap 0, at the last j taps 5 and 6, elsewhere none. So there are four values per frame, whichever windows
  it is in. They are sums of the same segments of taps {0}, {1, 2}, {3, 4}, {5, 6}.
- Block 2's spatial part acts on each of the four. Its temporal convolution sees those of c−2, c and c+2;
  which of the four they are depends on j alone and gives six combinations (T = 16), each a sum of shared
  products.

From the next layer on (the mixed blocks) padding reaches every output and nothing can be shared. Both phases
of the stride are served alike, since a value belongs to a frame and not to a window. HD2S at 16×128×192
needs 14.6 GFLOP per frame in this way instead of 22.0 (13.3 with `hd2s.layers.upsampled_conv`).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from hd2s.layers.folded import Casting, FrameConv, per_frame, per_pixel
from hd2s.layers.known import known_as
from hd2s.layers.matrices import add_mixed, mix_channels
from hd2s.layers.s3d.network import S3D, ConvUnit, SeparableConv

_STRIDE = 2  # of block 1's temporal convolution, in frames
_REACH = 3  # of the same, to either side
_SEGMENTS = ((0,), (1, 2), (3, 4), (5, 6))  # its taps, in pieces that are computed once

Value = tuple[int, ...]
"""A value of block 1, by the segments that its window leaves of it."""
_LEFT, _NEXT, _FULL, _RIGHT = (2, 3), (1, 2, 3), (0, 1, 2, 3), (0, 1, 2)

Kind = tuple[Value | None, Value, Value | None]
"""A value of block 2, by what its three taps see; None beyond the window."""


def kinds(length: int) -> list[Kind]:
    """Return which value block 2 has at each of the `length` ≥ 4 places of a window."""
    values = [_LEFT, _NEXT, *[_FULL] * (length - 3), _RIGHT]
    return list(zip([None, *values[:-1]], values, [*values[1:], None], strict=True))


class FirstBlocks:
    """Blocks 1 and 2 of an S3D, folded: what a sweep puts together.

    Frames, values and products stand along the first axis: (n, H, W, C).

    Args:
        backbone: the S3D.
        length: frames of a window.
        cast: where the folded weights live.
        pooled: whether the first tap lies behind the pool that follows block 2, or before it.
    """

    def __init__(self, backbone: S3D, length: int, cast: Casting, *, pooled: bool = True):
        first, second = (known_as(SeparableConv, block[-1]) for block in (backbone.block1, backbone.block2))
        pointwise = known_as(ConvUnit, backbone.block2[0])
        self.length, self._pooled = length // _STRIDE, pooled
        self._space1 = FrameConv(cast, first.spatial)
        self._pointwise, self._space2 = FrameConv(cast, pointwise), FrameConv(cast, second.spatial)
        weight, bias = cast.fold(first.temporal.conv, first.temporal.norm)
        self._segments = [cast.place(weight[:, :, taps[0] : taps[-1] + 1].squeeze(4)) for taps in _SEGMENTS]
        self._bias1 = cast.place(bias)
        weight, bias = cast.fold(second.temporal.conv, second.temporal.norm)
        self._taps = [cast.place(weight[:, :, tap, 0, 0].T) for tap in range(3)]
        self._bias2 = cast.place(bias)

    def frames(self, frames: Tensor) -> Tensor:
        """Block 1 in space."""
        return self._space1(frames[None])[0]

    def segment(self, i: int, frames: Tensor) -> Tensor:
        """Segment `i` of block 1 in time; its taps begin at each frame that has all of them."""
        return per_pixel(frames[None], lambda x: F.conv2d(x, self._segments[i]))[0]

    def value(self, segments: list[list[Tensor]]) -> Tensor:
        """Block 1 from its segments, pooled."""
        return _pool(_sum(segments), self._bias1)

    def features(self, values: Tensor) -> Tensor:
        """Block 2 up to its temporal convolution."""
        return self._space2(self._pointwise(values[None]))[0]

    def product(self, tap: int, features: Tensor) -> Tensor:
        """One tap of block 2 in time."""
        return mix_channels(features, self._taps[tap])

    def tap(self, products: list[list[Tensor]], features: dict[int, list[Tensor]]) -> Tensor:
        """Block 2: the first tap. From products, and from features by taps without one."""
        others = iter(features.items())
        if products:
            total = _sum(products)
        else:
            tap, span = next(others)
            total = torch.cat([self.product(tap, piece) for piece in span])
        for tap, span in others:
            places = total.split([len(piece) for piece in span])
            for piece, place in zip(span, places, strict=True):
                add_mixed(place, piece, self._taps[tap])
        return _pool(total, self._bias2) if self._pooled else total.add_(self._bias2).relu_()


class Sweep:
    """Takes a clip's frames as they come, and gives the first tap of every window they complete.

    Args:
        blocks: of the S3D whose tap it is.
        n_windows: how many windows will be asked for, where that is known; it spares work beyond them.
    """

    def __init__(self, blocks: FirstBlocks, n_windows: int | None = None):
        self._blocks, self._n_windows = blocks, n_windows
        self._kinds = kinds(blocks.length)
        self._values = {kind[1]: self._todo([k[1] for k in self._kinds], kind[1]) for kind in self._kinds}
        self._taps = {kind: self._todo(self._kinds, kind) for kind in self._kinds}
        self._spatial, self._segments = _Track(), [_Track() for _ in _SEGMENTS]
        uses = Counter((tap, v) for kind in set(self._kinds) for tap, v in enumerate(kind) if v is not None)
        begins = {value: todo.next for value, todo in self._values.items()}
        # Where several kinds share a tap's product it is computed once and kept; otherwise the features are,
        # and their product is added straight to the one kind's sum.
        self._products = {(tap, v): _Track(begins[v]) for (tap, v), n in uses.items() if n > 1}
        alone = uses.keys() - self._products.keys()
        self._features = {v: _Track(begins[v]) for _, v in alone}
        self._terms = self._products | {(tap, v): self._features[v] for tap, v in alone}
        self._done: dict[tuple[Kind, int], Tensor] = {}
        self._n_given = 0

    def push(self, frames: Tensor) -> Tensor | None:
        """Take the next frames, (n, H, W, 3) in [-1, 1].

        Returns:
            The first tap of the windows that they complete, oldest first: (m, T/2, H/8, W/8, 192), or
            (m, T/2, H/4, W/4, 192) before its pool, or None.
        """
        self._spatial.extend(self._blocks.frames(frames))
        stop = self._spatial.stop
        self._extend_segments()
        self._extend_products()
        self._extend_taps()
        windows = range(self._n_given, int(min(stop - _STRIDE * self._blocks.length + 1, self._limit)))
        if not windows:
            return None
        taps = [self._done[kind, w + _STRIDE * j] for w in windows for j, kind in enumerate(self._kinds)]
        self._n_given = windows.stop
        for kind, centre in list(self._done):
            if centre < windows.stop + _STRIDE * self._kinds.index(kind):
                del self._done[kind, centre]
        return torch.stack(taps).unflatten(0, (len(windows), -1))

    def _extend_segments(self) -> None:
        for i, (segment, taps) in enumerate(zip(self._segments, _SEGMENTS, strict=True)):
            if self._spatial.stop - segment.stop >= len(taps):
                frames = torch.cat(self._spatial.pieces(segment.stop, self._spatial.stop))
                segment.extend(self._blocks.segment(i, frames))
        self._spatial.forget(min(segment.stop for segment in self._segments))

    def _extend_products(self) -> None:
        for value, todo in self._values.items():
            begins = {i: _SEGMENTS[i][0] - _REACH for i in value}
            span = todo.take(min(self._segments[i].stop - begin for i, begin in begins.items()))
            if span:
                parts = [self._segments[i].pieces(span.start + b, span.stop + b) for i, b in begins.items()]
                features = self._blocks.features(self._blocks.value(parts))
                if value in self._features:
                    self._features[value].extend(features)
                for (tap, of_value), track in self._products.items():
                    if of_value == value:
                        track.extend(self._blocks.product(tap, features))
        for i, segment in enumerate(self._segments):
            begin = _SEGMENTS[i][0] - _REACH
            segment.forget(min(todo.next + begin for value, todo in self._values.items() if i in value))

    def _extend_taps(self) -> None:
        for kind, todo in self._taps.items():
            shifts = {(tap, v): _STRIDE * (tap - 1) for tap, v in enumerate(kind) if v is not None}
            span = todo.take(min(self._terms[key].stop - shift for key, shift in shifts.items()))
            if span:
                parts = {k: self._terms[k].pieces(span.start + s, span.stop + s) for k, s in shifts.items()}
                products = [part for key, part in parts.items() if key in self._products]
                features = {tap: part for (tap, v), part in parts.items() if (tap, v) not in self._products}
                taps = self._blocks.tap(products, features)
                self._done |= {(kind, c): tap for c, tap in zip(span, taps, strict=True)}
        for track in set(self._terms.values()):
            track.forget(
                min(
                    todo.next + _STRIDE * (tap - 1)
                    for kind, todo in self._taps.items()
                    for tap, value in enumerate(kind)
                    if value is not None and self._terms.get((tap, value)) is track
                )
            )

    @property
    def _limit(self) -> int | float:
        return float("inf") if self._n_windows is None else self._n_windows

    def _todo(self, places: Sequence[Value | Kind], what: Value | Kind) -> _Todo:
        last = len(places) - 1 - places[::-1].index(what)
        return _Todo(_STRIDE * places.index(what), _STRIDE * last + self._limit)


@dataclass
class _Todo:
    """The centres at which something is still to be computed."""

    next: int
    limit: int | float

    def take(self, stop: int) -> range:
        """Return the centres before `stop` that have not been taken yet."""
        span = range(self.next, max(self.next, int(min(stop, self.limit))))
        self.next = span.stop
        return span


class _Track:
    """Tensors of consecutive frames along the first axis, in pieces, of which the oldest are forgotten."""

    def __init__(self, start: int = 0):
        self._pieces: deque[tuple[int, Tensor]] = deque()
        self.stop = start

    def extend(self, data: Tensor) -> None:
        self._pieces.append((self.stop, data))
        self.stop += len(data)

    def pieces(self, start: int, stop: int) -> list[Tensor]:
        """Return the frames from `start` to `stop`, all of which are held, as one tensor or more."""
        held = ((first, data) for first, data in self._pieces if first < stop and start < first + len(data))
        return [data[max(start - first, 0) : stop - first] for first, data in held]

    def forget(self, before: int) -> None:
        while self._pieces and self._pieces[0][0] + len(self._pieces[0][1]) <= before:
            self._pieces.popleft()


def _sum(parts: list[list[Tensor]]) -> Tensor:
    """Add up spans of equal length, each in pieces, in a tensor of its own."""
    *others, last = parts
    if not others:
        return torch.cat(last)
    term = last[0] if len(last) == 1 else torch.cat(last)
    total = torch.empty_like(term)
    for part in others:
        sizes = [len(piece) for piece in part]
        for piece, so_far, place in zip(part, term.split(sizes), total.split(sizes), strict=True):
            torch.add(so_far, piece, out=place)
        term = total
    return total


def _pool(x: Tensor, bias: Tensor) -> Tensor:
    """Bias, ReLU and 3×3 max-pooling of stride 2; the maximum first, since the others keep the order."""
    return per_frame(x[None], lambda f: F.max_pool2d(f, 3, 2, 1))[0].add_(bias).relu_()
