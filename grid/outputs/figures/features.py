"""What each level sees of source and target, before and after an alignment (first version, Fig. 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes
from sklearn.manifold import TSNE

from datasets.reading.video import read_frames
from datasets.remote import at_hand
from grid.outputs.figures.contract import Drawing, Figure, Subject
from grid.outputs.figures.style import legend_below, panels, title
from grid.outputs.figures.trained import open_model, trained
from grid.outputs.tables.comparing.places import Standing, pairs_asked, standings
from grid.outputs.tables.layout import shown
from grid.plan import Cell
from hd2s.approaches.registry import approaches
from hd2s.models.contract import SaliencyModel
from hd2s.prediction.windows import reflected
from manifests.schema import Clip
from manifests.store import Manifest

# Windows of each corpus, of which each is a point: what a processor looks at in a minute or two.
_WINDOWS = 24
_MOST_PAIRS = 3
_PERPLEXITY = 12.0
_LOOKS: tuple[dict[str, Any], ...] = (
    {"label": "source", "marker": "o", "color": "#0072B2", "markersize": 2.5},
    {"label": "target", "marker": "^", "color": "#D55E00", "markersize": 3, "fillstyle": "none"},
)


class _Pair(NamedTuple):
    """A model before and after it was aligned."""

    before: Cell
    after: Cell

    @property
    def corpora(self) -> tuple[str, str]:
        """The first source and the target."""
        return self.after.sources[0], self.after.target or self.after.test


def draw(subject: Subject) -> Drawing | str:
    """Draw a line for each model, with a panel for each level.

    Told is the share of windows whose nearest one of another clip, by the means of all channels, is of their
    own corpus: half is what chance gives.
    """
    all_pairs = _pairs(subject)
    pairs = all_pairs[:_MOST_PAIRS]
    if not pairs:
        return "no approach that aligns features is trained beside the one that it improves on"
    if told := subject.material.lacking(name for pair in pairs for name in pair.corpora):
        return told
    lines = [(pair, cell, _seen(subject, pair, cell)) for pair in pairs for cell in pair]
    lines = [line for line in lines if line[2].levels]
    if not lines:
        return "no model of this table offers features"
    columns = max(len(seen.levels) for _, _, seen in lines)
    canvas, axes = panels(len(lines) * columns, columns=columns, height=1.2)
    rows: list[dict[str, Any]] = []
    for n, (pair, cell, seen) in enumerate(lines):
        of = axes[n * columns : (n + 1) * columns]
        for axis, level in zip(of, seen.levels, strict=False):
            rows += _draw_level(axis, pair, cell, level, seen)
        for axis in of[len(seen.levels) :]:
            axis.set_axis_off()
        source, target = map(shown, pair.corpora)
        of[0].set_ylabel(f"{source} → {target}\n{title(cell.approach)}", fontsize=6)
    if left_out := len(all_pairs) - len(pairs):
        axes[-1].set_xlabel(f"No room for {left_out} more.", fontsize=6)
    legend_below(canvas, axes)
    return Drawing(canvas, rows)


def _pairs(subject: Subject) -> list[_Pair]:
    """Return a pair of cells, of the first seed, for each place, model and approach that aligns features."""
    found: dict[tuple[str, str], _Pair] = {}
    for place in standings(subject.spec, subject.results):
        for after, before in pairs_asked(subject.spec):
            pair = _pair(place, before, after)
            if pair and all(trained(subject, cell) for cell in pair):
                found.setdefault((pair.before.training, pair.after.training), pair)
    return list(found.values())


def _pair(place: Standing, before: str, after: str) -> _Pair | None:
    aligns = approaches()[after].needs_target and "features" in approaches()[after].needs
    if not aligns or not {before, after} <= place.cells.keys():
        return None
    return _Pair(place.cells[before][0], place.cells[after][0])


class _Seen(NamedTuple):
    """What a model sees: level → features (N, C), means over the map; of which corpus and clip each is."""

    levels: dict[str, np.ndarray]
    corpora: np.ndarray
    clips: np.ndarray


@torch.inference_mode()
def _seen(subject: Subject, pair: _Pair, cell: Cell) -> _Seen:
    model = open_model(subject, cell)
    rows: dict[str, list[np.ndarray]] = {level: [] for level in model.config.features}
    corpora, clips = [], []
    for corpus, name in enumerate(pair.corpora if rows else ()):
        manifest = subject.material.manifests[name]
        for clip, share in _places(manifest):
            batch = model.normalise(torch.from_numpy(_window(model, manifest, clip, share)[None]))
            features = model(batch, domain=model.config.domain_of(name)).features
            for level, values in rows.items():
                values.append(features[level][0].mean((1, 2)).float().numpy())
            corpora.append(corpus)
            clips.append(f"{corpus}/{clip.clip}")
    levels = {level: np.stack(values) for level, values in rows.items()}
    return _Seen(levels, np.array(corpora), np.array(clips))


def _places(manifest: Manifest) -> list[tuple[Clip, float]]:
    """Return test clips, or where there are none others, evenly over their list, and where in each to look.

    Of fewer clips than are wanted there are several places each, as shares of the clip.
    """
    clips: Sequence[Clip] = ()
    for split in ("train", "val", "test"):
        clips = manifest.clips(split) or clips
    each = max(1, _WINDOWS // max(1, len(clips)))
    chosen = np.linspace(0, len(clips) - 1, min(_WINDOWS, len(clips))).round().astype(int)
    return [(clips[place], (n + 0.5) / each) for place in chosen for n in range(each)]


def _window(model: SaliencyModel, manifest: Manifest, clip: Clip, share: float) -> np.ndarray:
    """Return a window of a clip, uint8 (T, H, W, 3): 0 is the first, 1 the last, ½ that in the middle."""
    window = model.config.input
    length = 1 if clip.media == "image" and window.photograph == "alone" else window.frames
    start = round(share * max(0, clip.n_frames - window.span))
    wanted = reflected(start + np.arange(length) * window.step, clip.n_frames)
    first, last = int(wanted.min()), int(wanted.max())
    with at_hand(manifest.root, clip, "frames") as media:
        frames = read_frames(media, clip, window.size, first, last + 1 - first)
    return frames[wanted - first]


def _draw_level(axis: Axes, pair: _Pair, cell: Cell, level: str, seen: _Seen) -> list[dict[str, Any]]:
    points = seen.levels[level]
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    # The exact method takes a second of so few points, and gives the same ones each time.
    flat = TSNE(perplexity=perplexity, init="pca", method="exact", random_state=0).fit_transform(points)
    for number, looks in enumerate(_LOOKS):
        of = flat[seen.corpora == number]
        axis.plot(of[:, 0], of[:, 1], linestyle="none", markeredgewidth=0.6, **looks)
    apart = told_apart(points, seen.corpora, seen.clips)
    axis.set_title(f"{_named(level)}: {apart:.0%} told apart")
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_visible(True)
    return [
        {
            "source": pair.corpora[0],
            "target": pair.corpora[1],
            "model": cell.model,
            "approach": cell.approach,
            "level": level,
            "corpus": pair.corpora[of],
            "x": float(x),
            "y": float(y),
            "told_apart": apart,
        }
        for (x, y), of in zip(flat, seen.corpora, strict=True)
    ]


def _named(level: str) -> str:
    return f"level {level}" if level.isdecimal() else level.replace("_", " ")


def told_apart(points: np.ndarray, group: np.ndarray, clips: np.ndarray) -> float:
    """Return the share of points (N, C) whose nearest one of another clip is of their own group.

    It is the mean over groups, so that half is what chance gives.
    """
    squares = (points**2).sum(1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    distances[clips[:, None] == clips] = np.inf
    right = group[distances.argmin(1)] == group
    return float(np.mean([right[group == each].mean() for each in np.unique(group)]))


FIGURE = Figure("features", "Features of source and target, before and after alignment", draw, "frames")
