"""Who wins: the best row of each group, and whether its lead over the second is more than chance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grid.outputs.statistics.corrections import holm
from grid.outputs.statistics.paired import Comparison, compare
from grid.outputs.tables.comparing.places import differences_by_clip
from grid.outputs.tables.layout import distinct_labels, gather, layout_of, shown, where
from grid.outputs.tables.lines import Line, lines_of
from grid.outputs.tables.scores import Results
from grid.outputs.tables.table import number
from grid.outputs.tables.value import rankable
from grid.specs.table import TableSpec
from hd2s.metrics.definitions import find_metric


class Contest(NamedTuple):
    """The rows of one group, in one metric.

    Attributes:
        where: the group, as a sentence names it.
        lines: the best first.
        labels: what the table calls them.
        lead: the best minus the second, clip by clip; p is corrected over the table's groups (Holm).
        metric: its name.
    """

    where: str
    lines: tuple[Line, ...]
    labels: tuple[str, ...]
    lead: Comparison
    metric: str

    def tied(self, digits: int) -> bool:
        """Whether the best prints as the second does, so that nobody has won."""
        means = (line.values[self.metric].mean for line in self.lines[:2])
        return len({None if mean is None else number(mean, digits) for mean in means}) == 1

    @property
    def significant(self) -> bool:
        """Whether the lead is more than chance; of clips of unlike lengths they may say the contrary."""
        better = 1 if find_metric(self.metric).larger_is_better else -1
        return self.lead.apart and better * self.lead.difference > 0


def contests(spec: TableSpec, metric: str, results: Results) -> list[Contest]:
    """Return the groups of a table in which all rows, of which there are two or more, can be compared.

    An oracle's rows compete with nobody's.
    """
    layout = layout_of(spec)
    lines = [line for line in lines_of(spec, (metric,), results) if not line.values[metric].apart]
    groups = gather(lines, lambda line: (layout.block(line.cell), layout.group(line.cell)))
    found = [one for _, of in groups if (one := _contest(of, spec, metric, results))]
    corrected = holm(np.array([one.lead.p for one in found])).tolist()
    return [one._replace(lead=one.lead._replace(p_holm=p)) for one, p in zip(found, corrected, strict=True)]


def _contest(lines: Sequence[Line], spec: TableSpec, metric: str, results: Results) -> Contest | None:
    values = [line.values[metric] for line in lines]
    labels = distinct_labels([line.cell for line in lines], spec)
    sign = -1 if find_metric(metric).larger_is_better else 1
    ranked = sorted(
        (sign * value.mean, n)
        for n, (value, may) in enumerate(zip(values, rankable(values), strict=True))
        if may and value.mean is not None
    )
    # Where one is missing, nobody has won yet.
    if len(ranked) < max(len(lines), 2):
        return None
    order = [n for _, n in ranked]
    best, second = (lines[n] for n in order[:2])
    return Contest(
        where(best.cell) if spec.targets else f"on {shown(best.cell.test)}",
        tuple(lines[n] for n in order),
        tuple(labels[n] for n in order),
        _lead(best, second, metric, results),
        metric,
    )


def _lead(best: Line, second: Line, metric: str, results: Results) -> Comparison:
    by_repeat = {choice.cell.repeat: choice.cell for choice in second.choices}
    matched = ((by_repeat.get(choice.cell.repeat), choice.cell) for choice in best.choices)
    pairs = [(a, b) for a, b in matched if a and len(results.scores_of((a, b))) == 2]
    return compare(
        differences_by_clip(pairs, metric, results), f"lead/{best.cell.id}/{second.cell.id}/{metric}"
    )
