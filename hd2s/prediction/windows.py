"""Which frames of a clip a model looks at to answer which of them (HD2S paper, Sect. 3.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice

import numpy as np

from hd2s.models.config import Input
from hd2s.models.tested import ShortClips


def window_indices(
    n_frames: int, input: Input, *, in_order: bool = False, short_clips: ShortClips = "reflected"
) -> np.ndarray:
    """Return which frames predict which, for a model that answers the last frame of its window.

    With frames counted from 0 and a step of 1, frame t ≥ T−1 is predicted from {t−T+1, …, t}, each of the
    first T−1 from the time-reversed {t+T−1, …, t} (Sect. 3.1), which ends at t as well. Clips too short for
    the latter (down to a single frame) are one rule more: the clip is continued beyond its end by reflection
    in time, last frame not repeated (…, N−2, N−1, N−2, …); one frame repeats itself. A larger step s has t−s
    in place of t−1. TASED-Net's author begins such a clip again instead (…, N−1, 0, 1, …), and HD2S's
    released code gives the last whole window to all frames whose own would begin later. A photograph, a clip
    of one frame, stands alone where `Input.photograph` says so.

    Args:
        n_frames: of the clip.
        input: of the model.
        in_order: keep the order of time in the first windows.
        short_clips: as `hd2s.models.tested.PredictionProtocol` has it.

    Returns:
        int64 (n_frames, T), row t the window of frame t in the model's order; (1, 1) of a photograph alone.
    """
    if stands_alone(n_frames, input):
        return np.zeros((1, 1), np.int64)
    t = np.arange(n_frames)[:, None]
    back = np.arange(input.frames - 1, -1, -1) * input.step
    ahead = back[::-1] if in_order else back
    begin = np.minimum(t, own_windows(n_frames, input.span, short_clips) - 1)
    return beyond_end(np.where(t >= input.span - 1, t - back, begin + ahead), n_frames, short_clips)


def own_windows(n_frames: int, span: int, short_clips: ShortClips) -> int:
    """Return how many frames have a window that begins at them; those behind share the last of these."""
    whole = n_frames - span + 1
    return whole if short_clips == "last window" and whole > 0 else n_frames


def iter_windows(
    frames: Iterable[np.ndarray],
    input: Input,
    *,
    reverse_colours: bool = False,
    short_clips: ShortClips = "reflected",
) -> Iterator[np.ndarray]:
    """Yield every frame's window, uint8 (T, H, W, 3), in order, by `window_indices`.

    Of a model that answers the middle frame they are those of the clip `continued` at both ends. Reads
    `frames` once and holds no more than two spans of a window, so a stream of any length will do.

    Args:
        frames: uint8 (H, W, 3) each.
        input: of the model, which answers one frame of its window.
        reverse_colours: the first windows keep the order of time and have their colour channels reversed.
        short_clips: as `window_indices` takes it. Like `reverse_colours` it is of a model that answers the
            last frame.
    """
    if input.answers == "middle":
        yield from _around(frames, input)
        return
    head, stream = split(frames, input.span)
    indices = window_indices(len(head), input, in_order=reverse_colours, short_clips=short_clips)
    for row in indices[: input.span - 1]:
        window = np.stack([head[i] for i in row])
        yield window[..., ::-1] if reverse_colours else window
    yield from _sliding(chain(head, stream), input)


def _around(frames: Iterable[np.ndarray], input: Input) -> Iterator[np.ndarray]:
    single, stream = is_single(checked(frames))
    if single and stands_alone(1, input):
        yield np.stack(list(stream))
    else:
        yield from _sliding(continued(stream, *input.around), input)


def _sliding(frames: Iterable[np.ndarray], input: Input) -> Iterator[np.ndarray]:
    """Yield the window that begins at each frame behind which there are enough."""
    recent: deque[np.ndarray] = deque(maxlen=input.span)
    for frame in frames:
        recent.append(frame)
        if len(recent) == input.span:
            yield np.stack(list(recent)[:: input.step])


def iter_blocks(frames: Iterable[np.ndarray], input: Input) -> Iterator[tuple[np.ndarray, int]]:
    """Yield a clip in blocks of T × step frames, for a model that answers every frame of its window.

    A last block that is too short is continued by reflection in time; a photograph may stand alone.

    Args:
        frames: uint8 (H, W, 3) each.
        input: of the model.

    Yields:
        Windows uint8 (step, T, H, W, 3), of which window p holds the frames p, p + step, … of the block, or
        (1, 1, H, W, 3) of a photograph alone; and how many frames the block has.
    """
    stream, first = iter(checked(frames)), True
    while block := list(islice(stream, input.frames * input.step)):
        if first and stands_alone(len(block), input):
            yield np.stack(block)[None], 1
            return
        first = False
        indices = reflected(np.arange(input.frames * input.step), len(block)).reshape(
            input.frames, input.step
        )
        yield np.stack([np.stack([block[i] for i in phase]) for phase in indices.T]), len(block)


def stands_alone(n_frames: int, input: Input) -> bool:
    """Whether a clip of so many frames is shown as a window of one, where others have more."""
    return n_frames == 1 < input.frames and input.photograph == "alone"


def is_single(frames: Iterator[np.ndarray]) -> tuple[bool, Iterator[np.ndarray]]:
    """Return whether a clip is a single frame, as photographs are, and its frames."""
    first = list(islice(frames, 2))
    return len(first) == 1, chain(first, frames)


def continued(frames: Iterable[np.ndarray], before: int, behind: int) -> Iterator[np.ndarray]:
    """Yield a clip's frames, with as many as are asked for before its first and behind its last.

    They are the clip's own, reflected in time about either end: (…, 2, 1, 0, 1, 2, …) and (…, N−2, N−1, N−2,
    …); one frame repeats itself. The window of frame 0 is thus one of time reversed up to that frame, as it
    is where the last frame is answered; of the frames after it as many are real as the clip has.

    Args:
        frames: uint8 (H, W, 3) each.
        before: how many; so many and one are read ahead.
        behind: how many.
    """
    stream = iter(frames)
    head = list(islice(stream, before + 1))
    yield from (head[i] for i in reflected(np.arange(-before, 0), len(head)))
    tail: deque[np.ndarray] = deque(maxlen=behind + 1)
    for frame in chain(head, stream):
        tail.append(frame)
        yield frame
    yield from (tail[i] for i in reflected(np.arange(behind) + len(tail), len(tail)))


def split(frames: Iterable[np.ndarray], span: int) -> tuple[list[np.ndarray], Iterator[np.ndarray]]:
    """Return the frames that the windows of the first `span` − 1 frames look at, and those that follow."""
    stream = iter(checked(frames))
    return list(islice(stream, max(2 * span - 2, 1))), stream


def beyond_end(index: np.ndarray, n_frames: int, short_clips: ShortClips) -> np.ndarray:
    """Return frame numbers beyond a clip's end as those of the clip begun again, or `reflected`."""
    return index % n_frames if short_clips == "looped" else reflected(index, n_frames)


def reflected(index: np.ndarray, n_frames: int) -> np.ndarray:
    """Return frame numbers beyond a clip's end as those of the clip continued by reflection."""
    period = max(2 * (n_frames - 1), 1)
    folded = index % period
    return np.minimum(folded, period - folded)


def checked(frames: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the frames of a clip.

    Raises:
        ValueError: one has another shape or dtype than uint8 (H, W, 3), or there is none.
    """
    shape = None
    for i, frame in enumerate(frames):
        shape = shape or frame.shape
        if frame.dtype != np.uint8 or frame.shape != shape or len(shape) != 3 or shape[-1] != 3:
            raise ValueError(
                f"frame {i}: expected uint8 {shape if i else '(H, W, 3)'}, found {frame.dtype} "
                f"{frame.shape}; decode to RGB and resize to the model's input size"
            )
        yield frame
    if shape is None:
        raise ValueError("expected a clip of at least one frame, found none")
