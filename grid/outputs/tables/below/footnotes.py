"""What must be known of some values: clips left out, seeds missing, frames that are predicted constant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from grid.outputs.tables.layout import gather, place, shown
from grid.outputs.tables.scores import Results, Scores
from grid.plan import Cell
from grid.specs.table import TableSpec
from manifests.problem import agreed, counted

DAGGER, DOUBLE_DAGGER = "†", "‡"
SEEDS = "(n/m): over n of m seeds; the cells of the others have no value yet."
UNRANKED = (
    "A value over fewer seeds, clips or frames than others beside it is not ranked, since it cannot be"
    " compared with them."
)
# Clips named in a footnote; the evaluation's result has them all.
_NAMED = 10


def sign(scores: Sequence[Scores]) -> str:
    """Return the signs of a value: that it lacks test clips, that some frames are predicted constant."""
    lacking = any(found.unread or found.quarantined for found in scores)
    constant = any(found.constant for found in scores)
    return DAGGER * lacking + DOUBLE_DAGGER * constant


def share(n_seeds: int, wanted: int) -> str:
    """Say how many of the seeds a value is over; empty if it has them all, or none."""
    return f"({n_seeds}/{wanted})" if 0 < n_seeds < wanted else ""


def sign_notes(cells: Iterable[Cell], results: Results, spec: TableSpec) -> list[str]:
    """Say what each of the signs stands for that cells have; a cell that stands in several rows is told once.

    Args:
        cells: those shown.
        results: their scores, where there are any.
        spec: the table.
    """
    once = [*dict.fromkeys(cells)]
    return clip_notes(once, results, spec) + constant_notes(once, results, spec)


def clip_notes(cells: Sequence[Cell], results: Results, spec: TableSpec) -> list[str]:
    """Say of each cell with a sign how many test clips its values lack, and which.

    Args:
        cells: those shown.
        results: their scores, where there are any.
        spec: the table.
    """
    scored = [(cell, scores) for cell in cells if (scores := results.scores(cell))]
    lacking = gather(
        ((cell, scores) for cell, scores in scored if scores.unread),
        lambda item: (item[0].test, item[1].unread, len(item[1].clips)),
    )
    notes = []
    for (test, unread, read), found in lacking:
        names = ", ".join(sorted(unread)[:_NAMED])
        more = f" and {len(unread) - _NAMED:,} more" if len(unread) > _NAMED else ""
        notes.append(
            f"{DAGGER} {len(unread):,} of {read + len(unread):,} test clips of {shown(test)} could not be"
            f" read and {agreed(len(unread))} left out ({names}{more}):"
            f" {'; '.join(place(cell, spec) for cell, _ in found)}."
        )
    by_test = gather(scored, lambda item: item[0].test)
    quarantined = {test: max(scores.quarantined for _, scores in found) for test, found in by_test}
    return notes + [
        f"{DAGGER} {counted(n, 'test clip')} of {shown(test)} {agreed(n)} quarantined by the index and left"
        " out of its values."
        for test, n in sorted(quarantined.items())
        if n
    ]


def length_notes(cells: Sequence[Cell], results: Results) -> list[str]:
    """Say which tests leave short clips out, by what rule, and how many they are scored on."""
    found = [
        (shown(cell.test), results.plan.evaluations[cell.evaluation].spec.protocol.min_frames, scores)
        for cell in cells
        if (scores := results.scores(cell)) and scores.shorter
    ]
    alike = gather(found, lambda item: (item[0], item[1], item[2].shorter, len(item[2].clips)))
    return [
        f"{test}: {counted(n_clips, 'test clip')}; {shorter:,} of fewer than {least} frames"
        f" {agreed(shorter)} left out."
        for (test, least, shorter, n_clips), _ in alike
    ]


def mixture_notes(cells: Sequence[Cell], results: Results) -> list[str]:
    """Say what of the values was not computed alike: then they differ in their last digits for that alone."""
    found: dict[tuple[str, str], list[str]] = {}
    for scores in results.scores_of(dict.fromkeys(cells)):
        for step, by in scores.computed:
            for name, value in by.items():
                known = found.setdefault((step, name), [])
                known += [str(value)] if str(value) not in known else []
    mixed = gather(
        ((name, step, values) for (step, name), values in found.items() if len(values) > 1),
        lambda item: (item[0], tuple(sorted(item[2]))),
    )
    told = [
        f"{name} {', '.join(values)} ({' and '.join(step for _, step, _ in items)})"
        for (name, values), items in mixed
    ]
    return [f"Not all values were computed alike: {'; '.join(told)}."] if told else []


def undefined_notes(cells: Sequence[Cell], results: Results, spec: TableSpec) -> list[str]:
    """Say of each metric which values are means over fewer frames than others. Arguments of `clip_notes`."""
    found: list[tuple[str, Cell, int, int]] = []
    for cell in cells:
        scores = results.scores(cell)
        known = {metric: sum(of.values()) for metric, of in (scores.frames_by_clip if scores else {}).items()}
        # Where nobody looked no metric is defined, as all tables say.
        most = max(known.values(), default=0)
        found += [(m, cell, known[m], most) for m in spec.metrics if 0 < known.get(m, 0) < most]
    alike = gather(found, lambda item: (item[0], item[1].test, item[3] - item[2], item[3]))
    return [
        f"{metric} is undefined on {lacking:,} of {counted(most, 'frame')} of {shown(test)}, which"
        f" {agreed(lacking)} left out of its mean: {'; '.join(place(cell, spec) for _, cell, *_ in items)}."
        for (metric, test, lacking, most), items in alike
    ]


def constant_notes(cells: Sequence[Cell], results: Results, spec: TableSpec) -> list[str]:
    """Say of each cell how many frames its model predicts constant. Arguments of `clip_notes`."""
    scored = [(cell, scores) for cell in cells if (scores := results.scores(cell)) and scores.constant]
    collapsed = gather(scored, lambda item: (item[0].test, item[1].constant, item[1].n_frames))
    return [
        f"{DOUBLE_DAGGER} {n:,} of {counted(n_frames, 'frame')} of {shown(test)} {agreed(n)} predicted"
        f" constant (one value in the whole map, after 8 bits) and {agreed(n, 'counts', 'count')} as chance:"
        f" {'; '.join(place(cell, spec) for cell, _ in found)}."
        for (test, n, n_frames), found in collapsed
    ]
