"""Saliency maps of a corpus: as it ships them, or made from its fixations by its own rule."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from datasets.corpora.own_folder import FolderCorpus
from datasets.corpora.registry import find
from datasets.corpus import ClipError, MapRule
from datasets.damaged import changed, require_as_indexed, require_once
from datasets.reading.ground_truth import fixations_to_map, shipped_map
from datasets.resizing import DEFAULT_RESIZING, Size, resize
from manifests import Clip, Fixations, Manifest, Problem, ProblemError


def map_rule_of(manifest: Manifest) -> MapRule:
    """Return how maps are made from the fixations of a manifest's corpus.

    The manifest says it. One that was written before manifests did is taken at its corpus' name.

    Raises:
        ProblemError: nobody has said it.
    """
    if manifest.map_rule is None:
        return map_rule_of_name(manifest.corpus)
    if not manifest.map_rule:
        raise ProblemError(_no_rule(manifest.corpus))
    return MapRule(**manifest.map_rule)


def map_rule_of_name(name: str) -> MapRule:
    """Return the same of the corpus of this name; a name that no adapter has is an own folder's.

    Raises:
        ProblemError: its adapter does not say it.
    """
    rule = (find(name) or FolderCorpus).map_rule
    if rule is None:
        raise ProblemError(_no_rule(name))
    return rule


def read_map(
    root: Path | str,
    clip: Clip,
    i: int,
    size: Size | None = None,
    points: np.ndarray | None = None,
    *,
    rule: MapRule | None = None,
    resizing: str = DEFAULT_RESIZING,
) -> np.ndarray:
    """Return the saliency map of frame ``i`` (from 0) of a clip: uint8 (H, W).

    Args:
        root: the corpus root.
        clip: the clip.
        i: frame, from 0.
        size: (height, width) to resize to; None for native resolution.
        points: (n, 2) fixated pixels of the frame (`Fixations.frame`), needed when the clip has no shipped
            maps.
        rule: how the map is then made; None takes the adapter's word for it, where the manifest
            (`map_rule_of`) is not at hand.
        resizing: by which rule it is resized (`datasets.resizing`).

    Raises:
        ClipError: the shipped map cannot be read, or has another size than the clip.
        ProblemError: no map is shipped, and nobody has said how the corpus' are made.
        ValueError: neither a map nor points.
    """
    if clip.map_pattern:
        return resize(shipped_map(root, clip, i), size, resizing)
    if points is None:
        raise ValueError(f"{clip.corpus}/{clip.clip} ships no maps: its fixations are needed to make them")
    density = fixations_to_map(points, clip.height, clip.width, rule or map_rule_of_name(clip.corpus))
    return resize(np.rint(density * 255).astype(np.uint8), size, resizing)


class MapReader:
    """Saliency maps of a corpus, shipped or made.

    Args:
        manifest: of the corpus. Its fixations are read split by split, and only where they are needed.
        size: (height, width) of the maps; None for native resolution.
        resizing: by which rule they come to it (`datasets.resizing`).
    """

    def __init__(
        self, manifest: Manifest, size: Size | None = None, resizing: str = DEFAULT_RESIZING
    ) -> None:
        self._manifest, self._size, self._resizing = manifest, size, resizing
        self._fixations: dict[str, Fixations] = {}

    def read(self, clip: Clip, i: int, root: Path | None = None) -> np.ndarray:
        """Return the saliency map of frame ``i`` (from 0) of a clip: uint8 (H, W).

        Args:
            clip: of the manifest.
            i: frame, from 0.
            root: where the clip's maps lie, if not at the manifest's root.

        Raises:
            ProblemError: the shipped map is no longer what was indexed, or there is none and no rule.
        """
        made = not clip.map_pattern
        points = self.points(clip, i) if made else None
        rule = self._rule if made else None
        try:
            return read_map(
                root or self._manifest.root,
                clip,
                i,
                self._size,
                points=points,
                rule=rule,
                resizing=self._resizing,
            )
        except ClipError as error:
            raise changed(self._manifest.root, clip, error) from error

    def read_run(self, clip: Clip, start: int, stop: int, root: Path | None = None) -> Iterator[np.ndarray]:
        """Yield the maps of the frames ``start … stop``. Arguments and errors of `read`.

        Raises:
            ProblemError: the clip's files hold something else than when indexed.
        """
        for i in range(start, stop):
            yield self.read(clip, i, root)
        require = require_as_indexed if stop - start == clip.n_frames else require_once
        require(root or self._manifest.root, clip)

    def points(self, clip: Clip, i: int) -> np.ndarray:
        """Return the fixated pixels of frame ``i`` (from 0) of a clip: int16 (n, 2), row and column."""
        if clip.split not in self._fixations:
            self._fixations[clip.split] = self._manifest.fixations(clip.split)
        return self._fixations[clip.split].frame(clip.clip, i)

    @cached_property
    def _rule(self) -> MapRule:
        return map_rule_of(self._manifest)


def _no_rule(corpus: str) -> Problem:
    remedy = "Give its adapter a `map_rule`, and index the corpus again."
    return Problem(f"maps of {corpus}", "them shipped, or a rule to make them by", "neither", remedy)
