"""A few frames of each of a table's corpora, with where people looked."""

from __future__ import annotations

from typing import Any

from datasets.statistics.contact_sheet import tiles
from datasets.statistics.numbers import described_split
from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.pictures import Row, draw_rows, panel
from grid.outputs.tables.layout import shown

_IN_A_ROW = 5


def draw(subject: Subject) -> Drawing | str:
    """Draw a row for each corpus: the middle frames of clips evenly over its training clips' list."""
    names = subject.spec.corpora()
    if told := subject.material.lacking(names):
        return told
    rows: list[Row] = []
    numbers: list[dict[str, Any]] = []
    for name in names:
        manifest = subject.material.manifests[name]
        found = list(tiles(manifest, described_split(manifest), _IN_A_ROW))
        panels = [panel(tile.picture, below=f"{tile.clip}:{tile.frame + 1}") for tile in found]
        rows.append(Row(shown(name), [*panels]))
        numbers += [{"corpus": name, "clip": tile.clip, "frame": tile.frame + 1} for tile in found]
    return Drawing(draw_rows(rows), numbers)


FIGURE = Figure("frames", "Frames of the corpora, with where people looked", draw, "frames")
