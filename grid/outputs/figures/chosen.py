"""Which of a table's cells are shown side by side, and on which frames: by rule, or as the user asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from grid.outputs.figures.contract import Subject
from grid.outputs.figures.trained import Place, trained
from grid.outputs.tables.comparing.places import pairs_asked
from grid.outputs.tables.layout import distinct_labels, gather, shown
from grid.outputs.tables.selection import choose
from grid.outputs.tables.table import number
from grid.plan import Cell
from hd2s.metrics.definitions import find_metric
from manifests.schema import Clip

GAIN, LOSS, MEDIAN = "largest gain", "largest loss", "median"
# Lines of pictures that fit on a page, frames by rule, and letters of a clip's name beneath one.
MOST_LINES, _MOST_FRAMES, _LONGEST = 12, 3, 13


@dataclass(frozen=True)
class Strip:
    """Cells that are tested on the same frames, by what tells them apart."""

    cells: dict[str, Cell]

    @property
    def first(self) -> Cell:
        """One of them, for what all have in common."""
        return next(iter(self.cells.values()))

    @property
    def test(self) -> str:
        """The corpus that all are tested on."""
        return self.first.test

    @property
    def title(self) -> str:
        """Where they are tested, and what they were trained on if that is one thing and another corpus."""
        sources = {cell.sources for cell in self.cells.values()}
        if len(sources) > 1 or self.test in self.first.sources:
            return shown(self.test)
        return f"{' + '.join(map(shown, self.first.sources))} → {shown(self.test)}"


class Shown(NamedTuple):
    """A frame that is shown, why, and what the maps' scores are: label → score, NaN where there is none."""

    place: Place
    why: str
    scores: dict[str, float]

    @property
    def name(self) -> str:
        """The clip and the frame, counted from 1, shortened where it is long."""
        name = self.place.clip.clip
        short = name if len(name) <= _LONGEST else f"…{name[1 - _LONGEST :]}"
        return f"{short}:{self.place.frame + 1}"


def record(strip: Strip, shown: Shown, cell: Cell) -> dict[str, Any]:
    """Return what the numbers behind a map begin with: where it is, why it is shown, and whose it is."""
    return {
        "place": strip.title,
        "clip": shown.place.clip.clip,
        "frame": shown.place.frame + 1,
        "why": shown.why,
        "model": cell.model,
        "approach": cell.approach,
        "variant": cell.variant,
    }


class Selection(NamedTuple):
    """What is shown: strips with their frames; and a sentence about those for which there is no room."""

    strips: list[tuple[Strip, list[Shown]]]
    left_out: str


def shown_frames(
    subject: Subject, lines: Callable[[Strip], int], most: int = _MOST_FRAMES
) -> Selection | str:
    """Return the strips with the frames that are shown of each, as many as fit on a page, or what is missing.

    Args:
        subject: the table.
        lines: strip → lines of pictures that a frame of it takes.
        most: frames of a strip that are chosen by rule.
    """
    found = strips(subject)
    if not found:
        return "no cell is evaluated whose weights are there"
    if told := subject.material.lacking(strip.test for strip in found):
        return told
    fitting = max(1, min(most, MOST_LINES // sum(map(lines, found))))
    shown: list[tuple[Strip, list[Shown]]] = []
    left_out, left = [], MOST_LINES
    for strip in found:
        frames = frames_of(subject, strip, fitting)
        taken = len(frames) * lines(strip)
        if frames and (taken <= left or not shown):
            shown.append((strip, frames))
            left -= taken
        elif frames:
            left_out.append(strip.title)
    if shown:
        told = f"No room for {', '.join(left_out)}." if left_out else ""
        return Selection(shown, " ".join(filter(None, (told, _nowhere(subject, found)))))
    if subject.material.frames:
        tests = " and ".join(dict.fromkeys(strip.test for strip in found))
        return f"{tests}: none of the frames {', '.join(subject.material.frames)}, as CLIP:NUMBER from 1"
    return f"no frame has a score in {subject.spec.metrics[0]}"


def strips(subject: Subject) -> list[Strip]:
    """Return what is side by side: cells of one source, target and test; without targets, of one test.

    Of several seeds and folds the first is shown, and what is not evaluated or has no weights is left out.
    """
    results, spec = subject.results, subject.spec
    chosen = [choice.cell for choice in choose(results.plan.cells_of(spec.name), results)]
    pooled = not spec.targets
    found = []
    for _, cells in gather(chosen, lambda c: ("" if pooled else c.sources, c.target, c.test)):
        alike = [min(of, key=lambda c: c.repeat) for _, of in gather(cells, _row)]
        done = [c for c in alike if c.evaluation and results.scores(c) and trained(subject, c)]
        if done:
            found.append(Strip(dict(zip(distinct_labels(done, spec), done, strict=True))))
    return found


def frames_of(subject: Subject, strip: Strip, most: int) -> list[Shown]:
    """Return the frames that are shown of a strip, at most so many by rule.

    By rule: where the compared approach gains most on the one that it improves on, where it loses most, and
    the median difference, in the table's first metric; of cells that are not compared the last gains on the
    first; of a single one its best, worst and median frame.
    """
    scores = _scores(subject, strip)
    clips = {clip.clip: clip for clip in subject.material.manifests[strip.test].clips()}
    keys = [key for key in sorted(scores) if key[0] in clips]
    if subject.material.frames:
        asked = _asked(subject.material.frames, clips)
        return [Shown(place, "", scores.get((place.clip.clip, place.frame), {})) for place in asked]
    alone = len(strip.cells) == 1
    values = _gains(subject, strip, [scores[key] for key in keys])
    defined = np.flatnonzero(np.isfinite(values))
    if not len(defined):
        return []
    order = defined[np.argsort(values[defined], kind="stable")]
    best, worst = ("best", "worst") if alone else (GAIN, LOSS)
    rules = {best: order[-1], worst: order[0], MEDIAN: order[len(order) // 2]}
    first = {int(n): why for why, n in reversed(rules.items())}
    found = [(n, why) for n, why in reversed(first.items())][:most]
    return [
        Shown(Place(clips[keys[n][0]], keys[n][1]), _why(why, values[n]), scores[keys[n]]) for n, why in found
    ]


def compared(subject: Subject, strip: Strip) -> tuple[str, str] | None:
    """Return the labels of what improves and of what it improves on; None of a single cell."""
    for after, before in pairs_asked(subject.spec):
        for model in dict.fromkeys(cell.model for cell in strip.cells.values()):
            labels = {
                cell.approach: label for label, cell in reversed(strip.cells.items()) if cell.model == model
            }
            if {after, before} <= labels.keys():
                return labels[after], labels[before]
    labels_of_all = list(strip.cells)
    return (labels_of_all[-1], labels_of_all[0]) if len(labels_of_all) > 1 else None


def _row(cell: Cell) -> tuple[str, ...]:
    return cell.model, cell.approach, cell.variant, *cell.sources


def _why(rule: str, value: float) -> str:
    """Say the rule; of a difference by the sign of what it has found, and with the value."""
    if rule not in (GAIN, LOSS):
        return rule
    if rule == GAIN and value < 0:
        rule = "smallest loss"
    if rule == LOSS and value > 0:
        rule = "smallest gain"
    return f"{rule} {number(value, 2, signed=True)}"


def _scores(subject: Subject, strip: Strip) -> dict[tuple[str, int], dict[str, float]]:
    """Return (clip, frame) → label → score in the table's first metric."""
    metric = subject.spec.metrics[0]
    found: dict[tuple[str, int], dict[str, float]] = {}
    for label, cell in strip.cells.items():
        result = subject.results.ledger.read_evaluation(cell.evaluation)
        if result is None:
            continue
        columns = (result.frames[name].to_pylist() for name in ("clip", "frame", metric))
        for clip, frame, value in zip(*columns, strict=True):
            found.setdefault((clip, frame), {})[label] = value
    return found


def _gains(subject: Subject, strip: Strip, scores: list[dict[str, float]]) -> np.ndarray:
    better = 1 if find_metric(subject.spec.metrics[0]).larger_is_better else -1
    pair = compared(subject, strip)
    if pair is None:
        (label,) = strip.cells
        return better * np.array([of.get(label, np.nan) for of in scores], dtype=float)
    after, before = (np.array([of.get(label, np.nan) for of in scores], dtype=float) for label in pair)
    return better * (after - before)


def _nowhere(subject: Subject, found: Sequence[Strip]) -> str:
    """Say which of the frames that were asked for no test corpus has."""
    manifests = [subject.material.manifests[strip.test] for strip in found]
    clips = [{clip.clip: clip for clip in manifest.clips()} for manifest in manifests]
    unknown = [text for text in subject.material.frames if not any(_asked([text], of) for of in clips)]
    return f"No such frame: {', '.join(unknown)}." if unknown else ""


def _asked(frames: Sequence[str], clips: dict[str, Clip]) -> list[Place]:
    """Return those frames that are of these clips; `figures.frames` counts from 1, as file names do."""
    found = []
    for text in frames:
        name, _, number = text.rpartition(":")
        clip = clips.get(name)
        if clip and number.isdecimal() and 0 < int(number) <= clip.n_frames:
            found.append(Place(clip, int(number) - 1))
    return found
