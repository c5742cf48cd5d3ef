"""Which frames a training step sees: a pure function of names and numbers, never of call order."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from manifests import Clip, Problem, ProblemError
from manifests.clips import lengths, long_enough, take
from manifests.clips import stills as stills_among
from manifests.problem import counted

Photograph = Literal["repeated", "alone"]
"""How a photograph is shown: as a window of as many frames as others have, or of one."""
Sampling = Literal["anew", "passes"]
"""How clips are drawn for training: `Drawing`."""
Starts = Literal["spread", "released"]
"""Where windows for validation stand in a clip: `validation_windows`."""


@dataclass(frozen=True, slots=True)
class WindowShape:
    """Which frames of a clip a model sees together, and of which of them it gives maps.

    Raises:
        ValueError: no such frames.
    """

    length: int
    """Frames of a window, T."""
    step: int = 1
    """From one of them to the next, in frames of the clip."""
    answers: range | None = None
    """Which of them have a map, one after the other, counted from 0; None: the last one alone."""

    def __post_init__(self) -> None:
        answered = self.answered
        in_a_row = answered.step == 1 and 0 <= answered.start < answered.stop <= self.length
        if min(self.length, self.step) < 1 or not in_a_row:
            told = "a window has 1 frame or more, a step of 1 or more, and answers frames of its own in a row"
            raise ValueError(f"{told}: {self}")

    @property
    def span(self) -> int:
        """Frames of the clip from the first to the last of a window."""
        return (self.length - 1) * self.step + 1

    def showing(self, clips: Sequence[Clip], photograph: Photograph) -> WindowShape:
        """Return the shape that windows of these clips have, which is another where photographs stand alone.

        Raises:
            ProblemError: some of the clips are photographs that are to stand alone, and some are not.
        """
        stills = int(stills_among(clips).sum())
        if photograph == "repeated" or not stills:
            return self
        if stills < len(clips):
            found = f"{counted(stills, 'photograph')} among {counted(len(clips), 'clip')}"
            remedy = "Index photographs and videos as two corpora: this model sees them in different batches."
            where = f"clips of {clips[0].corpus}"
            raise ProblemError(Problem(where, "photographs alone, or none", found, remedy))
        return WindowShape(1)

    def fits(self, clip: Clip) -> int:
        """Return at how many places of a clip a window may begin; none in one that is too short."""
        return 1 if clip.media == "image" else max(clip.n_frames - self.span + 1, 0)

    def places(self, clips: Sequence[Clip]) -> np.ndarray:
        """Return `fits` of each clip: int64 (N,)."""
        return np.where(stills_among(clips), 1, np.maximum(lengths(clips) - self.span + 1, 0))

    @property
    def answered(self) -> range:
        """Which frames of a window have a map, counted from 0."""
        return range(self.length - 1, self.length) if self.answers is None else self.answers


@dataclass(frozen=True, slots=True)
class Window:
    """Where a window of some `WindowShape` lies."""

    clip_index: int
    """Position in the list of clips."""
    start: int
    """First frame, from 0."""
    flip: bool
    """Mirrored left to right."""


def _as_counted(step: int) -> int:
    return step


@dataclass(frozen=True, slots=True)
class Drawing:
    """How the windows of a training are drawn."""

    sampling: Sampling = "anew"
    """Each window's clip is drawn anew; or all are taken in "passes", in an order drawn for each."""
    mirrored: bool = True
    """Half of the windows are, left to right; otherwise none is, and all else is drawn alike."""
    number: Callable[[int], int] = _as_counted
    """A step → how many micro-batches of these clips come before its own."""


DRAWN_ANEW = Drawing()


def place_in_pass(seed: int, corpus: str, number: int, slot: int, *, clips: int, batch: int) -> int:
    """Return which of so many clips has a slot of a micro-batch, where each has one in a pass.

    What fills no whole micro-batch is left out of the pass; fewer clips than slots have several.

    Args:
        seed: of the experiment.
        corpus: name of the corpus.
        number: of the micro-batch, from 0.
        slot: position in it.
        clips: to be taken.
        batch: slots.
    """
    turn, within = divmod(number, max(clips // batch, 1))
    return int(_pass(seed, corpus, turn, clips)[(within * batch + slot) % clips])


@lru_cache(maxsize=8)
def _pass(seed: int, corpus: str, turn: int, clips: int) -> np.ndarray:
    return _generator(seed, f"{corpus}/pass", turn).permutation(clips)


def draw_window(
    seed: int,
    corpus: str,
    step: int,
    slot: int,
    *,
    lengths: np.ndarray,
    span: int,
    usable: np.ndarray | None = None,
    mirrored: bool = True,
    place: int | None = None,
) -> Window:
    """Draw one training window: a clip, its start and a flip, each uniformly (paper, section 4.2).

    The draw depends on nothing but the arguments, so training resumes at any step, any number of loaders
    gives the same batches, and two models trained on one corpus see the same clips: they are comparable
    in pairs.

    Args:
        seed: of the experiment.
        corpus: name of the corpus.
        step: counts the micro-batches.
        slot: position in the global micro-batch.
        lengths: int (N,), frames of each clip; clips shorter than the span are never drawn.
        span: frames that a window reaches over.
        usable: int (n,), which clips have so many, where the caller has it from `usable_among`.
        mirrored: as `Drawing` has it.
        place: which of the usable clips is to be taken; None to draw one.

    Raises:
        ValueError: no clip has so many.
    """
    usable = usable_among(lengths, span) if usable is None else usable
    if len(usable) == 0:
        longest = max(lengths, default=0)
        raise ValueError(f"no clip of {corpus} has the {span} frames of a window; the longest has {longest}")
    rng = _generator(seed, corpus, step, slot)
    drawn = rng.integers(len(usable))
    clip_index = int(usable[drawn if place is None else place])
    start = int(rng.integers(lengths[clip_index] - span + 1))
    return Window(clip_index, start, mirrored and bool(rng.integers(2)))


def usable_among(lengths: np.ndarray, span: int) -> np.ndarray:
    """Return which clips, by their frames, int (N,), have those that a window reaches over: int (n,)."""
    return np.flatnonzero(np.asarray(lengths) >= span)


def eligible(clips: Sequence[Clip], T: int, step: int = 1) -> tuple[Sequence[Clip], int]:
    """Return the clips that have a window, and how many are left out (as the paper does in training).

    Args:
        clips: of one split.
        T: frames of a window.
        step: from one of them to the next.
    """
    kept = long_enough(clips, WindowShape(T, step).span)
    return kept, len(clips) - len(kept)


def draw_half(clips: Sequence[Clip], seed: int, corpus: str, step: int) -> Sequence[Clip]:
    """Draw half of the clips, rounded up, uniformly; return them in their order.

    Like `draw_window`, it depends on nothing but the arguments.
    """
    drawn = _generator(seed, corpus, step).permutation(len(clips))[: (len(clips) + 1) // 2]
    return take(clips, np.sort(drawn))


def validation_windows(
    clips: Sequence[Clip], T: int, per_clip: int, step: int = 1, starts: Starts = "spread"
) -> list[Window]:
    """Return ``per_clip`` fixed windows of each clip: never flipped, the same at every call.

    Args:
        clips: as `eligible` takes them, and T and step.
        T: frames of a window.
        per_clip: of a clip with fewer different windows those it has, of one shorter than a window none.
        step: from one frame of a window to the next.
        starts: "spread": one window stands in the middle; of more, the first begins and the last ends with
            the clip. "released": where UNISAL's code has them, the first in the middle of its share of the
            clip, the last as far before the clip's end as the first one begins after the clip's beginning.
    """
    windows, shape, place = [], WindowShape(T, step), _released if starts == "released" else _spread
    for index, last in enumerate((shape.places(clips) - 1).tolist()):
        if last >= 0:
            found = place(last, T, step, per_clip)
            windows += [Window(index, int(start), False) for start in np.unique(found)]
    return windows


def _spread(last: int, T: int, step: int, per_clip: int) -> np.ndarray:
    """Return where windows begin of which the last possible one begins at `last`: int (per_clip,)."""
    del T, step
    return np.array([last // 2]) if per_clip == 1 else np.linspace(0, last, per_clip).round().astype(int)


def _released(last: int, T: int, step: int, per_clip: int) -> np.ndarray:
    # In frames counted from 1, the steps after the last frame of a window counted in, as the code does: it
    # would begin one window of a clip of 60 frames at frame 0, which there is none of.
    n, reach = last + (T - 1) * step + 1, T * step
    first = n // (2 * per_clip) - reach // 2
    ends = np.linspace(max(1, first), min(n - reach, n - first), per_clip).astype(int)
    return np.clip(ends - 1, 0, last)


def _generator(seed: int, corpus: str, *place: int) -> np.random.Generator:
    key = int.from_bytes(hashlib.sha256(corpus.encode()).digest()[:8], "little")
    return np.random.default_rng([seed, key, *place])
